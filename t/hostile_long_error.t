# send_err with a long text on a non-blocking connection that nobody reads: text
# and status go in one piece, the text cut to what goes in one (1,000 bytes and
# more), or nothing goes: EAGAIN.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Outside;
use Peer;
use Situation;

use File::FDpasser qw(:all);
use File::FDpasser::Queue;
use POSIX qw(EACCES);
use Socket;

watchdog(60);    # some of it takes long beside other work

my $ONE_PIECE = 1000;

$File::FDpasser::on_text = sub { };    # where it does not matter

# All replies that have come: the text of each, and what is there in their place,
# with the text of one whose status did not go.
sub replies {
    my ($peer) = @_;
    my @texts;
    $peer->blocking(0);
    for (;;) {
        my $text = '';
        local $File::FDpasser::on_text = sub { $text .= $_[0] };
        $! = 0;
        my $got   = recv_fh($peer);
        my $errno = errno_name($!);
        return (\@texts, $text . $errno) if $errno ne 'EACCES';
        push @texts, $text;
    }
}

sub is_cut {
    my ($got, $sent) = @_;
    my $least = length $sent < $ONE_PIECE ? length $sent : $ONE_PIECE;
    return $got eq substr($sent, 0, length $got) && length $got >= $least;
}

for my $length (0, 1, 100, 1000, 1023, 1024, 1025, 1500, 4096, 4097, 10_000, 65_536,
    200_000, 300_000, 1_000_000)
{
    for my $room (undef, 1, 8192, 50_000) {
        my $text = join '', map { chr(32 + $_ % 90) } 1 .. $length;
        my $title = "$length bytes, " . (defined $room ? "a buffer of $room" : 'the usual buffer');
        my @seen = returns {
            my ($us, $peer) = spipe();
            $us->blocking(0);
            setsockopt $us, SOL_SOCKET, SO_SNDBUF, pack('i', $room) if defined $room;
            my $went = 0;
            my $errno;
            while ($went < 5000) {
                $! = 0;
                my $sent = send_err($us, EACCES, $text);
                $errno = errno_name($!);
                last if !$sent;
                $went++;
            }
            my ($texts, $end) = replies($peer);
            # And after room was made.
            my $again = $went ? send_err($us, EACCES, $text) : 1;
            my ($more)  = $again ? replies($peer) : [];
            my @odd = grep { !is_cut($_, $text) } @$texts, @$more;
            close $_ for $us, $peer;
            return $errno, @$texts - $went, $end, !!$again, scalar @odd, leaked();
        };
        is_deeply \@seen, [ 'EAGAIN', 0, 'EAGAIN', 1, 0 ], $title;
    }
}

# A little room at a time.
for my $length (2000, 100_000) {
    my $text = 'x' x $length;
    my @seen = returns {
        my ($us, $peer) = spipe();
        $_->blocking(0) for $us, $peer;
        1 while send_file($us, \*STDIN);
        my ($sent, $received, @odd) = (0, 0);
        for (1 .. 50) {
            my $went = send_err($us, EACCES, $text);
            $sent++ if $went;
            push @odd, errno_name($!) if !$went && !$!{EAGAIN};
            my $said = '';
            local $File::FDpasser::on_text = sub { $said .= $_[0] };
            my $got = recv_fh($peer);
            next if $got;
            $received++ if $!{EACCES} && is_cut($said, $text);
        }
        my ($rest) = do {
            1 while recv_fh($peer);
            $received++ if $!{EACCES};
            replies($peer);
        };
        return @$rest + $received - $sent, @odd;
    };
    is_deeply \@seen, [0], "$length bytes, while messages are taken one by one";
}

# Neither does a queue.
{
    my $text = 'x' x 4096;
    my @seen = returns {
        my ($us, $peer) = spipe();
        my $queue = File::FDpasser::Queue->new($us);
        my $went  = 0;
        $queue->push_send_err(EACCES, $text, sub { $went++ if $_[0] }) for 1 .. 300;
        $queue->ready;
        my $first = $went;
        my ($texts) = replies($peer);
        my $got = @$texts;
        for (1 .. 300) {
            last if !$queue->pending;
            $queue->ready;
            ($texts) = replies($peer);
            $got += @$texts;
        }
        return $first > 0 && $first < 300, $went, $got;
    };
    is_deeply \@seen, [ 1, 300, 300 ], 'a queue of long replies';
}

no_leak();
done_testing;
