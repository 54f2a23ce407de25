# t/system_calls.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'system_calls',
    'it counts the system calls of sockets';
