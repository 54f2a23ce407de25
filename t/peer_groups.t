use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Identity;
use Meeting;
use Situation;
use Syscall;
use Socket qw(AF_INET AF_UNIX SOCK_DGRAM SOCK_STREAM);

use File::FDpasser qw(:all);
no warnings 'File::FDpasser';

# peer_groups: the supplementary groups of the process at the other end.

my $dir  = workdir();
my $path = "$dir/server";
chmod 0755, $dir or die "chmod: $!";
umask 0;

{
    my ($one) = spipe();
    $! = 0;
    my @groups = peer_groups($one);
    plan skip_all => 'groups are not told here' if $!{EOPNOTSUPP};
    my (undef, @ours) = split ' ', $);
    # Perl says of a process in no group that it is in its own.
    my @system = split ' ', (map {/^Groups:\s*(.*)/} lines('/proc/self/status'))[0];
    is_deeply [ sort @groups ], [ sort @system ], 'a pair: of its maker';
    is $! + 0, 0, '... $! is left alone';
    is scalar(peer_groups($one)), scalar @system, '... in scalar context how many';
    is_deeply [ 1, peer_groups($one), 2 ], [ 1, @groups, 2 ], '... within a list';
}

sub lines {
    my ($file) = @_;
    open my $fh, '<', $file or die "$file: $!";
    return readline $fh;
}

my ($setgroups) = grep { has_system_call($_) } qw(setgroups32 setgroups);
SKIP: {
    skip 'no compiler and no header knows the number of setgroups', 9 if !$setgroups;
    skip $Identity::WHY_NOT, 9 if $Identity::WHY_NOT;
    my $listener = endp_create($path);

    # What the server sees of a client in these groups
    my $seen = sub {
        my ($gid, @groups) = @_;
        my $end    = gate();
        my $client = in_child {
            $) = "$gid $gid";
            set_groups(@groups);
            my $conn = endp_connect($path) or die "endp_connect: $!\n";
            $end->wait;
            return 1;
        };
        my $conn = serv_accept_fh($listener);
        $! = 0;
        my @got    = peer_groups($conn);
        my $errno  = errno_name($!);
        my $count  = peer_groups($conn);
        my ($pid, $uid, $its_gid) = peer_cred($conn);
        $end->open;
        $client->result;
        return { groups => \@got, errno => $errno, count => $count, gid => $its_gid };
    };
    for ([7], [ 7, 8, 9 ], [ 1000 .. 1031 ], [ 1000 .. 1032 ], [ 1000 .. 2999 ],
        [4294967294])
    {
        my $got = $seen->(7, @$_);
        is_deeply $got,
            { groups => $_, errno => '', count => scalar @$_, gid => 7 },
            'a client in ' . @$_ . ' groups, ' . $_->[-1] . ' the last';
    }
    is_deeply $seen->(7), { groups => [], errno => '', count => 0, gid => 7 },
        'a client in none: the empty list, and no error';

    # They are those of then.
    my ($connected, $end) = (gate(), gate());
    my $client = in_child {
        $) = '7 8 9';
        my $conn = endp_connect($path) or die "endp_connect: $!\n";
        become($ALICE);
        $connected->open;
        $end->wait;
        return 1;
    };
    my $conn = serv_accept_fh($listener);
    $connected->wait;
    is_deeply [ peer_groups($conn) ], [ 8, 9 ], 'a client that has left them since';
    $end->open;
    $client->result;
    is_deeply [ peer_groups($conn) ], [ 8, 9 ], '... or ended';
    unlink $path;
}

# Perl's own way has always one, and no more than the C library thinks may be.
sub set_groups {
    defined system_call($setgroups, scalar @_, pack 'L*', @_) or die "setgroups: $!\n";
    return;
}

# ---- failures

fails_empty { peer_groups(99999) } 'EBADF', 'a number that is not open';
{
    open my $file, '<', $0 or die "$0: $!";
    fails_empty { peer_groups($file) } 'ENOTSOCK', 'a file';
    is scalar(peer_groups($file)), undef, '... undef in scalar context';
    socket my $lonely, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!";
    fails_empty { peer_groups($lonely) } 'ENOTCONN', 'a socket that is not connected';
    socket my $packets, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!";
    fails_empty { peer_groups($packets) } 'ENOTCONN', 'one for packets';
    socket my $internet, AF_INET, SOCK_STREAM, 0 or die "socket: $!";
    fails_empty { peer_groups($internet) } 'ENOTCONN', 'one of the internet';
    my $listener = endp_create($path);
    fails_empty { peer_groups($listener) } 'ENOTCONN', 'a listener';
    unlink $path;
}
for my $bad ('word', undef, [], -1) {
    my $place = 'at ' . __FILE__ . ' line ' . (__LINE__ + 1);
    eval { my @groups = peer_groups($bad) };
    my $name = defined $bad ? ref $bad ? 'a reference' : $bad : 'undef';
    like $@, qr/\AInvalid args to peer_groups: argument 1 .*\Q$place\E\.?$/, "$name: it dies";
}

no_leak();
done_testing;
