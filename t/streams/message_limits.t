# t/message_limits.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'message_limits';
