# t/nonblocking.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'nonblocking';
