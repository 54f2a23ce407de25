# t/full_table_accept.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'full_table_accept',
    'it connects and accepts in one process, which waits for itself on streams';
