# A signal ends a wait at once: milliseconds pass from the signal to the end of
# the call, also where the handler was installed with SA_RESTART.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Meeting;
use Situation;
use Peer;
use Signals;

use File::FDpasser qw(:all);
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

# The machine may be busy: the quickest of so many counts.
my $ROUNDS  = 5;
my $LONGEST = 0.050;

my $dir = workdir();

# A socket whose buffer takes no more, and its other end.
sub full_pair {
    my ($us, $peer) = pair();
    $us->blocking(0);
    1 while syswrite $us, 'x' x 1000;
    1 while syswrite $us, 'x';
    $us->blocking(1);
    return ($us, $peer);
}

# What waits, and what has to live meanwhile.
my %wait = (
    'recv_fh'  => sub { my @ends = pair(); (sub { recv_fh($ends[0]) }, @ends) },
    'recv_fds' => sub { my @ends = pair(); (sub { recv_fds($ends[0], 3) }, @ends) },
    'read_fd'  => sub { my @ends = pair(); (sub { read_fd($ends[0], 9, 9) }, @ends) },
    'recv_fh, half a message' => sub {
        my @ends = pair();
        syswrite $ends[1], "\0";
        return (sub { recv_fh($ends[0]) }, @ends);
    },
    'send_file' => sub { my @ends = full_pair(); (sub { send_file($ends[0], 0) }, @ends) },
    'send_files' => sub { my @ends = full_pair(); (sub { send_files($ends[0], 0) }, @ends) },
    'serv_accept_fh' => sub {
        my $listener = endp_create("$dir/own");
        return (sub { serv_accept_fh($listener) }, $listener);
    },
    'endp_connect' => sub {
        my @held = full_listener("$dir/full");
        return (sub { endp_connect("$dir/full") }, @held);
    },
);

delete $wait{'recv_fh, half a message'} if OverStreams::lack('halves');

# Seconds from a signal that comes while the call waits to the call's end.
sub seconds_to_end {
    my ($flags, $waits) = @_;
    pipe my $reader, my $writer or die "pipe: $!";
    my $waiting = $$;
    install($flags);
    my $sender = in_child {
        1 until is_blocked($waiting);
        syswrite $writer, pack 'd', clock_gettime(CLOCK_MONOTONIC);
        kill USR2 => $waiting;
        return;
    };
    () = $waits->();
    my ($ended, $errno) = (clock_gettime(CLOCK_MONOTONIC), errno_name($!));
    sysread $reader, my $sent, 8;
    $sender->result;
    return $errno eq 'EINTR' ? $ended - unpack 'd', $sent : $errno;
}

sub install {
    my ($flags) = @_;
    my $action = POSIX::SigAction->new(sub { }, POSIX::SigSet->new, $flags);
    $action->safe(1);
    POSIX::sigaction(POSIX::SIGUSR2(), $action) or die "sigaction: $!";
}

for my $name (sort keys %wait) {
    for my $flags (0, POSIX::SA_RESTART()) {
        my ($waits, @held) = $wait{$name}->();
        my ($quickest) = sort { $a <=> $b }
            map { seconds_to_end($flags, $waits) } 1 .. $ROUNDS;
        cmp_ok $quickest, '<', $LONGEST,
            "$name, " . ($flags ? 'SA_RESTART' : 'no flags') . ': ends at once';
    }
}

unlink "$dir/full";
no_leak();
done_testing;
