# t/endpoint_mode.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'endpoint_mode', {
    'mode 0200: owner, group, others' =>
        'on streams to connect takes permission to read, too',
    'mode 0020: owner, group, others' =>
        'on streams to connect takes permission to read, too',
    'mode 0002: owner, group, others' =>
        'on streams to connect takes permission to read, too',
};
