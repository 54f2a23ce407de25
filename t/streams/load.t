# t/load.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'load';
