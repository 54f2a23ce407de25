# t/zero_downtime.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'zero_downtime';
