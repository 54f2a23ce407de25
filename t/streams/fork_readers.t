# t/fork_readers.t over streams.
use strict;
use warnings;
use lib 't/lib';
use OverStreams 'fork_readers', {
    (map {
        my $readers = $_;
        ("$readers, packets: read to the end" =>
            'who has taken the two bytes sees the end as a message cut off')
    } qw(non-blocking recv_fd recv_fh), 'under signals', 'with a full table',
        'with a full table now and then'
    ),
};
