# t/wire_credentials.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'wire_credentials', {
    'a packet that is too long' =>
        'a packet with a descriptor is that descriptor',
};
