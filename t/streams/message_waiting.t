# t/message_waiting.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'message_waiting';
