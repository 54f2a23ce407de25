# A batch for which the table has no room, or not enough: EMFILE, it stays
# queued, and the same call succeeds after room was made.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;
use Syscall;

use File::FDpasser qw(:all);
use POSIX ();
use Socket;

my @files = map { tagged($_) } 1 .. 253;
my $text  = '';
$File::FDpasser::on_text = sub { $text .= $_[0] };
Situation::new_baseline();

sub tags { return map { tag_of($_) } @_ }
sub close_all { ref $_ or POSIX::close($_) for @_ }

sub errno_of {
    my ($receive, @arguments) = @_;
    $! = 0;
    my @got   = $receive->(@arguments);
    my $errno = errno_name($!);
    return @got ? 'success' : $errno;
}

my %receive = (recv_fhs => \&recv_fhs, recv_fds => \&recv_fds);

for my $name (sort keys %receive) {
    my $receive = $receive{$name};
    for my $type (SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM) {
        for my $count (1, 2, 64, 253) {
            for my $free (0, 1, $count - 1) {
                next if $free >= $count;
                my ($us, $peer) = pair($type);
                $us->blocking(0);
                send_raw($peer, "\0\0", @files[ 0 .. $count - 1 ]);
                send_raw($peer, "\0\x0d");
                is_deeply
                    [ with_free $free, sub { map { errno_of($receive, $us) } 1 .. 3 } ],
                    [ ('EMFILE') x 3 ], "$name: $count, $free free: EMFILE";
                my @got = with_free $count, sub {
                    my @got = $receive->($us);
                    my @tags = tags(@got);
                    close_all(@got);
                    return @tags;
                };
                is_deeply \@got, [ 1 .. $count ], "$name: $count, $count free: all";
                fails_empty { $receive->($us) } 'EACCES', 'then the next message';
            }
        }
    }
    no_leak("$name: nothing left over");

    # Where what is free is beyond what the kernel has made room for yet.
    for my $size (256, 512, 1024) {
        my ($us, $peer) = pair();
        $us->blocking(0);
        send_raw($peer, "\0\0", @files[ 0 .. 99 ]);
        my $child = in_child {
            descriptor_limit($size + 60);
            1 while POSIX::dup(0) < $size - 1;
            my $errno = errno_of($receive, $us);
            descriptor_limit($size + 200);
            return ($errno, scalar(my @got = $receive->($us)));
        };
        is_deeply [ $child->result ], [ 'EMFILE', 100 ], "$name: 100, 60 free above $size";
    }

    # With text before it, which is handed on once.
    {
        my ($us, $peer) = pair();
        $us->blocking(0);
        send_raw($peer, "text\0\0", @files[ 0 .. 9 ]);
        $text = '';
        is_deeply [ with_free 5, sub { map { errno_of($receive, $us) } 1 .. 3 } ],
            [ ('EMFILE') x 3 ], "$name: text and 10, 5 free: EMFILE";
        my @got = $receive->($us);
        is_deeply [ $text, tags(@got) ], [ 'text', 1 .. 10 ], 'then both';
        close_all(@got);
    }

    # What $max refuses is refused with a full table, too.
    {
        my ($us, $peer) = pair();
        $us->blocking(0);
        send_raw($peer, "\0\0", @files[ 0 .. 9 ]);
        my @errno = with_free 5, sub { errno_of($receive, $us, 3) };
        is $errno[0], 'EMSGSIZE', "$name: 10, 5 free, room for 3: EMSGSIZE";
        is scalar(my @got = $receive->($us)), 10, 'and they stay';
        close_all(@got);
    }

    # As many free as it takes at most: what is larger stays, what is not comes.
    for my $most (0, 1, 3) {
        my ($us, $peer) = pair();
        $us->blocking(0);
        send_raw($peer, "\0\0", @files[ 0 .. $most ]);
        is_deeply [ with_free $most, sub { errno_of($receive, $us, $most) } ], ['EMSGSIZE'],
            "$name: " . ($most + 1) . ", $most free, room for $most: EMSGSIZE";
        is scalar(my @got = $receive->($us)), $most + 1, '... and they stay';
        close_all(@got);
        next if !$most;
        send_raw($peer, "\0\0", @files[ 0 .. $most - 1 ]);
        is_deeply [ with_free $most - 1, sub { errno_of($receive, $us, $most) } ], ['EMFILE'],
            "$name: $most, one less free, room for $most: EMFILE";
        is_deeply [ with_free $most, sub {
            my @all = $receive->($us, $most);
            my @tags = tags(@all);
            close_all(@all);
            return @tags;
        } ], [ 1 .. $most ], '... as many free: all';
    }

    # What brings no descriptor needs no room.
    {
        my ($us, $peer) = pair();
        $us->blocking(0);
        syswrite $peer, "\0\x0d" . "\0\0";
        my @errno = with_free 0, sub { map { errno_of($receive, $us) } 1 .. 3 };
        is_deeply \@errno, [qw(EACCES EPROTO EAGAIN)],
            "$name: a status, no descriptors, nothing there";
    }
    no_leak("$name: nothing left over");
}

# Credentials are noted: they need no number.
{
    my ($us, $peer) = pair();
    $us->blocking(0);
    note_credentials($us);
    send_raw($peer, "\0\0", @files[ 0 .. 19 ]);
    is_deeply [ with_free 19, sub { errno_of(\&recv_fhs, $us) } ], ['EMFILE'],
        'with credentials: 20, 19 free: EMFILE';
    is_deeply [ with_free 20, sub { tags(recv_fhs($us)) } ], [ 1 .. 20 ],
        '20 free: all';
    send_raw($peer, "\0\0", @files[ 0 .. 19 ]);
    fails_empty { recv_fhs($us, 19) } 'EMSGSIZE', 'room for 19: EMSGSIZE';
    is scalar(my @got = recv_fhs($us, 20)), 20, 'room for 20: all';
}

# Sending needs no number at all.
{
    my ($us, $peer) = pair();
    $us->blocking(0);
    my @sent;    # what others of this user have in flight counts
    do { @sent = with_free 0, sub { send_files($peer, @files) } } until defined $sent[0] || !$!{ETOOMANYREFS};
    is_deeply \@sent, [253], 'sending with a full table';
    my $batch = 600 / 4;    # with_free's limit
    fails_empty { with_free $batch - 1, sub { recv_fhs($us) } } 'EMFILE',
        'and receiving with room for one less than a batch of a quarter';
    my ($count, $messages) = (0, 0);
    while ($count < 253) {
        my @got = with_free $batch, sub { scalar(my @got = recv_fhs($us)) };
        $count += $got[0] or last;
        $messages++;
    }
    is "$count in $messages", '253 in 2', 'with room for one batch: all';
}

@files = ();
no_leak();
done_testing;
