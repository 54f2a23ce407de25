# t/error_reply.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'error_reply';
