# t/endpoint_exclusive_steps.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'endpoint_exclusive_steps';
