# t/thread_full_table.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'thread_full_table';
