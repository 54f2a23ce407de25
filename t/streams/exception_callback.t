# t/exception_callback.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'exception_callback';
