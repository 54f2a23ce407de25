# t/close_on_exec.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'close_on_exec';
