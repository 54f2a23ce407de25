# write_fd that can write only a part: as syswrite, and the descriptors once.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Message;
use Peer;
use Signals;

use File::FDpasser qw(:all);
use Socket;

use constant MUCH => 5_000_000;

my $file = tagged('once');
my $much = pattern(MUCH);
Situation::new_baseline();

# Reads all there is, until the end.
sub drain {
    my ($conn) = @_;
    return read_all($conn, 2 * MUCH, 253);
}

# Writes until nothing more goes.
sub fill {
    my ($conn) = @_;
    $conn->blocking(0);
    1 while defined write_fd($conn, $much);
    $conn->blocking(1);
}

# Non-blocking: the part that went is a success, the descriptors with it.
{
    my ($us, $peer) = pair();
    $peer->blocking(0);
    $! = 0;
    my $n = write_fd($peer, $much, $file, $file);
    cmp_ok $n, '>', 0,    'a full buffer: some bytes went';
    cmp_ok $n, '<', MUCH, 'but not all';
    is $! + 0, 0, 'which is a success';
    fails { write_fd($peer, $much, $file) } undef, 'EAGAIN', 'then none goes'
        for 1 .. 3;
    my $rest = in_child {
        close $us;
        return write_all($peer, substr $much, $n);
    };
    close $peer;
    my ($bytes, @fh) = drain($us);
    ok $bytes eq $much, 'with the rest it is all that was to be written';
    is_deeply [ map { tag_of($_) } @fh ], [ 'once', 'once' ],
        'and each descriptor came once';
    is $rest->result, MUCH - $n, 'the rest went without them';
}

# Blocking: all of it, in one call, however often it has to wait.
{
    my ($us, $peer) = pair();
    my $writer = in_child {
        close $us;
        return write_fd($peer, $much, ($file) x 253);
    };
    close $peer;
    my ($bytes, @fh) = drain($us);
    ok $bytes eq $much, 'a blocking write is whole';
    is @fh, 253, 'and brings each descriptor once';
    is $writer->result, MUCH, 'one call';
}

# In small pieces: the descriptors are with the first of them.
{
    my ($us, $peer) = pair();
    write_fd($peer, 'abcdefgh', $file);
    my ($bytes, @fh) = read_fd($us, 3, 10);
    is_deeply [ $bytes, map { tag_of($_) } @fh ], [ 'abc', 'once' ],
        'read in pieces: the first with the descriptor';
    is_deeply [ read_fd($us, 3, 10) ],  ['def'], 'the second without';
    is_deeply [ read_fd($us, 10, 10) ], ['gh'],  'the last without';
}

# A signal that comes while it waits.
for my $kind (kinds()) {
    my ($us, $peer) = pair();
    my ($n, $errno, $ran) = interrupted($kind,
        sub { scalar write_fd($peer, $much, $file) });
    ok defined $n && $n > 0 && $n < MUCH, "$kind: after a part: the part";
    is $errno, '', "$kind: a success";
    ($n, $errno, $ran) = interrupted($kind,
        sub { scalar write_fd($peer, $much, $file) });
    is_deeply [ $n, $errno, $ran ], [ undef, 'EINTR', 1 ],
        "$kind: before the first byte: EINTR";
    $us->blocking(0);
    close $peer;
    my ($bytes, @fh) = drain($us);
    is @fh, 1, "$kind: one descriptor went, with the part";
}
no_leak('interrupted: nothing left over');

# A handler that dies.
{
    my ($us, $peer) = pair();
    fill($peer);
    my $died = !eval {
        signalled('%SIG', sub { die "now\n" }, sub { write_fd($peer, 'x', $file) });
        1;
    };
    is $@, "now\n", 'a handler that dies leaves a waiting write_fd';
    close $peer;
    my ($bytes, @fh) = drain($us);
    is @fh, 0, 'and nothing was sent';
}

# The socket's own timeout.
{
    my ($us, $peer) = pair();
    setsockopt $peer, SOL_SOCKET, SO_SNDTIMEO, pack 'l! l!', 0, 50_000
        or die "SO_SNDTIMEO: $!";
    my $n = write_fd($peer, $much, $file);
    ok defined $n && $n > 0 && $n < MUCH, 'a timeout after a part: the part';
    fails { write_fd($peer, $much, $file) } undef, 'EAGAIN',
        'a timeout before the first byte';
}

# A peer that goes away in the middle: what went is a success, without SIGPIPE.
{
    my ($us, $peer) = pair();
    my $signals = 0;
    local $SIG{PIPE} = sub { $signals++ };
    my $reader = in_child {
        close $peer;
        sysread $us, my $some, 1000;
        return close $us;
    };
    close $us;
    my $n = write_fd($peer, $much, $file);
    $reader->result;
    ok defined $n && $n > 0 && $n < MUCH, 'a peer goes away: the part that went';
    is $signals, 0, 'no SIGPIPE for it';
    fails { write_fd($peer, $much, $file) } undef, 'EPIPE', 'then it is EPIPE';
    is $signals, 1, 'and SIGPIPE';
}

# Packets go whole or not at all.
my %packets = packets();
for my $type (values %packets) {
    my ($us, $peer) = pair($type);
    fails { write_fd($peer, $much, $file) } undef, 'EMSGSIZE', 'a packet too long';
    $peer->blocking(0);
    my $sent = 0;
    $sent++ while defined write_fd($peer, "packet $sent", $file);
    ok $!{EAGAIN}, 'a full buffer of packets: EAGAIN';
    my @got = map { [ read_fd($us, 100, 1) ] } 1 .. $sent;
    is_deeply [ map { $_->[0] } @got ], [ map {"packet $_"} 0 .. $sent - 1 ],
        'each packet that went is whole';
    is_deeply [ map { tag_of($_->[1]) } @got ], [ ('once') x $sent ],
        'each with its descriptor';
}

undef $file;
no_leak();
done_testing;
