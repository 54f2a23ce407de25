# t/named_endpoint.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'named_endpoint', {
    '... a stream' =>
        'the emulation is made of packets',
    'it does not listen' =>
        'on streams any end receives',
    'a datagram socket' =>
        'what is no stream is no server',
};
