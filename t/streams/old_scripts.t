# t/old_scripts.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'old_scripts',
    'it connects and accepts in one process, which waits for itself on streams';
