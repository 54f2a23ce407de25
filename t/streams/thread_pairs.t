# t/thread_pairs.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'thread_pairs', {
    'which dies for itself' =>
        'a packet of text and a descriptor is no message of streams',
};
