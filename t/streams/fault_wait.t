# t/fault_wait.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'fault_wait';
