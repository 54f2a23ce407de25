# t/endpoint_handles.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'endpoint_handles';
