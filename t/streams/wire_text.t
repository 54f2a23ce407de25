# t/wire_text.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'wire_text';
