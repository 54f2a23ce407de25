# What a process remembers of a half-read message is its own: not its forked
# child's, nor what had the same number before.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Outside;
use Peer;
use Signals;
use Situation;

use File::FDpasser qw(:all);
use POSIX ();
use Socket;

watchdog(60);    # some of it takes long beside other work

my %file = map { $_ => tagged($_) } 'a' .. 'd';
Situation::new_baseline();
our $text = '';
$File::FDpasser::on_text = sub { $text .= $_[0] };

sub half_read {
    my ($us, $peer) = pair();
    $us->blocking(0);
    syswrite $peer, "\0";
    my $answer = answered(scalar recv_fh($us));
    die "no EAGAIN, but $answer" if $answer ne 'EAGAIN';
    return ($us, $peer);
}

# The parent's half; the child begins anew.
{
    my @seen = returns {
        my ($us, $peer) = half_read();
        my $child = in_child {
            send_raw($peer, "\0\x0d");
            return answered(scalar recv_fh($us));
        };
        my $in_child = $child->result;
        send_raw($peer, "\x0d");
        my $in_parent = answered(scalar recv_fh($us));
        return $in_child, $in_parent;
    };
    is_deeply \@seen, [qw(EACCES EACCES)], 'a child reads a whole message, its parent the half';
}

# A child of a child, and the half of one of them.
{
    my @seen = returns {
        my ($us, $peer) = half_read();
        my $child = in_child {
            syswrite $peer, "\0";
            my $half = answered(scalar recv_fh($us));
            my $grandchild = in_child {
                syswrite $peer, "\0\x05";
                return answered(scalar recv_fh($us));
            };
            my $inner = $grandchild->result;
            syswrite $peer, "\x02";
            return $half, $inner, answered(scalar recv_fh($us));
        };
        my @in_child = $child->result;
        syswrite $peer, "\x0d";
        return @in_child, answered(scalar recv_fh($us));
    };
    is_deeply \@seen, [qw(EAGAIN EIO ENOENT EACCES)], 'three generations, each with its own half';
}

# POSIX::_exit, exec and a child that never looks make no difference.
{
    my @seen = returns {
        my ($us, $peer) = half_read();
        my $child = in_child { 1 };
        $child->result;
        send_raw($peer, "\0", $file{a});
        return answered(scalar recv_fh($us));
    };
    is_deeply \@seen, ['a'], 'a child that does not look';
}

# It is of the connection, whichever handle or number names it.
{
    my @seen = returns {
        my ($us, $peer) = half_read();
        my $number = POSIX::dup(fileno $us);
        close $us;
        syswrite $peer, "\x0d";
        my $answer = File::FDpasser::my_recv_fd($number);
        POSIX::close($number);
        return $answer;
    };
    is_deeply \@seen, [-13], 'a duplicate goes on';

    @seen = returns {
        my ($us, $peer) = half_read();
        my $number = fileno $us;
        my ($other, $there) = pair();
        $other->blocking(0);
        POSIX::dup2(fileno $other, $number);
        syswrite $there, "\0\x0d";
        return answered(scalar recv_fh($us)), answered(scalar recv_fh($us));
    };
    is_deeply \@seen, [qw(EACCES EAGAIN)], 'another connection with its number does not';
}

# Connections come and go by the thousand: none has another's half.
{
    my @seen = returns {
        my @odd;
        for my $round (1 .. 3000) {
            my ($us, $peer) = half_read();
            close $us;
            close $peer;
            next if $round % 10;
            my ($next, $there) = pair();
            $next->blocking(0);
            syswrite $there, "\0\x0d";
            my $answer = answered(scalar recv_fh($next));
            push @odd, "$round: $answer" if $answer ne 'EACCES';
        }
        return @odd[ grep { $_ < @odd } 0 .. 3 ];
    } 60;
    is_deeply \@seen, [], 'connections that end in half a message';
}

# Many at once.
{
    my @seen = returns {
        my @pairs = map { [ half_read() ] } 1 .. 200;
        my @odd;
        for my $i (reverse 0 .. $#pairs) {
            my ($us, $peer) = @{ $pairs[$i] };
            syswrite $peer, chr(1 + $i % 200);
            $! = 0;
            my $got = recv_fh($us);
            push @odd, "$i: $!" if $got || $! != 1 + $i % 200;
        }
        return @odd[ grep { $_ < @odd } 0 .. 3 ];
    };
    is_deeply \@seen, [], 'two hundred half-read messages at once';
}

# Calls of all kinds on one half: read_fd gives what is there.
{
    my %receive = (
        recv_fh  => sub { answered(scalar recv_fh($_[0])) },
        recv_fd  => sub { answered(scalar recv_fd($_[0])) },
        recv_fhs => sub { answered((recv_fhs($_[0], 3))[0]) },
        recv_fds => sub { answered((recv_fds($_[0]))[0]) },
    );
    for my $first (sort keys %receive) {
        for my $second (sort keys %receive) {
            my @seen = returns {
                my ($us, $peer) = pair();
                $us->blocking(0);
                syswrite $peer, "\0";
                my @answers = $receive{$first}->($us);
                send_raw($peer, "\0", $file{b});
                return @answers, $receive{$second}->($us), $receive{$first}->($us);
            };
            is_deeply \@seen, [qw(EAGAIN b EAGAIN)], "$first begins, $second goes on";
        }
    }
}

undef %file;
no_leak();
done_testing;
