use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Identity;
use Meeting;
use Situation;
use Socket qw(AF_UNIX AF_INET INADDR_LOOPBACK SOCK_DGRAM SOCK_STREAM
    SOMAXCONN pack_sockaddr_in);

use File::FDpasser qw(:all);
no warnings 'File::FDpasser';

# peer_cred: the process at the other end, as it was when it connected.

my $dir  = workdir();
my $path = "$dir/server";
chmod 0755, $dir or die "chmod: $!";
umask 0;
my ($gid) = split ' ', $);

# Nothing to be told: the empty list and an errno
sub fails_with {
    my ($conn, $errno, $name) = @_;
    $! = 0;
    my @got = peer_cred($conn);
    is_deeply [ scalar @got, errno_name($!) ], [ 0, $errno ], $name;
    is_deeply [ scalar peer_cred($conn) ], [undef], '... undef in scalar context';
}

{
    my ($one, $other) = spipe();
    $! = 7;
    is_deeply [ peer_cred($one) ], [ $$, $>, $gid ], 'a pair: its maker';
    is $! + 0, 7, '... $! is left alone';
    is_deeply [ peer_cred(fileno $other) ], [ $$, $>, $gid ],
        '... from its other end, by number';
    close $other;
    is_deeply [ peer_cred($one) ], [ $$, $>, $gid ],
        '... also when the other end is closed';
}
{
    my $listener = endp_create($path);
    my ($client) = meet($listener, $path);
    is_deeply [ peer_cred($client) ], [ $$, $>, $gid ], 'a client: who listens';
    my $end   = gate();
    my $child = in_child {
        my $conn = endp_connect($path);
        $end->wait;
        return $$;
    };
    my $conn = serv_accept_fh($listener);
    my @peer = peer_cred($conn);
    $end->open;
    my $pid = $child->result;
    is_deeply \@peer, [ $pid, $>, $gid ], 'a server: who connected';
    is_deeply [ peer_cred($conn) ], [ $pid, $>, $gid ], '... also when it is dead';
    fails_with($listener, 'ENOTCONN', 'a listener has no peer');
    unlink $path;
}

fails_with(99999, 'EBADF', 'a number that is not open');
{
    open my $file, '<', $0 or die "$0: $!";
    fails_with($file, 'ENOTSOCK', 'a file');
    socket my $lonely, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!";
    fails_with($lonely, 'ENOTCONN', 'a socket that is not connected');
    socket my $packets, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!";
    fails_with($packets, 'ENOTCONN', 'one for packets');
}
SKIP: {
    socket my $internet, AF_INET, SOCK_STREAM, 0 or die "socket: $!";
    bind $internet, pack_sockaddr_in(0, INADDR_LOOPBACK) or die "bind: $!";
    listen $internet, SOMAXCONN or die "listen: $!";
    socket my $far, AF_INET, SOCK_STREAM, 0 or die "socket: $!";
    connect $far, getsockname $internet or skip "no TCP here: $!", 2;
    fails_with($far, 'ENOTCONN', 'a connection to who knows which machine');
    my $uid  = 0;
    my $conn = serv_accept_fh($internet, $uid);
    ok $conn, '... can be accepted';
    is $uid, undef, '... and its uid is not known';
}

SKIP: {
    skip $Identity::WHY_NOT, 5 if $Identity::WHY_NOT;
    # A server that has given up its rights is known to its clients as who it
    # was when it called listen.
    my ($listens, $end) = (gate(), gate());
    my $server = in_child {
        my $listener = endp_create($path) or die "endp_create: $!\n";
        become($BOB);
        $listens->open;
        my $conn = serv_accept_fh($listener);
        $end->wait;
        return $$;
    };
    $listens->wait;
    my @peer = as_user($ALICE, sub { peer_cred(endp_connect($path)) });
    $end->open;
    is_deeply \@peer, [ $server->result, 0, 0 ],
        'a server that became somebody else after it listened';
    unlink $path;

    # Bob was there first, in a directory where everybody can write: the server
    # finds out, and so does a client that looks.
    chmod 01777, $dir or die "chmod: $!";
    ($listens, $end) = (gate(), gate());
    my $trap = in_child {
        become($BOB);
        my $listener = endp_create($path) or die "endp_create: $!\n";
        $listens->open;
        my $conn = serv_accept_fh($listener);
        $end->wait;
        return $$;
    };
    $listens->wait;
    fails { endp_create($path) } undef, 'EADDRINUSE',
        'a trap where everybody can write: the server is told';
    @peer = as_user($ALICE, sub { peer_cred(endp_connect($path)) });
    $end->open;
    is_deeply \@peer, [ $trap->result, $BOB, $BOB ], '... a client can see it';
    unlink $path;
}

no_leak();
done_testing;
