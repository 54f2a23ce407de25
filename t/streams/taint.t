# t/taint.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'taint',
    'in taint mode the environment does not choose the transport';
