# t/flush_before_send.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'flush_before_send';
