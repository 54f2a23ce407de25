# t/identity_peer.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'identity_peer';
