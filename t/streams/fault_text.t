# t/fault_text.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'fault_text';
