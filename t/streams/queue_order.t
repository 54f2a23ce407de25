# t/queue_order.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'queue_order';
