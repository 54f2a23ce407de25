# t/identity_example.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'identity_example';
