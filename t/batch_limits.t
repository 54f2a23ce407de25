# Batches: how many go in one message, how many are taken from one.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:all);
use POSIX ();
use Socket;

# What peers write is text to some calls, and not for the terminal.
$File::FDpasser::on_text = sub { };

my @files = map { tagged($_) } 1 .. 253;
Situation::new_baseline();

sub tags { return map { tag_of($_) } @_ }
sub close_all { ref $_ or POSIX::close($_) for @_ }

my %receive = (recv_fhs => \&recv_fhs, recv_fds => \&recv_fds);

# On the wire: messages of status 0 with a quarter of our own limit each, at
# least 64 and at most what the kernel takes, and the rest.
my %batch = (64 => 64, 100 => 64, 256 => 64, 260 => 65, 512 => 128, 600 => 150,
    1011 => 252, 1012 => 253, 1016 => 253, 4096 => 253);
my $limit = descriptor_limit();
for my $soft (sort { $a <=> $b } keys %batch) {
    my $batch = $batch{$soft};
    my @counts = grep { $_ <= 253 } 1, 2, $batch - 1, $batch, $batch + 1,
        2 * $batch, 2 * $batch + 1, 253;
    on_the_wire($_->[0], $soft, $batch, $_->[1])
        for map { my $count = $_; map { [ $_, $count ] } SOCK_STREAM,
            SOCK_SEQPACKET, SOCK_DGRAM } @counts;
}
no_leak('on the wire: nothing left over');

sub on_the_wire {
    my ($type, $soft, $batch, $count) = @_;
    my ($us, $peer) = pair($type);
    my $title = "$count go, the limit is $soft";
    SKIP: {
        # In flight before the last message; ETOOMANYREFS, unix(7).
        skip "$title: not for who is not root", 3
            if $> != 0 && int(($count - 1) / $batch) * $batch > $soft;
        skip "$title: it cannot be", 3 if !eval { descriptor_limit($soft); 1 };
        is send_files($peer, @files[ 0 .. $count - 1 ]), $count, $title;
        descriptor_limit($limit);
        my (@seen, @counts);
        while (@seen < $count) {
            my ($bytes, @numbers) = recv_raw($us, 100);
            push @seen,   tags(@numbers);
            push @counts, [ $bytes, scalar @numbers ];
            close_all(@numbers);
        }
        is_deeply \@seen, [ 1 .. $count ], 'in order';
        my @whole = ([ "\0\0", $batch ]) x int($count / $batch);
        push @whole, [ "\0\0", $count % $batch ] if $count % $batch;
        is_deeply \@counts, \@whole, "in batches of $batch and the rest";
    }
    return;
}

# None at all.
{
    my ($us, $peer) = pair();
    $us->blocking(0);
    $! = 0;
    is_deeply [ send_files($peer) ], [0], 'no handles: 0';
    is $! + 0, 0, 'which is a success';
    fails_empty { recv_fhs($us) } 'EAGAIN', 'and nothing is sent';
}

for my $name (sort keys %receive) {
    my $receive = $receive{$name};

    # A message is received whole, whoever sent it.
    for my $type (SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM) {
        for my $count (1, 2, 64, 65, 253) {
            my ($us, $peer) = pair($type);
            for my $bytes ("\0\0", "\0", 'x') {
                send_raw($peer, $bytes, @files[ 0 .. $count - 1 ]);
                my @got = $receive->($us);
                is_deeply [ tags(@got) ], [ 1 .. $count ],
                    "$name: $count in a message of " . unpack 'H*', $bytes;
                close_all(@got);
            }
        }
    }

    # One more than $max: it stays, and a larger $max gets it.
    for my $bytes ("\0\0", 'x') {
        my ($us, $peer) = pair();
        my $before = descriptors();
        send_raw($peer, $bytes, @files[ 0 .. 19 ]);
        send_raw($peer, $bytes, $files[20]);
        for my $max (0, 1, 19, 19) {
            fails_empty { $receive->($us, $max) } 'EMSGSIZE',
                "$name: 20 in a batch, room for $max";
        }
        is scalar(descriptors()), $before, 'nothing is left over';
        my @got = $receive->($us, 20);
        is_deeply [ tags(@got) ], [ 1 .. 20 ], "$name: room for 20";
        close_all(@got);
        @got = $receive->($us, 1000);
        is_deeply [ tags(@got) ], [21], "$name: the next, and room for 1000";
        close_all(@got);
    }

    # At the kernel's own limit.
    {
        my ($us, $peer) = pair();
        send_raw($peer, "\0\0", @files);
        fails_empty { $receive->($us, 252) } 'EMSGSIZE', "$name: 253, room for 252";
        my @got = $receive->($us, 253);
        is_deeply [ tags(@got) ], [ 1 .. 253 ], "$name: 253, room for 253";
        close_all(@got);
    }

    # A batch that is too large is not in the way of recv_fh, which takes one.
    {
        my ($us, $peer) = pair();
        send_files($peer, @files[ 0 .. 9 ]);
        send_files($peer, $files[10]);
        fails_empty { $receive->($us, 9) } 'EMSGSIZE', "$name: too large";
        my @warnings;
        local $SIG{__WARN__} = sub { push @warnings, @_ };
        is tag_of(scalar recv_fh($us)), 1, 'recv_fh takes the first';
        is @warnings, 1, 'and says that there were more';
        is tag_of(scalar recv_fh($us)), 11, 'then the next message';
    }

    # Text, statuses, and what is no message.
    {
        my ($us, $peer) = pair();
        my $text = '';
        local $File::FDpasser::on_text = sub { $text .= $_[0] };
        send_raw($peer, "some text\0\0", @files[ 0 .. 4 ]);
        fails_empty { $receive->($us, 4) } 'EMSGSIZE',
            "$name: text and 5 descriptors, room for 4";
        is $text, '', 'the text is queued, too';
        my @got = $receive->($us, 5);
        is_deeply [ $text, tags(@got) ], [ 'some text', 1 .. 5 ], 'room for 5';
        close_all(@got);

        send_raw($peer, "\0\x0d", @files[ 0 .. 4 ]);
        fails_empty { $receive->($us, 5) } 'EACCES', "$name: a status with descriptors";
        syswrite $peer, "\0\x02" . "\0\0" . "\0\x0d";
        fails_empty { $receive->($us) } 'ENOENT', "$name: a status";
        fails_empty { $receive->($us) } 'EPROTO', "$name: no descriptors";
        fails_empty { $receive->($us, 0) } 'EACCES', "$name: a status, room for 0";
        $us->blocking(0);
        fails_empty { $receive->($us) } 'EAGAIN', "$name: nothing there";
        syswrite $peer, "\0";
        fails_empty { $receive->($us) } 'EAGAIN', "$name: half a message";
        send_raw($peer, "\0", @files[ 0 .. 2 ]);
        @got = $receive->($us);
        is_deeply [ tags(@got) ], [ 1 .. 3 ], "$name: the other half brings three";
        close_all(@got);
        close $peer;
        fails_empty { $receive->($us) } 'ENOTCONN', "$name: the end";
    }
    no_leak("$name: nothing left over");
}

# As handles and numbers are elsewhere, but for close-on-exec.
{
    my ($us, $peer) = pair();
    send_files($peer, @files[ 0 .. 1 ]);
    send_files($peer, @files[ 0 .. 1 ]);
    my @fh = recv_fhs($us);
    my @fd = recv_fds($us);
    is_deeply [ map { ref } @fh ], [ ('IO::Handle') x 2 ], 'recv_fhs: handles';
    is scalar(grep { /\A[0-9]+\z/ } @fd), 2, 'recv_fds: numbers';
    is_deeply [ survives_exec((map { fileno $_ } @fh), @fd) ], [ 0, 0, 0, 0 ],
        'none of them is for programs that we start';
    close_all(@fd);
}

@files = ();
no_leak();
done_testing;
