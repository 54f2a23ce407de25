# t/endpoint_mode.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'endpoint_mode',
    'it connects and accepts in one process, which waits for itself on streams';
