# t/errno_and_globals.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'errno_and_globals';
