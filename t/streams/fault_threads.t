# t/fault_threads.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'fault_threads';
