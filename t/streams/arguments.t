# t/arguments.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'arguments',
    'it connects and accepts in one process, which waits for itself on streams';
