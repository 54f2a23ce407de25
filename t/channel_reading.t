# File::FDpasser::Channel: lines, numbers of bytes and messages come as they were
# written, with their descriptors, whatever pieces they came in.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;
use Signals;

use File::FDpasser qw(:all);
use File::FDpasser::Channel;
use Socket;

sub channel {
    my ($type, %option) = @_;
    my ($us, $peer) = pair($type);
    return (File::FDpasser::Channel->new($us, %option), $peer);
}

sub tags { return join ' ', map { tag_of($_) } @_ }

# Lines, in any pieces; their descriptors in order.
for my $size (1, 2, 3, 5, 1000) {
    my ($channel, $peer) = channel(SOCK_STREAM);
    my $bytes = "one\n\ntwo\nthree";
    while (length $bytes) { syswrite $peer, substr $bytes, 0, $size, '' }
    send_raw($peer, " more\n", map { tagged($_) } 1, 2);
    is join('|', map { $channel->read_line } 1 .. 4), "one\n|\n|two\n|three more\n",
        "lines in pieces of $size";
    is $channel->fhs_waiting, 2, '... two descriptors came';
    is tags($channel->take_fhs(1)), 1, '... the first';
    is tags($channel->take_fhs), 2,    '... the rest';
    is tags($channel->take_fhs), '',   '... and no more';
    fails_empty { $channel->take_fhs(1) } 'EPROTO', '... not one';
    close $peer;
    fails { $channel->read_line } undef, 'ENOTCONN', 'the end';
}

# Whatever is asked for in turn.
{
    my ($channel, $peer) = channel(SOCK_STREAM);
    send_raw($peer, "line\n12345rest", tagged('first'));
    is $channel->read_line, "line\n", 'a line';
    is $channel->bytes_waiting, 9, '... more is waiting';
    is $channel->read_exactly(0), '', 'no bytes';
    is $channel->read_exactly(5), '12345', 'five bytes';
    is $channel->read_some, 'rest', 'the rest';
    is $channel->separator("\0\0"), "\0\0", 'another separator';
    syswrite $peer, "a\0b\0\0c";
    is $channel->read_line, "a\0b\0\0", '... ends a line';
    close $peer;
    fails { $channel->read_line } undef, 'EPROTO', 'the end within a line';
    fails { $channel->read_exactly(2) } undef, 'EPROTO', '... within five bytes';
    is $channel->read_some, 'c', '... is there to be read';
    fails { $channel->read_some } undef, 'ENOTCONN', '... and then there is the end';
}

# Messages, between channels, over every type.
for my $type (SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM) {
    my ($one, $other) = map { File::FDpasser::Channel->new($_) } pair($type);
    my $long = join '', map { chr $_ % 256 } 1 .. 100_000;
    my @messages = ([ '', 'a' ], ['plain'], [ $long, 'b', 'c' ], [ "\n\0\xff", 1 .. 253 ]);
    for my $message (@messages) {
        my ($bytes, @tags) = @$message;
        ok $one->write_message($bytes, map { tagged($_) } @tags), "type $type: written";
        my ($got, @fh) = $other->read_message;
        ok $got eq $bytes, '... the bytes are read';
        is tags(@fh), "@tags", '... and the descriptors';
    }
    $one->write_message('scalar', \*STDIN);
    is scalar $other->read_message, 'scalar', 'in scalar context the bytes';
    is $other->fhs_waiting, 0, '... and no handle is left';
}

# More descriptors than one message of the kernel brings.
if (!OverStreams::lack('batches')) {
    my ($one, $other) = map { File::FDpasser::Channel->new($_) } pair();
    my $file = tagged('x');
    ok $one->write("line\n", ($file) x 600), '600 descriptors with a line';
    is $other->read_line, "line\n", '... come with it';
    is scalar(() = $other->take_fhs), 600, '... all';    # dropped: a limit may be low
    ok $one->write_message('', ($file) x 700), '700 with an empty message';
    my ($bytes, @got) = $other->read_message;
    is scalar @got, 700, '... come too';
    like eval { $one->write('12', ($file) x 600); 1 } ? 'lived' : $@,
        qr/\AInvalid args to File::FDpasser::Channel::write: /,
        'more than there are bytes for';
}

# Packets read as bytes.
{
    my ($channel, $peer) = channel(SOCK_DGRAM);
    send_raw($peer, "A=1\nB=2\n", tagged('first'));
    send_raw($peer, "C=3\n", tagged('second'));
    is join('|', map { $channel->read_line } 1 .. 3), "A=1\n|B=2\n|C=3\n",
        'lines from packets';
    is tags($channel->take_fhs), 'first second', '... with their descriptors';
    send_raw($peer, 'packet');
    is $channel->read_message, 'packet', '... and then a packet';
}

# Nothing is there.
{
    my ($channel, $peer) = channel(SOCK_STREAM, blocking => 0);
    fails { $channel->read_line } undef, 'EAGAIN', 'not blocking: nothing there';
    syswrite $peer, 'half';
    fails { $channel->read_line } undef, 'EAGAIN', '... half a line';
    fails_empty { $channel->read_message } 'EAGAIN', '... less than a header';
    syswrite $peer, "\n";
    is $channel->read_line, "half\n", '... and the whole';
    ok !$channel->blocking(1), 'it can be made blocking';
    ok $channel->blocking(undef) && !$channel->blocking, '... and not, by undef as well';
}
{
    my ($channel, $peer) = channel(SOCK_STREAM, timeout => 0.01);
    syswrite $peer, 'half';
    fails { $channel->read_line } undef, 'ETIMEDOUT', 'a timeout';
    syswrite $peer, "\n";
    is $channel->read_line, "half\n", '... loses nothing';
}

# The connection's own flag is left alone.
for my $blocking (0, 1) {
    my ($us, $peer) = pair();
    $us->blocking($blocking);
    my $channel = File::FDpasser::Channel->new($us);
    is !!$channel->blocking, !!$blocking, 'a channel is as its connection';
    $channel = File::FDpasser::Channel->new($us, blocking => !$blocking, timeout => 0.01);
    fails { $channel->read_line } undef, $blocking ? 'EAGAIN' : 'ETIMEDOUT',
        '... or as it is told';
    is !!$us->blocking, !!$blocking, '... and the connection stays as it was';
}

# A channel that is told to waits, whatever its connection's own flag says.
{
    my ($us, $peer) = pair();
    $us->blocking(0);
    my $channel = File::FDpasser::Channel->new($us, blocking => 1);
    my $writer  = in_child {
        1 until is_blocked(getppid);
        syswrite $peer, "line\n";
    };
    is $channel->read_line, "line\n", 'a blocking channel over a non-blocking connection';
    $writer->result;
}

# The end of packets is no empty one.
SKIP: {
    skip 'packets are streams there', 4 if File::FDpasser::transport() ne 'socket';
    my ($channel, $peer) = channel(SOCK_SEQPACKET);
    syswrite $peer, 'packet';
    close $peer;
    is_deeply [ $channel->read_message ], ['packet'], 'a packet before the end';
    fails_empty { $channel->read_message } 'ENOTCONN', '... and the end' for 1, 2;
    is $channel->bytes_waiting, 0, '... of which nothing waits';
}

# What was searched for a separator is searched again where it matters, and only then.
{
    my ($channel, $peer) = channel(SOCK_STREAM, blocking => 0, separator => "\0\0");
    syswrite $peer, "a\0";
    fails { $channel->read_line } undef, 'EAGAIN', 'half a separator';
    syswrite $peer, "\0b;c";
    is $channel->read_line, "a\0\0", '... and the other half';
    fails { $channel->read_line } undef, 'EAGAIN', 'a line that has not ended';
    $channel->separator(';');
    is $channel->read_line, 'b;', '... has by another separator';
    $channel->read_some;
    for ([ read_exactly => 7 ], ['read_message']) {
        my ($method, @arguments) = @$_;
        my ($half, $rest) = unpack 'a6 a*', pack 'N n a*', 1, 0, 'x';
        syswrite $peer, $half;
        fails { $channel->read_line } undef, 'EAGAIN', "no line before $method";
        syswrite $peer, "${rest}d;";
        $channel->$method(@arguments);
        is $channel->read_line, 'd;', '... and one behind it';
    }
}

# An empty packet is one of datagrams, and elsewhere the end.
{
    my ($channel, $peer) = channel(SOCK_SEQPACKET, blocking => 0);
    send $peer, '', 0;
    fails_empty { $channel->read_message } 'ENOTCONN', 'an empty packet of SOCK_SEQPACKET';
}
{
    my ($channel, $peer) = channel(SOCK_DGRAM, blocking => 0);
    send $peer, $_, 0 for 'one', '', 'two';
    my @got = ($channel->read_message);
    $channel->ready;
    push @got, $channel->read_message for 1, 2;
    is_deeply \@got, [ 'one', '', 'two' ], '... of SOCK_DGRAM, which a loop has read';
}

no_leak();
done_testing;
