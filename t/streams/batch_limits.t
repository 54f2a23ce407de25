# t/batch_limits.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'batch_limits',
    'batches: on streams each descriptor is a message';
