# t/endpoint_mode_race.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'endpoint_mode_race';
