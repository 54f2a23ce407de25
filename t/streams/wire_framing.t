# t/wire_framing.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'wire_framing';
