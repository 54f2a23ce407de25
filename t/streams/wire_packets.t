# t/wire_packets.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'wire_packets',
    'its pairs of SOCK_SEQPACKET are streams then, and no packets of its own';
