# t/old_scripts.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'old_scripts';
