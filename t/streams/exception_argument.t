# t/exception_argument.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'exception_argument';
