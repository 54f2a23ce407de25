# t/endpoint_exclusive_steps.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'endpoint_exclusive_steps',
    'it connects and accepts in one process, which waits for itself on streams';
