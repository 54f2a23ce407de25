# t/received_handle.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'received_handle';
