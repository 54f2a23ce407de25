# t/full_table_accept.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'full_table_accept';
