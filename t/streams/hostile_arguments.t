# t/hostile_arguments.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'hostile_arguments', {
    map { $_ => 'a message of streams comes whole' }
        'a status after its zero byte', '... and the text before it'
};
