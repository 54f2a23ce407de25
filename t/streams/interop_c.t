# t/interop_c.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'interop_c',
    'other programs speak to sockets, of type SOCK_SEQPACKET too, which are streams then';
