# t/endpoint_no_proc.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'endpoint_no_proc';
