use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Identity;
use Peer;
use Situation;

use File::FDpasser qw(:all);

# Connections and descriptors that are passed on: who connected, who sends now,
# and who only stands in between.

plan skip_all => $Identity::WHY_NOT if $Identity::WHY_NOT;

my $dir  = workdir();
my $path = "$dir/server";
chmod 0755, $dir or die "chmod: $!";
umask 0;
my $file = tagged('passed');
Situation::new_baseline();

sub uid_and_from { return join ' ', @{ $_[0] }{qw(uid from)} }

# Alice connects and passes her connection to Bob, who sends on it. What the
# server sees of each.
sub alice_lets_bob_send {
    my (@options) = @_;
    my $listener = endp_create($path, @options) or die "endp_create: $!";
    my ($to_bob, $from_alice) = spipe();
    my $end = gate();
    my $alice = in_child {
        become($ALICE);
        my $conn = endp_connect($path) or die "endp_connect: $!\n";
        send_file($to_bob, $conn) or die "send_file: $!\n";
        return $$;
    };
    my $bob = in_child {
        become($BOB);
        my $conn = recv_fh($from_alice) or die "recv_fh: $!\n";
        send_file($conn, $file) or die "send_file: $!\n";
        $end->wait;
        return $$;
    };
    my $conn = serv_accept_fh($listener, my $uid);
    my $fh   = recv_fh($conn, my $sender);
    my @peer = peer_cred($conn);
    $end->open;
    my %pid = (alice => scalar $alice->result, bob => scalar $bob->result);
    unlink $path;
    return ($uid, \@peer, $sender, \%pid, tag_of($fh));
}

{
    my ($uid, $peer, $sender, $pid, $tag) = alice_lets_bob_send(sender => 1);
    is $tag, 'passed', 'a connection that is passed on works';
    is $uid, $ALICE, '... $uid is who connected';
    is_deeply $peer, [ $pid->{alice}, $ALICE, $ALICE ], '... so is peer_cred';
    is_deeply $sender, { pid => $pid->{bob}, uid => $BOB, gid => $BOB,
        from => 'message' }, '... $sender is who sent';
}
{
    my ($uid, $peer, $sender, $pid) = alice_lets_bob_send();
    is_deeply $sender, { pid => $pid->{alice}, uid => $ALICE, gid => $ALICE,
        from => 'connection' }, '... not asked for: who connected, and it says so';
}

# A server that accepts and passes the connection to a worker: the worker sees
# the client, not the server.
{
    my $listener = endp_create($path, sender => 1);
    my ($to_worker, $from_server) = spipe();
    my $worker = in_child {
        become($BOB);
        my $conn = recv_fh($from_server, my $from) or die "recv_fh: $!\n";
        recv_fh($conn, my $sender) or die "recv_fh: $!\n";
        return ([ peer_cred($conn) ], $sender, $from);
    };
    my $client = in_child {
        become($ALICE);
        my $conn = endp_connect($path) or die "endp_connect: $!\n";
        send_file($conn, $file) or die "send_file: $!\n";
        return $$;
    };
    my $conn = serv_accept_fh($listener);
    send_file($to_worker, $conn) or die "send_file: $!";
    undef $conn;
    my ($peer, $sender, $from) = $worker->result;
    my $pid = $client->result;
    is_deeply $peer, [ $pid, $ALICE, $ALICE ], 'a worker sees who connected';
    is_deeply $sender, { pid => $pid, uid => $ALICE, gid => $ALICE,
        from => 'message' }, '... and who sent';
    is $from->{uid}, 0, '... and that the connection came from the server';
    unlink $path;
}

# A descriptor that is passed on: its sender is who passed it on.
{
    my ($ours, $relays) = spipe();
    my ($to_relay, $from_alice) = spipe();
    ask_sender($_) for $ours, $from_alice;
    my $relay = in_child {
        become($BOB);
        my $fh = recv_fh($from_alice, my $sender) or die "recv_fh: $!\n";
        send_file($relays, $fh) or die "send_file: $!\n";
        return uid_and_from($sender);
    };
    as_user($ALICE, sub { send_file($to_relay, $file) });
    my $fh = recv_fh($ours, my $sender);
    is tag_of($fh), 'passed', 'a descriptor that is passed on';
    is $relay->result, "$ALICE message", '... the relay knows who sent it';
    is uid_and_from($sender), "$BOB message", '... we know the relay';
}

# A listener that is passed on: clients see who called listen, whoever accepts.
{
    my ($ours, $theirs) = spipe();
    my ($start, $end) = (gate(), gate());
    my $server = in_child {
        become($BOB);
        my $listener = recv_fh($ours) or die "recv_fh: $!\n";
        my $conn = serv_accept_fh($listener, my $uid) or die "accept: $!\n";
        $end->wait;
        return $uid;
    };
    my $listener = endp_create($path);
    send_file($theirs, $listener) or die "send_file: $!";
    undef $listener;
    my @peer = as_user($ALICE, sub {
        my $conn = endp_connect($path) or die "endp_connect: $!\n";
        return peer_cred($conn);
    });
    $end->open;
    is $server->result, $ALICE, 'a listener that is passed on: $uid is the client';
    is_deeply \@peer, [ $$, 0, 0 ], '... to which the server is who listened';
    unlink $path;
}

undef $file;
no_leak();
done_testing;
