# t/fork_children.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'fork_children';
