# A connection that cannot carry descriptors, of another family than AF_UNIX:
# EOPNOTSUPP, and nothing is sent. Linux itself reports success there.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use NeedsTcp;
use Outside;
use Peer;
use Situation;

use Errno ();
use File::FDpasser qw(:all);
use File::FDpasser::Channel;
use File::FDpasser::Queue;
no warnings 'File::FDpasser';
use IO::Socket::INET;
use POSIX ();
use Socket;

my $file    = tagged('lost');
my $refused = errno_name(Errno::EOPNOTSUPP());    # ENOTSUP is the same
my %pair = (TCP => \&tcp, UDP => \&udp);
if (eval { require IO::Socket::IP; IO::Socket::IP->new(Listen => 1, LocalHost => '::1') }) {
    $pair{'TCP over IPv6'} = \&tcp6;
}
Situation::new_baseline();

sub tcp {
    my $server = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $@;
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->sockport)
        or die $@;
    return ($client, scalar $server->accept);
}

sub udp {
    my ($one, $two) = map {
        IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die $@
    } 1, 2;
    $one->connect($two->sockname) or die "connect: $!";
    return ($one, $two);
}

sub tcp6 {
    my $server = IO::Socket::IP->new(Listen => 1, LocalHost => '::1') or die $@;
    my $client = IO::Socket::IP->new(PeerHost => '::1', PeerPort => $server->sockport) or die $@;
    return ($client, scalar $server->accept);
}

# What one call gives: [ what it returned, errno's name, what it died of ].
sub outcome {
    my ($call, $conn) = @_;
    $! = 0;
    my @got = eval { $call->($conn) };
    return [ \@got, errno_name($!), $@ ];
}

my %send = (
    send_file  => [ sub { send_file($_[0], $file) }, undef ],
    send_files => [ sub { send_files($_[0], $file, $file) }, undef ],
    write_fd   => [ sub { write_fd($_[0], 'bytes', $file) }, undef ],
    my_send_fd => [
        sub { File::FDpasser::my_send_fd(fileno $_[0], fileno $file) }, -1 ],
);

for my $family (sort keys %pair) {
    for my $blocking (1, 0) {
        for my $name (sort keys %send) {
            my ($conn, $peer) = $pair{$family}->();
            $conn->blocking($blocking);
            my ($call, $failure) = @{ $send{$name} };
            my $title = "$family, $name" . ($blocking ? '' : ', non-blocking');
            is_deeply outcome($call, $conn), [ [$failure], $refused, '' ], $title
                for 1, 2;
            is_deeply outcome($call, fileno $conn), [ [$failure], $refused, '' ],
                "$title, by its number"
                if $name ne 'my_send_fd';
            ok !is_ready($peer), '... and nothing has come';
        }
    }

    my ($conn, $peer) = $pair{$family}->();
    $conn->blocking(0);
    fails { recv_fh($conn) } undef, $refused, "$family, recv_fh";
    fails_empty { recv_fds($conn) } $refused, "$family, recv_fds";
    fails_empty { read_fd($conn, 1, 1) } $refused, "$family, read_fd";
    fails { send_err($conn, 13, 'text') } undef, $refused, "$family, send_err";
    my @told;
    my $queue = File::FDpasser::Queue->new($conn);
    $queue->push_send_fh($file, sub { push @told, [ @_, errno_name($!) ] });
    $queue->push_send_fhs([ $file, $file ], sub { push @told, [ @_, errno_name($!) ] });
    $queue->ready for 1 .. 3;
    is_deeply \@told, [ ([ undef, $refused ]) x 2 ], "$family, the queue";
    ok !is_ready($peer), '... and nothing has come';
}

# What is remembered of a number is a hint: it may stand for what cannot later,
my %made_before = (
    'the queue' => sub {
        my $queue = File::FDpasser::Queue->new($_[0]) or die "Queue: $!";
        return sub {
            my @told;
            $queue->push_send_fh($file, sub { @told = ($_[0], $! + 0) });
            $queue->ready;
            $! = $told[1];
            return $told[0];
        };
    },
    'a channel' => sub {
        my $channel = File::FDpasser::Channel->new($_[0]) or die "Channel: $!";
        return sub { $channel->write('bytes', $file) };
    },
);
for my $family (sort keys %pair) {
    for my $name (sort keys %send, sort keys %made_before) {
        my ($us, $peer)   = pair(SOCK_STREAM);
        my ($conn, $other) = $pair{$family}->();
        my $number = fileno $us;
        my ($call, $failure) = @{ $send{$name} || [] };
        $call ||= $made_before{$name}->($number);
        is send_file($number, $file), 1, "$name: a number that can";
        defined POSIX::dup2(fileno $conn, $number) or die "dup2: $!";
        is_deeply outcome($call, $name eq 'my_send_fd' ? $us : $number),
            [ [$failure], $refused, '' ], "... stands for $family, which cannot"
            for 1, 2;
        ok !is_ready($other), '... and nothing has come';
    }
}

# ... and the other way.
{
    my ($conn)      = tcp();
    my ($us, $peer) = pair();
    my $number = fileno $conn;
    is_deeply outcome($send{send_file}[0], $number), [ [undef], $refused, '' ],
        'a number that cannot';
    defined POSIX::dup2(fileno $us, $number) or die "dup2: $!";
    is send_file($number, $file), 1, '... stands for another socket, which can';
    is tag_of(scalar recv_fh($peer)), 'lost', '... and what it sent';
}

# Clients can be accepted; who they are nobody says.
{
    my $server = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $@;
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->sockport)
        or die $@;
    my $accepted = serv_accept_fh($server, my $uid);
    ok $accepted && syswrite($accepted, 'hello'), 'a client of TCP is accepted' or diag "$!";
    my $heard = '';
    sysread $client, $heard, 5 if $accepted;
    is $heard, 'hello', '... and spoken to';
    is $uid, undef, '... whoever it is';
}

undef $file;
no_leak();
done_testing;
