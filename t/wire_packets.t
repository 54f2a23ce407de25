# SOCK_SEQPACKET and SOCK_DGRAM: a packet is a message.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser;
use File::FDpasser::Queue;
use POSIX ();
use Socket;

my $file = tagged('packet');
Situation::new_baseline();
my %type = packets();

# What one packet gives: [ tag of the descriptor, errno's name ].
my %packet = (
    'two zero bytes with a descriptor' => [ "\0\0", 1, 'packet', '' ],
    'one byte with a descriptor'       => [ 'x', 1, 'packet', '' ],
    'a zero byte with a descriptor'    => [ "\0", 1, 'packet', '' ],
    'a status'                         => [ "\0\x0d", 0, '', 'EACCES' ],
    'a status with a descriptor'       => [ "\0\x0d", 1, '', 'EACCES' ],
    'a status with 253 descriptors'    => [ "\0\x0d", 253, '', 'EACCES' ],
    'two zero bytes'                   => [ "\0\0", 0, '', 'EPROTO' ],
    'a zero byte'                      => [ "\0", 0, '', 'EPROTO' ],
    'a byte'                           => [ 'x', 0, '', 'EPROTO' ],
    'two bytes that are no message'    => [ 'xy', 0, '', 'EPROTO' ],
    'the same with a descriptor'       => [ 'xy', 1, '', 'EPROTO' ],
    'three bytes'                      => [ "\0\0\0", 0, '', 'EMSGSIZE' ],
    'three bytes with a descriptor'    => [ "\0\0x", 1, '', 'EMSGSIZE' ],
    'three bytes with 253 descriptors' => [ "\0\0x", 253, '', 'EMSGSIZE' ],
    'text and a message'               => [ "text\0\0", 1, '', 'EMSGSIZE' ],
    '60,000 bytes'                     => [ 'x' x 60_000, 0, '', 'EMSGSIZE' ],
    '60,000 bytes with a descriptor'   => [ 'x' x 60_000, 1, '', 'EMSGSIZE' ],
);

for my $type (sort keys %type) {
    for my $name (sort keys %packet) {
        my ($us, $peer) = pair($type{$type});
        my ($bytes, $count, $tag, $errno) = @{ $packet{$name} };
        for my $receive (\&recv_fh, \&recv_fd) {
            send_raw($peer, $bytes, ($file) x $count)
                or die "$type, $name: $!";
            $! = 0;
            my $got = $receive->($us);
            my %seen = (tag => tag_of($got), errno => errno_name($!));
            POSIX::close($got) if defined $got && !ref $got;
            is_deeply \%seen, { tag => $tag, errno => $errno }, "$type: $name";
        }
        # It is consumed, and the next one is read.
        send_raw($peer, "\0\0", $file);
        is tag_of(scalar recv_fh($us)), 'packet', "$type: after $name";
    }
    no_leak("$type: none left over");
}

# An empty packet is the end of a SEQPACKET connection and no message on DGRAM.
# No descriptor hides in it.
for my $count (0, 1, 5) {
    my %errno = (SOCK_SEQPACKET => 'ENOTCONN', SOCK_DGRAM => 'EPROTO');
    for my $type (sort keys %type) {
        my ($us, $peer) = pair($type{$type});
        send_raw($peer, '', ($file) x $count);
        fails { recv_fh($us) } undef, $errno{$type},
            "$type: an empty packet with $count descriptors";
        send_raw($peer, "\0\0", $file);
        is tag_of(scalar recv_fh($us)), 'packet', 'and the one after it';
    }
}
no_leak('none left over after empty packets');

if (my $type = $type{SOCK_SEQPACKET}) {
    my ($us, $peer) = pair($type);
    send_raw($peer, "\0\0", $file);
    close $peer;
    is tag_of(scalar recv_fh($us)), 'packet', 'what came before the end';
    fails { recv_fh($us) } undef, 'ENOTCONN', 'SOCK_SEQPACKET: the end';
}

# What we send.
for my $type (sort keys %type) {
    my ($us, $peer) = pair($type{$type});
    is send_file($us, $file), 1, "$type: send_file";
    my ($bytes, @numbers) = recv_raw($peer, 100);
    is_deeply [ $bytes, map { tag_of($_) } @numbers ], [ "\0\0", 'packet' ],
        "$type: its packet";
    POSIX::close($_) for @numbers;

    is File::FDpasser::my_send_fd(fileno $us, -13), 0, "$type: a status";
    is_deeply [ recv_raw($peer, 100) ], [ "\0\x0d" ], "$type: its packet";

    send_file($us, $file) for 1 .. 3;
    is_deeply [ map { tag_of(scalar recv_fh($peer)) } 1 .. 3 ],
        [ ('packet') x 3 ], "$type: between us";
}

# In a queue a packet that is none of ours is the one receive that fails.
for my $type (sort keys %type) {
    my ($us, $peer) = pair($type{$type});
    my $queue = File::FDpasser::Queue->new($us);
    my @got;
    $queue->push_recv_fh(sub { push @got, $_[0] ? tag_of($_[0]) : errno_name($!) }) for 1 .. 4;
    syswrite $peer, $_ for 'xy', "\0\0\0", "\0\x0d";
    send_file($peer, $file);
    $queue->ready for 1 .. 4;
    is "@got", 'EPROTO EMSGSIZE EACCES packet', "$type, a queue";
}

# A DGRAM socket that many write to.
{
    my $dir = workdir();
    socket my $us, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!";
    bind $us, pack_sockaddr_un("$dir/socket") or die "bind: $!";
    my @children = map {
        my $tag = "from $_";
        in_child {
            socket my $out, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!";
            connect $out, pack_sockaddr_un("$dir/socket")
                or die "connect: $!";
            return send_file($out, tagged($tag));
        }
    } 1 .. 4;
    my @tags = map { tag_of(scalar recv_fh($us)) } @children;
    is_deeply [ sort @tags ], [ map {"from $_"} 1 .. 4 ],
        'one socket, several senders';
    $_->result for @children;
}

undef $file;
no_leak();
done_testing;
