# t/examples.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'examples',
    'it has more clients waiting than the server takes, which is where their connects wait';
