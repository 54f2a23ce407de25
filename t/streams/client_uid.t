# t/client_uid.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'client_uid';
