# read_fd: less room than there is to read, more, and none; the end.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Message;
use Peer;

use File::FDpasser qw(:all);
use POSIX ();
use Socket;

my %packets = packets();
my @files   = map { tagged($_) } 1 .. 253;
Situation::new_baseline();

my @warnings;
$SIG{__WARN__} = sub { push @warnings, @_ };

sub tags { return map { tag_of($_) } @_ }

# A packet that is longer than $max_bytes stays, with its descriptors.
for my $type (sort keys %packets) {
    my ($us, $peer) = pair($packets{$type});
    send_raw($peer, 'packet', @files[ 0 .. 2 ]);
    send_raw($peer, 'next');
    for my $max (1, 5, 5) {
        fails_empty { read_fd($us, $max, 3) } 'EMSGSIZE',
            "$type: a packet of 6 bytes, room for $max";
    }
    my ($bytes, @fh) = read_fd($us, 6, 3);
    is_deeply [ $bytes, tags(@fh) ], [ 'packet', 1 .. 3 ],
        "$type: room for 6: the packet and its descriptors";
    is_deeply [ read_fd($us, 1_000_000, 3) ], ['next'],
        "$type: more room than needed";

    send_raw($peer, pattern(60_000), $files[0]);
    fails_empty { read_fd($us, 59_999, 1) } 'EMSGSIZE', "$type: a byte too long";
    ($bytes, @fh) = read_fd($us, 60_000, 1);
    ok $bytes eq pattern(60_000), "$type: and none too long";
    is_deeply [ tags(@fh) ], [1], "$type: with its descriptor";
}
no_leak('packets: nothing left over');

# The end; an empty packet looks like it.
for my $type (SOCK_STREAM, grep { $_ != SOCK_DGRAM } values %packets) {
    my ($us, $peer) = pair($type);
    write_fd($peer, 'last', $files[0]);
    close $peer;
    my ($bytes, @fh) = read_fd($us, 100, 1);
    is_deeply [ $bytes, tags(@fh) ], [ 'last', 1 ], 'what came before the end';
    $! = 0;
    is_deeply [ read_fd($us, 100, 1) ], [''], 'the end, and it stays so'
        for 1 .. 2;
    is $! + 0, 0, 'which is no failure';
    local $SIG{PIPE} = 'IGNORE';
    fails { write_fd($us, 'x') } undef, 'EPIPE', 'the end for a writer';
}
for my $type (values %packets) {
    my ($us, $peer) = pair($type);
    send_raw($peer, '');
    send_raw($peer, 'after it');
    is_deeply [ read_fd($us, 100, 1) ], [''], 'an empty packet';
    is_deeply [ read_fd($us, 100, 1) ], ['after it'], 'and the one after it';
}

# A peer that closes without having read what it was sent.
{
    my ($us, $peer) = pair();
    write_fd($us, 'never read', $files[0]);
    write_fd($peer, 'last words', $files[1]);
    close $peer;
    my ($bytes, @fh) = read_fd($us, 100, 1);
    is_deeply [ $bytes, tags(@fh) ], [ 'last words', 2 ], 'a reset loses nothing';
    is_deeply [ read_fd($us, 100, 1) ], [''], 'and is an end';
}
no_leak('the end: nothing left over');

# More descriptors than $max_fds: closed, and a warning says so.
for my $type (SOCK_STREAM, values %packets) {
    my ($us, $peer) = pair($type);
    for my $sent (0, 1, 2, 16, 253) {
        for my $max (0, 1, 2, 15, 253, 1000) {
            send_raw($peer, 'bytes', @files[ 0 .. $sent - 1 ]);
            @warnings = ();
            my ($bytes, @fh) = read_fd($us, 100, $max);
            my $expected = $sent < $max ? $sent : $max;
            is_deeply [ $bytes, tags(@fh) ], [ 'bytes', 1 .. $expected ],
                "$sent descriptors, room for $max";
            is scalar @warnings, $sent > $max ? 1 : 0, 'the warning';
        }
    }
}
no_leak('surplus: nothing left over');

{
    my ($us, $peer) = pair();
    send_raw($peer, 'bytes', @files);
    is scalar(my ($bytes, @fh) = read_fd($us, 100)), 254,
        '$max_fds not given: all';
    send_raw($peer, 'bytes', @files);
    is scalar(($bytes, @fh) = read_fd($us, 100, undef)), 254, 'or undef: all';

    send_raw($peer, 'bytes', @files);
    @warnings = ();
    {
        no warnings 'File::FDpasser';
        @fh = read_fd($us, 100, 1);
    }
    is_deeply \@warnings, [], 'without the warning';
    send_raw($peer, 'bytes', @files);
    ok !eval { use warnings FATAL => 'File::FDpasser'; read_fd($us, 100, 1); 1 },
        'with a fatal one';
    like $@, qr/ at \Q$0\E line \d+/, 'it is an exception at our line';
}
no_leak('warnings: nothing left over');

# A table with room for a few.
for my $free (0 .. 3) {
    last if OverStreams::lack('batches');
    for my $max (0 .. 4) {
        my ($us, $peer) = pair();
        send_raw($peer, 'bytes', @files[ 0 .. 9 ]);
        my $limit  = descriptor_limit(300);
        my @filler = fill_table();
        POSIX::close(pop @filler) for 1 .. $free;
        @warnings = ();
        $! = 0;
        my ($bytes, @fh) = read_fd($us, 100, $max);
        my ($errno, @tags) = (errno_name($!), tags(@fh));
        empty_table(@filler);
        descriptor_limit($limit);
        my $what = "room for $max of 10, $free numbers free";
        if ($max <= $free) {
            is_deeply [ $bytes, @tags ], [ 'bytes', 1 .. $max ], $what;
            is scalar @warnings, 1, "$what: a warning about the surplus";
        }
        else {
            is_deeply [ $bytes, $errno ], [ undef, 'EMFILE' ], "$what: EMFILE";
            ($bytes, @fh) = read_fd($us, 100, 10);
            is_deeply [ $bytes, tags(@fh) ], [ 'bytes', 1 .. 10 ],
                'and then all is there';
        }
    }
}
no_leak('a full table: nothing left over');

# Bytes before and behind those that descriptors came with.
{
    my ($us, $peer) = pair();
    syswrite $peer, 'before';
    write_fd($peer, 'with', $files[0]);
    syswrite $peer, 'behind';
    write_fd($peer, 'second', $files[1]);
    is_deeply [ read_fd($us, 6, 10) ], ['before'], 'bytes before';
    my ($bytes, @fh) = read_fd($us, 100, 10);
    is_deeply [ $bytes, tags(@fh) ], [ 'with', 1 ],
        'a read ends behind those that descriptors came with';
    ($bytes, @fh) = read_fd($us, 100, 10);
    is_deeply [ $bytes, tags(@fh) ], [ 'behindsecond', 2 ],
        'and takes bytes that came before them along';
}

# A protocol of its own around the module's messages, and the other way round.
{
    my ($us, $peer) = pair();
    write_fd($peer, "HELLO\n");
    send_file($peer, $files[0]);
    write_fd($peer, "MORE\n", $files[1]);
    File::FDpasser::my_send_fd($peer, -13);
    is_deeply [ read_fd($us, 6, 0) ], ["HELLO\n"], 'bytes before a message';
    is tag_of(scalar recv_fh($us)), 1, 'the message';
    my ($bytes, @fh) = read_fd($us, 100, 1);
    is_deeply [ $bytes, tags(@fh) ], [ "MORE\n", 2 ],
        'bytes and a descriptor, and not a byte of the status behind them';
    fails { recv_fh($us) } undef, 'EACCES', 'which is still there';

    send_file($peer, $files[2]);
    ($bytes, @fh) = read_fd($us, 100, 1);
    is_deeply [ $bytes, tags(@fh) ], [ "\0\0", 3 ], 'read_fd of send_file';
    write_fd($peer, "\0\0", $files[3]);
    is tag_of(scalar recv_fh($us)), 4, 'recv_fh of write_fd';
}

# However much room a caller offers, no more memory is taken than is needed.
{
    my ($us, $peer) = pair();
    for my $max (1_000_000, 2**31, 2**40) {
        write_fd($peer, 'few', $files[0]);
        my ($bytes, @fh) = read_fd($us, $max, 1);
        is_deeply [ $bytes, tags(@fh) ], [ 'few', 1 ], "room for $max bytes";
    }
}

@files = ();
no_leak();
done_testing;
