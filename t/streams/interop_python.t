# t/interop_python.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'interop_python',
    'other programs speak to sockets, of type SOCK_SEQPACKET too, which are streams then';
