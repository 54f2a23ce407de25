# t/endpoint_mode_shared.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'endpoint_mode_shared';
