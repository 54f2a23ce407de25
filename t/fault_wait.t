# Under a limit of no descriptors the system refuses poll. Calls wait all the
# same: until what they wait for is there, a signal comes or their time is over,
# and burn no processor. A descriptor that comes finds a full table.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Outside;
use Situation;
use Meeting;
use Peer;
use Signals qw(is_blocked);

use Errno qw(EACCES);
use File::FDpasser qw(:all);
use POSIX ();
use Socket;

my $dir  = workdir();
my $file = tagged('passed');
$SIG{USR1} = sub { };
Situation::new_baseline();

# CODE in a child that may have no descriptor; what it returns.
sub limited {
    my ($code) = @_;
    descriptor_limit(0);
    $! = 0;
    my $got   = $code->();
    my $errno = errno_name($!);
    descriptor_limit(4096);
    return defined $got ? 'success' : $errno;
}

sub processor_time { my ($user, $system) = times; return $user + $system }

# A child waits twice. A signal ends the first wait, ready() the second; then
# the same call has room. How each ended, the processor time, what was left.
sub waits_twice {
    my ($call, $close, $ready) = @_;
    my @go = map { gate() } 1, 2;
    my $child = in_child {
        $close->();
        my @seen;
        my $before = processor_time();
        for my $go (@go) {
            $go->open;
            push @seen, limited($call);
        }
        my $burnt = processor_time() - $before;
        push @seen, defined $call->() ? 'success' : errno_name($!)
            if $seen[1] eq 'EMFILE';
        return ("@seen", $burnt);
    };
    my $what = sub { kill USR1 => $child->pid };
    for my $go (@go) {
        $go->wait;
        1 until is_blocked($child->pid);
        select undef, undef, undef, 0.1;    # of its processor time
        $what->();
        $what = $ready;
    }
    return $child->result;
}

my %receive = (
    recv_fh  => sub { scalar recv_fh($_[0]) },
    recv_fd  => sub { close_number(recv_fd($_[0])) },
    recv_fhs => sub { my @got = recv_fhs($_[0]); $got[0] },
    recv_fds => sub { close_number(recv_fds($_[0])) },
    my_recv_fd => sub {
        my $got = File::FDpasser::my_recv_fd(fileno $_[0]);
        return $got == -1 ? undef : $got < -1 ? do { $! = -$got; undef }
            : close_number($got);
    },
);
sub close_number { my ($number) = @_; POSIX::close($number) if defined $number; $number }

my %comes = (
    'an error status' => [ sub { send_err($_[0], EACCES) }, 'EINTR EACCES' ],
    'the end'         => [ sub { close $_[0] }, 'EINTR ENOTCONN' ],
    'a descriptor'    => [ sub { send_file($_[0], $file) }, 'EINTR EMFILE success' ],
);
for my $name (sort keys %receive) {
    for my $what (sort keys %comes) {
        my ($us, $peer)   = spipe();
        my ($send, $ends) = @{ $comes{$what} };
        my ($seen, $burnt) = waits_twice(sub { $receive{$name}->($us) },
            sub { close $peer }, sub { close $us; $send->($peer) });
        is $seen, $ends, "$name: a signal, then $what";
        cmp_ok $burnt, '<', 0.25, '... and no processor time';
    }
}

{
    my ($us, $peer) = spipe();
    my ($seen, $burnt) = waits_twice(sub { (read_fd($us, 5, 0))[0] },
        sub { close $peer }, sub { write_fd($peer, 'bytes') });
    is $seen, 'EINTR success', 'read_fd: a signal, then bytes';
    cmp_ok $burnt, '<', 0.25, '... and no processor time';
}

# A queue that is full, and emptied.
my %send = (
    send_file  => sub { send_file($_[0],  \*STDIN) },
    send_files => sub { send_files($_[0], \*STDIN) },
    write_fd   => sub { write_fd($_[0], "\0\0", \*STDIN) },
);
for my $name (sort keys %send) {
    SKIP: {
        # ETOOMANYREFS, unix(7): the table that is full has a low limit.
        skip "$name: a queue takes more than who is not root may have in flight", 2 if $> != 0;
        my ($full, $reader) = spipe();
        $full->blocking(0);
        1 while send_file($full, $file);
        $full->blocking(1);
        $reader->blocking(0);
        my ($seen, $burnt) = waits_twice(sub { $send{$name}->($full) }, sub { },
            sub { 1 while recv_fh($reader) });
        is $seen, 'EINTR success', "$name: a signal, then room";
        cmp_ok $burnt, '<', 0.25, '... and no processor time';
    }
}

# A client comes, and stays until there is room for it.
my %accept = (
    serv_accept_fh => sub { serv_accept_fh($_[0]) },
    serv_accept_fd => sub { close_number(serv_accept_fd($_[0])) },
    my_serv_accept => sub {
        my $got = File::FDpasser::my_serv_accept(fileno $_[0], my $uid);
        return $got < 0 ? undef : close_number($got);
    },
);
for my $name (sort keys %accept) {
    my $path     = "$dir/$name";
    my $listener = endp_create($path) or die "endp_create: $!";
    my $client;
    my ($seen, $burnt) = waits_twice(sub { $accept{$name}->($listener) }, sub { },
        sub { $client = elsewhere { endp_connect($path) } });
    is $seen, 'EINTR EMFILE success', "$name: a signal, then a client";
    cmp_ok $burnt, '<', 0.25, '... and no processor time';
    ok $seen =~ /success/ && defined $client->end, '... which is connected';
}

# The socket's own timeout.
for my $name (sort keys %receive) {
    my ($us, $peer) = pair();
    setsockopt $us, SOL_SOCKET, SO_RCVTIMEO, pack 'l! l!', 0, 50_000
        or die "SO_RCVTIMEO: $!";
    is((returns { limited(sub { $receive{$name}->($us) }) })[0], 'EAGAIN',
        "$name: SO_RCVTIMEO is over");
    syswrite $peer, "\0";
    is((returns { limited(sub { $receive{$name}->($us) }) })[0], 'EAGAIN',
        '... with half a message, too');
}
{
    my ($us, $peer) = pair();
    setsockopt $us, SOL_SOCKET, SO_SNDTIMEO, pack 'l! l!', 0, 50_000
        or die "SO_SNDTIMEO: $!";
    $us->blocking(0);
    1 while send_file($us, $file);
    $us->blocking(1);
    is((returns { limited(sub { send_file($us, $file) }) })[0], 'EAGAIN',
        'send_file: SO_SNDTIMEO is over');
}

# A timeout that is far away hides nothing: a peer that reads no more is EPIPE.
{
    my ($us, $peer) = pair();
    setsockopt $us, SOL_SOCKET, SO_SNDTIMEO, pack 'l! l!', 3600, 0 or die "SO_SNDTIMEO: $!";
    $us->blocking(0);
    1 while send_file($us, $file);
    $us->blocking(1);
    my $child = in_child {
        watchdog(20);
        local $SIG{PIPE} = 'IGNORE';
        return send_file($us, $file) ? 'went' : errno_name($!);
    };
    1 until is_blocked($child->pid);
    shutdown $peer, 0;
    Situation::wait_for(20);
    is eval { ($child->result)[0] } || 'hangs', 'EPIPE', '... before, the peer reads no more';
}

# A non-blocking call does not wait there either.
for my $name (sort keys %receive) {
    my ($us, $peer) = spipe();
    $us->blocking(0);
    my $child = in_child {
        my @seen = limited(sub { $receive{$name}->($us) });
        send_file($peer, $file);
        push @seen, limited(sub { $receive{$name}->($us) }) for 1, 2;
        return ("@seen", $receive{$name}->($us) ? 'success' : "$!");
    };
    is_deeply [ $child->result ], [ 'EAGAIN EMFILE EMFILE', 'success' ],
        "$name, non-blocking: nothing there, no room, room";
}

undef $file;
no_leak();
done_testing;
