# What was printed to a connection goes out before its answer is waited for; how
# that goes is not the receive's business.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Signals;
use Situation;

use File::FDpasser qw(:all);
use POSIX ();

my %receive = (
    recv_fh    => sub { recv_fh($_[0]) },
    recv_fd    => sub { recv_fd($_[0]) },
    my_recv_fd => sub { File::FDpasser::my_recv_fd($_[0]) },
    recv_fhs   => sub { (recv_fhs($_[0]))[0] },
    recv_fds   => sub { (recv_fds($_[0]))[0] },
    # On streams the descriptor may come behind the two bytes.
    read_fd => sub {
        my $fh;
        (undef, $fh) = read_fd($_[0], 100, 1) until $fh;
        return $fh;
    },
);

# The server answers a name with a file.
for my $name (sort keys %receive) {
    my ($here, $there) = spipe();
    my $server = in_child {
        close $here;
        sysread $there, my $asked, 100;
        send_file($there, \*STDIN);
        return $asked;
    };
    print {$here} "name\n";
    $! = 7;
    my $got = $receive{$name}->($here);
    is $! + 0, 7, "$name: \$! is left alone";
    is identity($got), identity(\*STDIN), '... an answer';
    is $server->result, "name\n", '... to what was printed before';
    POSIX::close($got) if !ref $got;
}

# Failing, it is forgotten: what came is received.
{
    my $signals = 0;
    local $SIG{PIPE} = sub { $signals++ };
    my ($here, $there) = spipe();
    send_file($there, \*STDIN);
    close $there;
    print {$here} 'pending';
    is identity(recv_fh($here)), identity(\*STDIN),
        'a peer that is gone has sent something before';
    is $signals, 0, '... and no signal says that it does not listen';
    no warnings 'io';
    close $here;
}
{
    my ($here, $there) = spipe();
    send_file($there, \*STDIN);
    my $status = in_child {
        close $there;
        print {$here} 'pending';
        my $got = recv_fh($here);
        exit($got ? 3 : 4);
    };
    close $there;
    undef $here;
    is $status->status >> 8, 3, 'nor does it die of one';
}

# A non-blocking connection without room: nothing is dropped.
{
    my ($here, $there) = spipe();
    $here->blocking(0);
    my $filled = fill($here);
    print {$here} 'pending';
    fails { recv_fh($here) } undef, 'EAGAIN', 'nothing has come, and there is no room';
    fails { send_file($here, \*STDIN) } undef, 'EAGAIN', '... to send neither';
    send_file($there, \*STDIN);
    is identity(recv_fh($here)), identity(\*STDIN), '... something has come';
    is drained($there, $filled), $filled, '... what had gone arrives';
    fails { recv_fh($here) } undef, 'EAGAIN', '... there is room';
    sysread $there, my $read, 100;
    is $read, 'pending', '... what was pending has gone';
}

# A blocking one without room: a signal ends the wait, and nothing is dropped.
# (A fork flushes all that is pending, so that it is printed after that.)
my %wait = (
    recv_fh   => sub { recv_fh($_[0]) },
    send_file => sub { send_file($_[0], \*STDIN) },
);
for my $name (sort keys %wait) {
    for my $kind (kinds()) {
        my ($here, $there) = spipe();
        $here->blocking(0);
        my $filled = fill($here);
        $here->blocking(1);
        my @got = interrupted($kind, sub {
            print {$here} 'pending';
            $wait{$name}->($here);
        });
        is_deeply \@got, [ undef, 'EINTR', 1 ],
            "$name waits for room for output, a signal ends that ($kind)";
        is drained($there, $filled), $filled, '... what had gone arrives';
        send_file($there, \*STDIN);
        is identity(recv_fh($here)), identity(\*STDIN), '... the next call goes on';
        sysread $there, my $read, 100;
        is $read, 'pending', '... with what was pending';
    }
}

# The same when it has looked for room again: the wait of perl's own write would be
# ended by no signal.
for my $name (defined slept($$) ? sort keys %wait : ()) {
    my ($here, $there) = spipe();
    $here->blocking(0);
    my $filled = fill($here);
    $here->blocking(1);
    my $waiting = $$;
    my $child   = in_child {
        1 until is_blocked($waiting);
        my $slept = slept($waiting);
        1 until slept($waiting) > $slept && is_blocked($waiting);
        kill USR1 => $waiting;
        return;
    };
    local $SIG{USR1} = sub {
        drained($there, $filled);
        send_file($there, \*STDIN);
    };
    print {$here} 'pending';
    fails { $wait{$name}->($here) } undef, 'EINTR', "$name has waited for room for long";
    $child->result;
    close $here or die "close: $!";
}

# A handler that dies while it waits for room leaves SIGPIPE as it was.
{
    my ($here, $there) = spipe();
    $here->blocking(0);
    fill($here);
    $here->blocking(1);
    my $held = (in_child {
        my $left = signalled('sigaction', sub { die "left\n" }, sub {
            print {$here} 'pending';    # a fork flushes
            eval { recv_fh($here) };
            return $@;
        });
        my $mask = POSIX::SigSet->new;
        POSIX::sigprocmask(POSIX::SIG_BLOCK(), POSIX::SigSet->new, $mask);
        return $left . $mask->ismember(POSIX::SIGPIPE());
    })->result;
    is $held, "left\n0", 'a handler dies while there is no room: SIGPIPE is not held back';
}

# Who asks who sends has asked for no answer.
{
    my ($here, $there) = spipe();
    $there->blocking(0);
    print {$here} 'pending';
    ask_sender($here);
    is sysread($there, my $bytes, 100), undef, 'ask_sender: what is pending stays';
    close $here or die "close: $!";
}

# How often that process has slept; proc(5).
sub slept {
    my ($process) = @_;
    open my $status, '<', "/proc/$process/status" or return undef;
    return (join('', <$status>) =~ /^voluntary_ctxt_switches:\s*(\d+)/m)[0];
}

# How many bytes there was room for.
sub fill {
    my ($end) = @_;
    my $filled = 0;
    while (defined(my $wrote = syswrite $end, 'x' x 1024)) { $filled += $wrote }
    return $filled;
}

sub drained {
    my ($end, $expected) = @_;
    my $read = 0;
    $read += sysread $end, my $bytes, $expected - $read while $read < $expected;
    return $read;
}

no_leak();
done_testing;
