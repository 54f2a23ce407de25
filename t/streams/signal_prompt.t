# t/signal_prompt.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'signal_prompt';
