use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Identity;
use Meeting;
use Peer;
use Situation;

use File::FDpasser qw(:all);

# Who has sent this very descriptor, when senders are other users: the ids that
# they have when they send.

plan skip_all => $Identity::WHY_NOT if $Identity::WHY_NOT;

my $dir  = workdir();
my $path = "$dir/server";
chmod 0755, $dir or die "chmod: $!";
umask 0;
my $file = tagged('passed');
Situation::new_baseline();

sub sender {
    my ($from, $pid, $uid, $gid) = @_;
    return { from => $from, pid => $pid, uid => $uid,
        gid => defined $gid ? $gid : $uid };
}

# What $sender becomes
sub received {
    my ($conn) = @_;
    my $fh = recv_fh($conn, my $sender) or return errno_name($!);
    tag_of($fh) eq 'passed' or return 'another file';
    return $sender;
}

# A child that connects as whoever it is, then becomes somebody else and sends.
sub client {
    my (%as) = @_;
    my ($connected, $send, $end) = (gate(), gate(), gate());
    my $child = in_child {
        $as{before}->();
        my $conn = endp_connect($path) or die "endp_connect: $!\n";
        $connected->open;
        $send->wait;
        $as{after}->();
        patiently { send_file($conn, $file) } or die "send_file: $!\n";
        $end->wait;
        return 1;
    };
    $connected->wait;
    return { child => $child, send => $send, end => $end };
}

sub ends {
    my ($client) = @_;
    $client->{end}->open;
    return $client->{child}->result;
}

# A pair made before the fork: the connection is its maker's, whoever sends.
{
    my ($ours, $theirs) = spipe();
    my @maker = ($$, 0, 0);
    my $send = sub {
        my @ids = @_;
        my $child = in_child {
            become(@ids);
            patiently { send_file($theirs, $file) } or die "send_file: $!\n";
            return $$;
        };
        return $child->result;
    };
    $send->($ALICE);
    is_deeply received($ours), sender('connection', @maker),
        'a pair, nobody asked: who made it';
    ask_sender($ours);
    my $pid = $send->($ALICE, $BOB);
    is_deeply received($ours), sender('message', $pid, $ALICE, $BOB),
        '... asked: the child that sent, another user';
    $pid = $send->($BOB, $ALICE);
    is_deeply received($ours), sender('message', $pid, $BOB, $ALICE),
        '... another child, another user';
    is_deeply [ peer_cred($ours) ], \@maker, '... peer_cred: who made it';
}

# A message sent before anybody asked
{
    my ($ours, $theirs) = spipe();
    my $send = sub {
        (in_child {
            become($ALICE);
            patiently { send_file($theirs, $file) };
            return $$;
        })->result;
    };
    $send->();
    ask_sender($ours);
    my $pid = $send->();
    is_deeply received($ours), sender('connection', $$, 0),
        'sent before we asked: who made the connection';
    is_deeply received($ours), sender('message', $pid, $ALICE),
        '... after: who has sent';
}

# Somebody who changes while the connection lasts
{
    my $listener = endp_create($path, sender => 1);
    my $client   = client(
        before => sub { $> = $ALICE },
        after  => sub { $> = 0; become($BOB) },
    );
    my $conn = serv_accept_fh($listener, my $uid);
    is $uid, $ALICE, 'serv_accept_fh: who it was when it connected';
    $client->{send}->open;
    my $pid = $client->{child}->pid;
    is_deeply received($conn), sender('message', $pid, $BOB),
        '$sender: who it is when it sends';
    is_deeply [ (peer_cred($conn))[ 0, 1 ] ], [ $pid, $ALICE ],
        'peer_cred: who it was when it connected';
    ends($client);
}

# Who has given up its rights for a moment only
SKIP: {
    skip 'real ids are what Linux notes', 2 if $^O ne 'linux';
    my $listener = endp_create($path, sender => 1);
    my $client   = client(before => sub { $> = $ALICE }, after => sub { });
    my $conn     = serv_accept_fh($listener, my $uid);
    $client->{send}->open;
    is_deeply received($conn), sender('message', $client->{child}->pid, 0),
        '$sender: the real uid';
    is $uid, $ALICE, '... where $uid is the effective one';
    ends($client);
}

# Who is gone before it is accepted
{
    my $listener = endp_create($path, sender => 1);
    my $pid = (in_child {
        become($ALICE);
        my $conn = endp_connect($path) or die "endp_connect: $!\n";
        patiently { send_file($conn, $file) } or die "send_file: $!\n";
        return $$;
    })->result;
    my $conn = serv_accept_fh($listener, my $uid);
    is $uid, $ALICE, 'a client that has gone: its uid';
    is_deeply received($conn), sender('message', $pid, $ALICE),
        '... and what it sent, with its ids';
    fails { recv_fh($conn) } undef, 'ENOTCONN', '... and the end';
}

# Several, one after the other on the same connection; every way to receive
{
    my ($ours, $theirs) = spipe();
    ask_sender($ours);
    my %receive = (
        recv_fh  => sub { recv_fh($ours, $_[0]) },
        recv_fd  => sub { recv_fd($ours, $_[0]) },
        recv_fhs => sub { recv_fhs($ours, undef, $_[0]) },
        recv_fds => sub { recv_fds($ours, undef, $_[0]) },
        read_fd  => sub { my @got = read_fd($ours, 2, 9, $_[0]); $got[1] },
    );
    my @expected;
    for my $uid ($ALICE, 0, $BOB) {
        for (1 .. keys %receive) {
            my $pid = (in_child {
                become($uid);
                patiently { send_file($theirs, $file) };
                return $$;
            })->result;
            push @expected, sender('message', $pid, $uid);
        }
    }
    for (1 .. 3) {
        for my $name (sort keys %receive) {
            my ($got) = $receive{$name}->(my $sender);
            my $expected = shift @expected;
            is_deeply $sender, $expected, "$name: sent by uid $expected->{uid}";
            POSIX::close($got) if !ref $got;
        }
    }
}

# A failure says nothing about anybody.
{
    my ($ours, $theirs) = spipe();
    ask_sender($ours);
    my $sender = 'before';
    send_err($theirs, Errno::EACCES());
    fails { recv_fh($ours, $sender) } undef, 'EACCES', 'an error status';
    is $sender, 'before', '... stores no sender';
}

# A client that asks when it connects.
{
    my $listener = endp_create("$dir/asked");
    my ($client, $conn) = meet($listener, "$dir/asked", sender => 1);
    send_file($conn, $file);
    recv_fh($client, my $sender);
    is $sender->{from}, 'message', 'endp_connect with sender => 1';
}

undef $file;
no_leak();
done_testing;
