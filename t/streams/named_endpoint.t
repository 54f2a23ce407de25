# t/named_endpoint.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'named_endpoint',
    'it connects and accepts in one process, which waits for itself on streams';
