# t/endpoint_names.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'endpoint_names',
    'it connects and accepts in one process, which waits for itself on streams';
