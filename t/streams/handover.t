# t/handover.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'handover',
    'its other clients and servers are plain sockets';
