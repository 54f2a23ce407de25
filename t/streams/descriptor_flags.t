# t/descriptor_flags.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'descriptor_flags';
