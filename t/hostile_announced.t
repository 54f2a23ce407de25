# Streams: a descriptor comes behind its announcement. What cannot go is never
# counted as sent, a status in its place is that status, and what is announced
# is remembered, not waited for.

use strict;
use warnings;

BEGIN { $ENV{FDPASSER_TRANSPORT} = 'streams' }

use lib 't/lib';
use Test::More;
use Outside;
use Peer;
use Signals;
use Situation;

use File::FDpasser qw(:all);
use POSIX ();
use Socket;

my $NOBODY = 65534;

my %file = map { $_ => tagged($_) } 'a' .. 'd';
Situation::new_baseline();
our $text;
$File::FDpasser::on_text = sub { $text .= $_[0] };

my %receive = (
    recv_fh    => sub { answered(scalar recv_fh($_[0])) },
    recv_fd    => sub { answered(scalar recv_fd($_[0])) },
    recv_fhs   => sub { answered((recv_fhs($_[0]))[0]) },
    'recv_fhs with a number' => sub { answered((recv_fhs($_[0], 5))[0]) },
    recv_fds   => sub { answered((recv_fds($_[0]))[0]) },
    my_recv_fd => sub {
        my $got = File::FDpasser::my_recv_fd(fileno $_[0]);
        return $got < -1 ? errno_name(-$got) : answered($got == -1 ? undef : $got);
    },
);

sub non_blocking { my @ends = pair(SOCK_SEQPACKET); $_->blocking(0) for @ends; return @ends }

# What the peer writes, a message each ('a' .. 'd': that descriptor), and what
# the calls give; a number: so many calls before the rest is written.
my @situations = (
    'a status in its place'   => [ "\0\0", "\0\x0d" ] => [qw(EACCES EAGAIN)],
    'an announcement, again'  => [ "\0\0", "\0\0", 'a' ] => [qw(a EAGAIN)],
    'announced very often'    => [ ("\0\0") x 100, 'a' ] => [qw(a EAGAIN)],
    'announced, then nothing' => ["\0\0"] => [qw(EAGAIN EAGAIN)],
    'announced, then later'   => [ "\0\0", 2, 'a', "\0\0", 'b' ]
        => [qw(EAGAIN EAGAIN a b EAGAIN)],
    'announced, a status later' => [ "\0\0", 1, "\0\x0d", "\0\0", 'b' ]
        => [qw(EAGAIN EACCES b)],
    'announced, again later'  => [ "\0\0", 1, "\0\0", 1, 'a', "\0\x0d" ]
        => [qw(EAGAIN EAGAIN a EACCES)],
    'announced, then the end' => [ "\0\0", 'end' ] => [qw(EPROTO ENOTCONN)],
    'announced, the end later' => [ "\0\0", 1, 'end' ] => [qw(EAGAIN EPROTO ENOTCONN)],
    'announced, a status, the end' => [ "\0\0", "\0\x0d", 'end' ] => [qw(EACCES ENOTCONN)],
    'announced, malformed, the end' => [ "\0\0", "\0ab", 'end' ] => [qw(EPROTO ENOTCONN)],
    'announced, text, the end' => [ "\0\0", 'text', 'end' ] => [qw(EPROTO ENOTCONN)],
    'announced with text'     => [ "text\0\0", 1, 'a' ] => [qw(EAGAIN a EAGAIN)],
);
for my $name (sort keys %receive) {
    my @left = @situations;
    while (my ($title, $acts, $expected) = splice @left, 0, 3) {
        my @seen = returns {
            my ($us, $peer) = non_blocking();
            my @got;
            for my $act (@$acts) {
                if    ($act =~ /\A[0-9]\z/)  { push @got, $receive{$name}->($us) for 1 .. $act }
                elsif ($file{$act})          { send_control($peer, "\0", rights($file{$act})) }
                elsif ($act eq 'end')        { close $peer }
                else                         { syswrite $peer, $act }
            }
            push @got, $receive{$name}->($us) while @got < @$expected;
            close $_ for $us, $peer;
            return "@got", leaked();
        };
        is_deeply \@seen, ["@$expected"], "$name: $title";
    }
}

# A signal in the middle: what was announced comes to the next call.
for my $name (sort keys %receive) {
    my ($us, $peer) = pair(SOCK_SEQPACKET);
    my $ended = gate();
    syswrite $peer, "\0\0";
    my $child = in_child {
        watchdog(10);
        close $peer;
        my (undef, $errno) = interrupted('SA_RESTART', sub { $receive{$name}->($us) });
        $ended->open;
        my $got = $receive{$name}->($us);
        close $us;
        return $got, leaked();
    };
    eval { $ended->wait };
    send_control($peer, "\0", rights($file{a}));
    is_deeply [ eval { $child->result } ], ['a'], "$name, interrupted in the middle";
}

# Not waited for: neither in a non-blocking call nor beside the processor.
my %waiting = map {
    my $name = $_;
    my ($us, $peer) = pair(SOCK_SEQPACKET);
    syswrite $peer, "text\0\0";
    ($name => [ waits { $receive{$name}->($us) }, $us, $peer ]);
} keys %receive;
waits_quietly($waiting{$_}[0], "$_, announced") for sort keys %waiting;
%waiting = ();

# Too many on their way (ETOOMANYREFS): what was announced cannot go.
SKIP: {
    skip 'only root can become a user that the limit holds for', 3 if $> != 0;
    my %send = (
        send_file  => sub { send_file($_[0], $file{a}) },
        send_files => sub { send_files($_[0], $file{a}) },
        write_fd   => sub { write_fd($_[0], "\0\0", $file{a}) },
        my_send_fd => sub {
            File::FDpasser::my_send_fd(fileno $_[0], fileno $file{a}) == 0 ? 1 : undef;
        },
    );
    for my $name (sort keys %send) {
        my @seen = returns {
            descriptor_limit(64);
            POSIX::setgid($NOBODY) && POSIX::setuid($NOBODY) or die "setuid: $!";
            my @full = pair(SOCK_STREAM);
            $full[0]->blocking(0);
            1 while send_file($full[0], \*STDIN);
            my ($us, $peer) = non_blocking();
            $! = 0;
            my $sent  = $send{$name}->($us);
            my $errno = $! + 0;
            $sent or send_err($us, $errno, "no descriptor\n");
            my $answer = answered(scalar recv_fh($peer));
            return defined $sent ? $sent : 'undef', errno_name($errno), $answer;
        };
        is_deeply \@seen, [qw(undef ETOOMANYREFS ETOOMANYREFS)],
            "$name: what cannot go was not sent, and the peer hears why";
    }
}

# write_fd asks for room for all first, and does not wait for it.
for my $count (1, 2, 50, 120, 253) {
    my @seen = returns {
        my ($us, $peer) = non_blocking();
        my $sent  = write_fd($us, 'x', ($file{a}) x $count);
        my $errno = errno_name($!);
        my ($bytes, $came) = ('', 0);
        while (my ($more, @fh) = read_fd($peer, 100, 253)) {
            $bytes .= $more;
            $came += @fh;
            last if $came > 300;
        }
        return 'whole' if defined $sent && $sent == 1 && $bytes eq 'x' && $came == $count;
        return 'nothing' if !defined $sent && $errno =~ /\A(?:EAGAIN|EMSGSIZE)\z/ && "$bytes$came" eq '0';
        return defined $sent ? $sent : 'undef', $errno, $bytes, $came;
    };
    like "@seen", qr/\A(?:whole|nothing)\z/, "write_fd with $count: all or nothing";
}
for my $filled (1 .. 6) {
    my @seen = returns {
        my ($us, $peer) = non_blocking();
        1 while syswrite $us, 'x' x 4000;
        recv_raw($peer, 5000) for 1 .. $filled;
        my ($sent, $wrote) = (0, 0);
        my @counts;
        while ($sent < 400 && defined(my $n = write_fd($us, "\0\0", $file{b}, $file{c}))) {
            push @counts, $n if $n != 2;
            $sent++;
        }
        my $errno = errno_name($!);
        my ($answers, $end) = (0, '');
        $text = '';
        while ($answers < 1000) {
            my $got = recv_fh($peer);
            if (!$got) { $end = errno_name($!); last }
            $answers++;
        }
        return $errno, $answers - 2 * $sent, $end, "@counts";
    };
    is_deeply \@seen, [ 'EAGAIN', 0, 'EAGAIN', '' ], "write_fd where there is room after $filled";
}

# read_fd gives the announcement, then its descriptor, alone; also where there was
# no room for that.
{
    my @seen = returns {
        my ($us, $peer) = non_blocking();
        my $read = sub {
            my @got = read_fd($us, 10, 5) or return errno_name($!);
            return join ' ', unpack('H*', shift @got), map { tag_of($_) } @got;
        };
        syswrite $peer, "\0\0";
        my @got = map { $read->() } 1, 2;
        send_control($peer, "\0", rights($file{a}));
        my @filler = fill_table();
        push @got, $read->();
        empty_table(@filler);
        send_control($peer, "\0", rights($file{b}));
        return @got, map { $read->() } 1 .. 3;
    };
    is_deeply \@seen, [ '0000', 'EAGAIN', 'EMFILE', ' a', ' b', 'EAGAIN' ],
        'read_fd: a full table where the descriptor comes';
}

undef %file;
no_leak();
done_testing;
