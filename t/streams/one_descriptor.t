# t/one_descriptor.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'one_descriptor';
