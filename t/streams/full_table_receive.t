# t/full_table_receive.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'full_table_receive', {
    'and the one too long' =>
        'a packet with a descriptor is that descriptor',
};
