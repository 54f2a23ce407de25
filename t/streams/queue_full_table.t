# t/queue_full_table.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'queue_full_table';
