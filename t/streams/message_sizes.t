# t/message_sizes.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'message_sizes';
