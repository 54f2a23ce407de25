use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Identity;
use Peer;
use Situation;
use Syscall;

use File::FDpasser qw(:all);

# Senders from outside our container: their process has no number here, their
# user may have none. What has none is undef, and nothing else is made of it.

plan skip_all => $Identity::WHY_NOT if $Identity::WHY_NOT;

use constant { CLONE_NEWUSER => 0x1000_0000, CLONE_NEWPID => 0x2000_0000 };
plan skip_all => 'unshare has no known number here' if !has_system_call('unshare');

my $file = tagged('passed');
Situation::new_baseline();

# What CODE returns in a new namespace; undef if there can be none.
sub in_namespace {
    my ($kind, $code) = @_;
    my @got = (in_child {
        defined system_call('unshare', $kind) or return;
        # Its first process is the next one.
        return scalar((in_child { [ $code->() ] })->result);
    })->result;
    return @got ? @{ $got[0] } : ();
}

my ($us, $peer) = spipe();
my $alice_sends = sub {
    (in_child {
        become($ALICE);
        send_file($peer, $file) or die "send_file: $!\n";
        return $$;
    })->result;
};

# Received in a container; the connection was made, and the message sent, from
# outside.
my $receives = sub {
    my $fh = recv_fh($us, my $sender) or die "recv_fh: $!\n";
    return (tag_of($fh), $sender, [ peer_cred($us) ], $$);
};

SKIP: {
    $alice_sends->();
    ask_sender($us);
    $alice_sends->();
    my ($tag, $sender, $peer_cred, $pid) = in_namespace(CLONE_NEWPID, $receives);
    skip 'no pid namespace can be made', 7 if !defined $tag;
    is $pid, 1, 'in a container';
    is $tag, 'passed', '... a descriptor from outside';
    is_deeply $peer_cred, [ undef, 0, 0 ],
        '... the process that made the connection has no number here';
    is_deeply $sender, { pid => undef, uid => 0, gid => 0, from => 'connection' },
        '... a message sent before we asked: who made the connection';

    ($tag, $sender) = in_namespace(CLONE_NEWPID, $receives);
    is_deeply $sender, { pid => undef, uid => $ALICE, gid => $ALICE,
        from => 'message' }, '... after: who has sent it, without a number';

    # 65534 is also what stands for an id that is not known.
    for my $ids ([ $NOBODY, $ALICE ], [ $ALICE, $NOBODY ]) {
        my ($uid, $gid) = @$ids;
        as_user($uid, $gid, sub { send_file($peer, $file) or die "send_file: $!\n" });
        ($tag, $sender) = in_namespace(CLONE_NEWPID, $receives);
        is_deeply $sender, { pid => undef, uid => $uid, gid => $gid, from => 'message' },
            "... user $uid of group $gid";
    }
}

SKIP: {
    $alice_sends->();
    $us->blocking(0);
    recv_fh($us) while !$!{EAGAIN};
    $us->blocking(1);
    my $pid = $alice_sends->();
    my ($tag, $sender) = in_namespace(CLONE_NEWUSER, $receives);
    skip 'no user namespace can be made', 2 if !defined $tag;
    is $tag, 'passed', 'where users are others: a descriptor';
    my $overflow = do {
        open my $in, '<', '/proc/sys/kernel/overflowuid' or die $!;
        readline $in;
    };
    is_deeply $sender, { pid => $pid, uid => $overflow + 0,
        gid => $overflow + 0, from => 'message' },
        '... the process is known, its user is nobody here';
}

undef $_ for $us, $peer, $file;
no_leak();
done_testing;
