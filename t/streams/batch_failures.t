# t/batch_failures.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'batch_failures';
