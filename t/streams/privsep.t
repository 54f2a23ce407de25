# t/privsep.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'privsep';
