# t/identity_sender.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'identity_sender',
    'whether senders are noted, which they always are on streams';
