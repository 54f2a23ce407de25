# t/batch_full_table.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'batch_full_table',
    'batches: on streams each descriptor is a message';
