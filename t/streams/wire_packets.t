# t/wire_packets.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'wire_packets';
