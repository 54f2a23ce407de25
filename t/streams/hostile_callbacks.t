# t/hostile_callbacks.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'hostile_callbacks';
