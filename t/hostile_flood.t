# Peers that send without end what is no end of a message: a call is not kept
# inside. It answers, or lets signals in.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Outside;
use Peer;
use Signals;
use Situation;

use File::FDpasser qw(:all);
use File::FDpasser::Queue;
use POSIX ();
use Socket;
use Time::HiRes ();

use constant SO_SNDBUFFORCE => 32;

my $file = tagged('one');
my $over_streams = File::FDpasser::transport() ne 'socket';
Situation::new_baseline();

# What is sent again and again, over pairs of which type.
my %flood = (
    'text'              => [ SOCK_STREAM, 'text' x 1000 ],
    'text, bit by bit'  => [ SOCK_STREAM, 't' ],
    'out-of-band bytes' => [ SOCK_STREAM, sub { send_oob($_[0], 'textx') } ],
    'malformed packets' => [ SOCK_SEQPACKET, 'x' ],
    'empty packets with descriptors' => [ SOCK_SEQPACKET, '', ($file) x 10 ],
    $over_streams ? (
        'announcements' => [ SOCK_SEQPACKET, "\0\0" ],
        'text messages' => [ SOCK_SEQPACKET, 'text' ],
        'descriptors that nobody announced' => [ SOCK_SEQPACKET, "\0", $file ],
    ) : (),
);

my %call = (
    recv_fh  => sub { recv_fh($_[0]) },
    read_fd  => sub { my @got = read_fd($_[0], 10, 1) },
);

$File::FDpasser::on_text  = sub { };
$File::FDpasser::max_text = 1_000_000;

# The flood, in a process of its own, until nobody reads any more.
sub flooded {
    my ($name, $use) = @_;
    my ($type, $send, @descriptors) = @{ $flood{$name} };
    my ($us, $peer) = pair($type);
    my $child = in_child {
        close $us;
        watchdog(30);
        local $SIG{PIPE} = 'IGNORE';
        return flood($peer, $send, @descriptors) if !ref $send;
        1 while defined $send->($peer);
    };
    close $peer;
    my @seen = returns {
        local $SIG{__WARN__} = sub { };    # of surplus descriptors
        $use->($us);
    };
    close $us;
    kill KILL => $child->pid;
    $child->status;
    return @seen;
}

for my $flood (sort keys %flood) {
    for my $call (sort keys %call) {
        # Each call ends by itself; and a handler that dies ends a program
        # that waits.
        my @seen = flooded($flood, sub {
            my ($us) = @_;
            $us->blocking(0);
            $call{$call}->($us) for 1 .. 3;
            $us->blocking(1);
            return eval {
                local $SIG{ALRM} = sub { die "handled\n" };
                Time::HiRes::ualarm(100_000);
                for (;;) { $call{$call}->($us) }
                1;
            } ? 'went on' : $@;
        });
        is "@seen", "handled\n", "$flood: $call ends, and lets handlers in";
    }

    my @seen = flooded($flood, sub {
        my ($us) = @_;
        my $queue = File::FDpasser::Queue->new($us);
        my $took  = 0;
        $queue->push_recv_fh(sub { $took++ }) for 1 .. 10;
        $queue->ready for 1 .. 3;
        return 'returns';
    });
    is "@seen", 'returns', "$flood: a queue";
}

# A peer that has more text whenever some is handed on: so many pieces, so many bytes.
for my $type (SOCK_STREAM, $over_streams ? SOCK_SEQPACKET : ()) {
    for my $row ([ 't', 'EAGAIN' ], [ 't' x 4000, 'EPROTO' ]) {
        my ($text, $errno) = @$row;
        my @seen = returns {
            my ($us, $peer) = pair($type);
            $us->blocking(0);
            my $pieces = 0;
            local $File::FDpasser::on_text = sub { $pieces++; syswrite $peer, $text };
            syswrite $peer, $text;
            my @got = recv_fh($us);
            my $why = errno_name($!);
            return $why, $pieces < 10_000;
        };
        is_deeply \@seen, [ $errno, 1 ], 'ever more text, by ' . length $text;
    }
}

# ... until the socket's own time is over.
for my $type (SOCK_STREAM, $over_streams ? SOCK_SEQPACKET : ()) {
    my @seen = returns {
        my ($us, $peer) = pair($type);
        setsockopt $us, SOL_SOCKET, SO_RCVTIMEO, pack 'l! l!', 0, 20_000 or die "SO_RCVTIMEO: $!";
        local $File::FDpasser::on_text = sub { syswrite $peer, 't' };
        syswrite $peer, 't';
        my @got = recv_fh($us);
        return errno_name($!);
    };
    is "@seen", 'EAGAIN', 'ever more text, and a timeout';
}

# What one call takes is bounded, however much is there.
SKIP: {
    skip 'announcements are of streams', 1 if !$over_streams;
    my ($us, $peer) = pair(SOCK_SEQPACKET);
    setsockopt $peer, SOL_SOCKET, SO_SNDBUFFORCE, 2**22
        or skip 'only root has room for so many', 1;
    $_->blocking(0) for $us, $peer;
    flood($peer, "\0\0");
    my @seen = returns {
        my @got = recv_fh($us);
        my $left = 0;
        $left++ while defined sysread $us, my $message, 10;
        return @got, $left > 0;
    };
    is_deeply \@seen, [ undef, 1 ], 'a call does not take all announcements';
}
SKIP: {
    skip 'on sockets each comes with its byte', 1 if !$over_streams;
    my ($us, $peer) = pair(SOCK_SEQPACKET);
    setsockopt $peer, SOL_SOCKET, SO_SNDBUFFORCE, 2**22
        or skip 'only root has room for so many', 1;
    $_->blocking(0) for $us, $peer;
    send_control($peer, "\0", rights($file)) for 1 .. 300;
    syswrite $peer, 'end';
    my @seen = returns {
        local $SIG{__WARN__} = sub { };    # of surplus descriptors
        return map { my ($bytes, @fh) = read_fd($us, 10, 1); ($bytes, scalar @fh) } 1, 2;
    };
    is_deeply \@seen, [ '', 1, 'end', 1 ], '... nor all descriptors that nobody announced';
}

# Nor is text that came with a descriptor kept until there is no more.
SKIP: {
    my ($us, $peer) = pair(SOCK_STREAM);
    setsockopt $peer, SOL_SOCKET, SO_SNDBUFFORCE, 2**21
        or skip 'only root has room for so much', 1;
    $us->blocking(0);
    my $most = 0;
    local $File::FDpasser::on_text = sub { $most = length $_[0] if $most < length $_[0] };
    send_raw($peer, 'x', $file);
    syswrite $peer, 'x' x 4000 for 1 .. 200;
    my $got = recv_fh($us);
    ok $got && $most < 400_000, '800,000 bytes behind a descriptor' or diag "$most, $!";
}

undef $file;
no_leak();
done_testing;
