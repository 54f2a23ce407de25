# t/signal_die.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'signal_die';
