# send_files that cannot send all: what went, what it returns, and why.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;
use Signals;

use File::FDpasser qw(:all);
use Socket;

# ETOOMANYREFS, unix(7): who is not root is refused before the smallest buffer is full.
plan skip_all => 'a buffer takes more than who is not root may have in flight' if $> != 0;

my $file  = tagged('file');
my $other = tagged('other');
Situation::new_baseline();

# How many descriptors are queued, in how many messages.
sub arrived {
    my ($conn) = @_;
    $conn->blocking(0);
    my ($count, $messages) = (0, 0);
    while (my @got = recv_fhs($conn)) {
        $count += @got;
        $messages++;
    }
    return ($count, $messages);
}

# More than a buffer takes: of the smallest.
sub narrow_pair {
    my ($us, $peer) = pair();
    setsockopt $peer, SOL_SOCKET, SO_SNDBUF, 1 or die "SO_SNDBUF: $!";
    return ($us, $peer);
}
my @many = ($file) x 10_000;

# A quarter of it goes in one message.
descriptor_limit(256);

# A non-blocking connection whose buffer fills.
{
    my ($us, $peer) = narrow_pair();
    $peer->blocking(0);
    $! = 0;
    my $n     = send_files($peer, @many);
    my $errno = errno_name($!);
    cmp_ok $n, '>', 0,     'a full buffer: some went';
    cmp_ok $n, '<', @many, 'but not all';
    is $errno, 'EAGAIN', 'and $! says why';
    fails { send_files($peer, @many) } undef, 'EAGAIN', 'then none goes: undef'
        for 1 .. 2;
    is_deeply [ arrived($us) ], [ $n, $n / 64 ], 'as many as it said arrive';
    is send_files($peer, $other), 1, 'and there is room again';
}

# The socket's own timeout.
{
    my ($us, $peer) = narrow_pair();
    setsockopt $peer, SOL_SOCKET, SO_SNDTIMEO, pack 'l! l!', 0, 50_000
        or die "SO_SNDTIMEO: $!";
    $! = 0;
    my $n = send_files($peer, @many);
    is errno_name($!), 'EAGAIN', 'a timeout';
    is_deeply [ arrived($us) ], [ $n, $n / 64 ], 'as many as it said arrive';
}

# A signal.
for my $kind (kinds()) {
    my ($us, $peer) = narrow_pair();
    my ($n, $errno, $ran) = interrupted($kind,
        sub { scalar send_files($peer, @many) });
    cmp_ok $n, '>', 0, "$kind: some went";
    is_deeply [ $errno, $ran ], [ 'EINTR', 1 ], "$kind: and the handler has run";
    is_deeply [ interrupted($kind, sub { scalar send_files($peer, @many) }) ],
        [ undef, 'EINTR', 1 ], "$kind: then none: undef";
    is_deeply [ arrived($us) ], [ $n, $n / 64 ], "$kind: as many as it said arrive";
}

# A handler that dies.
{
    my ($us, $peer) = narrow_pair();
    my $died = !eval {
        signalled('%SIG', sub { die "now\n" }, sub { send_files($peer, @many) });
        1;
    };
    is $@, "now\n", 'a handler that dies leaves it';
    my ($count, $messages) = arrived($us);
    is $count, $messages * 64, 'what went is whole';
}

# A peer that goes away.
{
    my ($us, $peer) = narrow_pair();
    local $SIG{PIPE} = 'IGNORE';
    my $reader = in_child {
        close $peer;
        my @got = recv_fhs($us);
        return scalar @got;
    };
    close $us;
    $! = 0;
    my $n     = send_files($peer, @many);
    my $errno = errno_name($!);
    ok defined $n && $n >= 64 && $n < @many, 'the peer goes away: some went';
    is $errno, 'EPIPE', 'and $! says why';
    is $reader->result, 64, 'the peer has taken a batch of them';
    fails { send_files($peer, $file) } undef, 'EPIPE', 'then none goes: undef';
}

# Arguments are checked before the first goes: the last of many as well.
{
    my ($us, $peer) = pair();
    $us->blocking(0);
    my $free = fileno((pair())[0]);
    for my $bad (undef, 'STDIN', -1, 1.5, {}) {
        ok !eval { send_files($peer, ($file) x 300, $bad); 1 }, 'a bad handle: dies';
        like $@, qr/\AInvalid args to send_files: argument 302 /, 'and says which';
    }
    fails { send_files($peer, ($file) x $_, $free) } undef, 'EBADF',
        "a number that is not open, behind $_"
        for 0, 1, 63, 64, 300;
    fails { send_files($peer, $free, ($file) x 300) } undef, 'EBADF', 'or before';
    fails { send_files($peer, ($file) x 300, 2**40) } undef, 'EBADF',
        'a number that cannot be';
    fails_empty { recv_fhs($us) } 'EAGAIN', 'and nothing was sent';
}

# What was printed to the handles is written before, of each of them.
{
    my ($us, $peer) = pair();
    my @printed = map { tagged('') } 1 .. 100;
    print { $printed[$_] } "number $_" for 0 .. $#printed;
    is -s $printed[0], 0, 'what is printed is in a buffer';
    is send_files($peer, @printed), 100, 'and when the handles go';
    my @got = (recv_fhs($us), recv_fhs($us));
    is_deeply [ map { tag_of($_) } @got ], [ map {"number $_"} 0 .. 99 ],
        'it is in the files';
    print {$peer} 'first';
    send_files($peer, $file);
    is_deeply [ read_fd($us, 5, 0) ], ['first'], 'of the connection, too';
    is tag_of((recv_fhs($us))[0]), 'file', 'in order';
}
SKIP: {
    skip 'there is no /dev/full', 3 if !-c '/dev/full';
    my ($us, $peer) = pair();
    $us->blocking(0);
    my @full = map { open my $fh, '>', '/dev/full' or die "/dev/full: $!"; $fh } 1, 2;
    print {$_} 'text' for @full;
    fails { send_files($peer, ($file) x 100, $full[0]) } undef, 'ENOSPC',
        'a flush that fails';
    fails { write_fd($peer, 'bytes', $file, $full[1]) } undef, 'ENOSPC',
        'the same for write_fd';
    fails_empty { recv_fhs($us) } 'EAGAIN', 'and nothing was sent';
    close $_ for @full;
}

undef $_ for $file, $other;
@many = ();
no_leak();
done_testing;
