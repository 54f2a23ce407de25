# t/descriptor_keeper.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'descriptor_keeper',
    'its protocol reads messages in pieces, which the emulation loses';
