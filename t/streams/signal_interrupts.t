# t/signal_interrupts.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'signal_interrupts';
