# t/event_loops.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'event_loops';
