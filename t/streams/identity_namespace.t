# t/identity_namespace.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'identity_namespace', {
    '... a message sent before we asked: who made the connection' =>
        'streams always know who sent',
};
