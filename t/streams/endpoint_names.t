# t/endpoint_names.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'endpoint_names', {
    'a client that knows nothing of this module connects' =>
        'its client is a plain stream socket',
};
