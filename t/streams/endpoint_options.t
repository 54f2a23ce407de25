# t/endpoint_options.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'endpoint_options', {
    '... or very short' =>
        'on streams the server has to accept in time',
    '... or none at all' =>
        'on streams the server has to accept in time',
};
