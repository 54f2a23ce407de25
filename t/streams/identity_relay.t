# t/identity_relay.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'identity_relay', {
    '... not asked for: who connected, and it says so' =>
        'streams always know who sent',
};
