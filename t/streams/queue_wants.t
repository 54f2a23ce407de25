# t/queue_wants.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'queue_wants';
