# t/endpoint_exclusive.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'endpoint_exclusive',
    'it connects and accepts in one process, which waits for itself on streams';
