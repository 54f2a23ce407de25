# t/fork_readers.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'fork_readers',
    'a message and its descriptor are two system calls, so that readers cannot share a stream';
