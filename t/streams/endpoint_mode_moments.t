# t/endpoint_mode_moments.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'endpoint_mode_moments';
