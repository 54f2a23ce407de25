# t/exception_callback.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'exception_callback',
    'it connects and accepts in one process, which waits for itself on streams';
