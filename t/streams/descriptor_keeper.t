# t/descriptor_keeper.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'descriptor_keeper',
    'it connects and accepts in one process, which waits for itself on streams';
