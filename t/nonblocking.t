# EAGAIN on a non-blocking connection means that nothing happened, both ways.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Meeting;
use Situation;
use Peer;

use File::FDpasser;
use IO::Handle;
use POSIX ();
use Socket;

my $file = tagged('not blocked');

sub readable { ready($_[0], 0) }
sub writable { ready($_[0], 1) }

sub ready {
    my ($socket, $write) = @_;
    my @sets = ('', '');
    vec($sets[$write], fileno $socket, 1) = 1;
    return scalar select $sets[0], $sets[1], undef, 0;
}

my %packets = packets();
my @types   = (SOCK_STREAM, values %packets);
for my $type (@types) {
    my ($us, $peer) = pair($type);
    $us->blocking(0);
    fails { recv_fh($us) } undef, 'EAGAIN', 'recv_fh: nothing there';
    fails { recv_fd($us) } undef, 'EAGAIN', 'recv_fd: nothing there';
    fails { File::FDpasser::my_recv_fd(fileno $us) } -1, 'EAGAIN',
        'my_recv_fd: nothing there';
    is readable($us), 0, 'select agrees';
    send_file($peer, $file);
    is readable($us), 1, 'select says that a message is there';
    is tag_of(scalar recv_fh($us)), 'not blocked', 'and it is';
    fails { recv_fh($us) } undef, 'EAGAIN', 'and now it is not';
}

# A full send buffer: what was refused has not gone, what went arrives.
for my $type (@types) {
    my ($us, $peer) = pair($type);
    $us->blocking(0);
    $peer->blocking(0);
    my ($sent, $received) = (0, 0);
    for my $round (1 .. 3) {
        $sent++ while $sent < 100_000 && send_file($us, $file);
        fails { send_file($us, $file) } undef, 'EAGAIN',
            "send_file, round $round: the buffer is full";
        fails { File::FDpasser::my_send_fd(fileno $us, fileno $file) }
            -1, 'EAGAIN', "my_send_fd, round $round: the same";
        fails { File::FDpasser::my_send_fd(fileno $us, -13) }
            -1, 'EAGAIN', "a status, round $round: the same";
        is writable($us), 0, "round $round: select agrees"
            if $type != SOCK_DGRAM;
        while (my $got = recv_fh($peer)) {
            $received++;
            last if $round < 3 && $received % 100 == 0;
        }
    }
    cmp_ok $sent, '>', 3, 'some went';
    is $received, $sent, 'and as many arrived';
    fails { recv_fh($peer) } undef, 'EAGAIN', 'not one more';
}

# The buffer is full of bytes, and only some room is made.
{
    my ($us, $peer) = pair();
    $us->blocking(0);
    my $filled = 0;
    while (my $went = syswrite $us, 'x' x 1000) { $filled += $went }
    while (my $went = syswrite $us, 'x') { $filled += $went }
    fails { send_file($us, $file) } undef, 'EAGAIN', 'full of bytes';
    my $read = 0;
    my $sent;
    while (!$sent) {
        $read += sysread $peer, my $bytes, OverStreams::lack('partial reads') ? 1000 : 1;
        $sent = send_file($us, $file);
    }
    while ($read < $filled) {
        $read += sysread $peer, my $bytes, $filled - $read;
    }
    is tag_of(scalar recv_fh($peer)), 'not blocked',
        'as soon as there is room it goes, whole, behind the bytes';
    $peer->blocking(0);
    fails { recv_fh($peer) } undef, 'EAGAIN', 'and only once';
}

# Pending output that can't be flushed now: EAGAIN, and the descriptor does not
# overtake it.
{
    my ($us, $peer) = pair();
    $us->blocking(0);
    my $filled = 0;
    while (my $went = syswrite $us, 'x' x 1000) { $filled += $went }
    while (my $went = syswrite $us, 'x') { $filled += $went }
    $us->autoflush(0);
    print {$us} "pending\n";
    fails { send_file($us, $file) } undef, 'EAGAIN', 'a flush that would block';
    my $read = 0;
    while ($read < $filled) {
        $read += sysread $peer, my $bytes, $filled - $read;
    }
    $peer->blocking(0);
    fails { recv_fh($peer) } undef, 'EAGAIN', 'no descriptor went';
    is send_file($us, $file), 1, 'with room it goes';
}

# accept.
{
    my $dir      = workdir();
    my $listener = endp_create("$dir/endpoint") or die "endp_create: $!";
    $listener->blocking(0);
    my $uid = 'untouched';
    fails { serv_accept_fh($listener, $uid) } undef, 'EAGAIN',
        'serv_accept_fh: nobody there';
    fails { serv_accept_fd($listener, $uid) } undef, 'EAGAIN',
        'serv_accept_fd: nobody there';
    fails { File::FDpasser::my_serv_accept(fileno $listener, $uid) }
        -1, 'EAGAIN', 'my_serv_accept: nobody there';
    is $uid, 'untouched', 'nobody has no uid';
    is readable($listener), 0, 'select agrees';
    my $child = elsewhere { endp_connect("$dir/endpoint") };
    arrives($listener);
    is readable($listener), 1, 'select says that a client is there';
    my $served = serv_accept_fh($listener, $uid);
    is $uid, $>, 'and it is';
    ok $served->blocking, 'its endpoint blocks';
    ok $child->end->blocking, 'the client\'s too';
    fails { serv_accept_fh($listener) } undef, 'EAGAIN', 'only one was there';
}

# Reading does not change the mode of the connection, nor of what is received.
{
    my ($us, $peer) = pair();
    pipe my $reader, my $writer or die "pipe: $!";
    $reader->blocking(0);
    send_file($us, $reader);
    my $got = recv_fh($peer);
    ok !$got->blocking, 'a non-blocking descriptor stays so';
    ok $peer->blocking, 'a blocking connection stays so';
    $peer->blocking(0);
    recv_fh($peer);
    ok !$peer->blocking, 'a non-blocking connection too';
}

# A select loop over several connections, as servers have it.
{
    my @pairs = map { [ pair() ] } 1 .. 5;
    $_->blocking(0) for map {@$_} @pairs;
    my @children = map {
        my ($number, $out) = ($_, $pairs[$_][1]);
        in_child {
            close $_->[0] for @pairs;
            for my $message (1 .. 20) {
                my $tag = tagged("$number.$message");
                until (send_file($out, $tag)) {
                    die "send_file: $!" if !$!{EAGAIN};
                    vec(my $full = '', fileno $out, 1) = 1;
                    select undef, $full, undef, undef;
                }
            }
            return 20;
        }
    } 0 .. 4;
    close $_->[1] for @pairs;
    my %open = map { fileno($_->[0]) => $_->[0] } @pairs;
    my %seen;
    while (%open) {
        my $wanted = '';
        vec($wanted, $_, 1) = 1 for keys %open;
        select $wanted, undef, undef, undef;
        for my $number (grep { vec $wanted, $_, 1 } keys %open) {
            while (my $got = recv_fh($open{$number})) {
                my ($child, $message) = split /[.]/, tag_of($got);
                push @{ $seen{$child} }, $message;
            }
            delete $open{$number} if $!{ENOTCONN};
        }
    }
    is_deeply \%seen, { map { $_ => [ 1 .. 20 ] } 0 .. 4 },
        'a select loop over five connections';
    $_->result for @children;
}

undef $file;
no_leak();
done_testing;
