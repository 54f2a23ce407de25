# t/endpoint_race_killed.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'endpoint_race_killed';
