# t/message_partial.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'message_partial';
