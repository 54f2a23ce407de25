# Receiving consumes exactly one message: a protocol of the program's own
# shares the connection, also when all of it is queued before the first read.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser;
use POSIX ();

sub next_bytes {
    my ($socket, $count) = @_;
    my $bytes = '';
    while (length $bytes < $count) {
        sysread $socket, $bytes, $count - length $bytes, length $bytes
            or last;
    }
    return $bytes;
}

my $file   = tagged('framed');
my $second = tagged('second');
Situation::new_baseline();

# Each kind of message: how it is sent with more bytes behind it in the same
# write, and what receiving it gives. A descriptor that comes with bytes of its
# message only has them behind it in a write of their own.
my %kind = (
    'a descriptor' => {
        send => sub { send_raw($_[0], "\0\0", $file); syswrite $_[0], $_[1] },
        want => [ 'framed', 0, '' ],
    },
    'a single byte with a descriptor' => {
        send => sub { send_raw($_[0], 'x', $file); syswrite $_[0], $_[1] },
        want => [ 'framed', 0, '' ],
    },
    'a descriptor, more bytes in its write' => {
        send => sub { send_raw($_[0], "\0\0$_[1]", $file) },
        want => [ 'framed', 0, '' ],
    },
    'a status' => {
        send => sub { syswrite $_[0], "\0\x05$_[1]" },
        want => [ '', 5, '' ],
    },
    'text and a status' => {
        send => sub { syswrite $_[0], "some text\0\x05$_[1]" },
        want => [ '', 5, 'some text' ],
    },
    'text, then a descriptor' => {
        send => sub {
            syswrite $_[0], 'some text';
            send_raw($_[0], "\0\0", $file);
            syswrite $_[0], $_[1];
        },
        want => [ 'framed', 0, 'some text' ],
    },
    'text and a descriptor in one write' => {
        send => sub { send_raw($_[0], "some text\0\0$_[1]", $file) },
        want => [ 'framed', 0, 'some text' ],
    },
    'an odd text and a descriptor in one write' => {
        send => sub { send_raw($_[0], "odd\0\0$_[1]", $file) },
        want => [ 'framed', 0, 'odd' ],
    },
    'one byte of text and a descriptor in one write' => {
        send => sub { send_raw($_[0], "t\0\0$_[1]", $file) },
        want => [ 'framed', 0, 't' ],
    },
    'a long text and a descriptor in one write' => {
        send => sub { send_raw($_[0], 'long' x 5000 . "\0\0$_[1]", $file) },
        want => [ 'framed', 0, 'long' x 5000 ],
    },
    'text, half of a message, the other half' => {
        send => sub {
            syswrite $_[0], 'some text';
            syswrite $_[0], "\0";
            send_raw($_[0], "\0$_[1]", $file);
        },
        want => [ 'framed', 0, 'some text' ],
    },
    'a malformed message' => {
        send => sub { syswrite $_[0], "\0\0$_[1]" },
        want => [ '', POSIX::EPROTO(), '' ],
    },
    'a status with a descriptor' => {
        send => sub { send_raw($_[0], "\0\x05$_[1]", $file) },
        want => [ '', 5, '' ],
    },
);

my @behind = (
    'words' => "of my own\n", 'zeros' => "\0" x 9, 'one byte' => '!',
    'a lone zero byte' => "\0", 'much' => 'much ' x 2000,
);

sub receive_as {
    my ($how, $socket) = @_;
    my $text = '';
    local $File::FDpasser::on_text = sub { $text .= $_[0] };
    $! = 0;
    my $got   = $how eq 'handle' ? recv_fh($socket) : recv_fd($socket);
    my $errno = $! + 0;
    my $tag   = tag_of($got);
    POSIX::close($got) if defined $got && !ref $got;
    return [ $tag, $errno, $text ];
}

for my $name (sort keys %kind) {
    my ($send, $want) = @{ $kind{$name} }{qw(send want)};
    for (my $i = 0; $i < @behind; $i += 2) {
        my ($what, $bytes) = @behind[ $i, $i + 1 ];
        for my $how (qw(handle number)) {
            my ($us, $peer) = pair();
            syswrite $peer, "before\n";
            $send->($peer, $bytes);
            shutdown $peer, 1;
            my $before = next_bytes($us, 7);
            my $got    = receive_as($how, $us);
            my $after  = next_bytes($us, length($bytes) + 1);
            is_deeply { before => $before, got => $got, after => $after },
                { before => "before\n", got => $want, after => $bytes },
                "$name between bytes, behind it $what, as a $how";
        }
    }
}
no_leak('none left over between bytes');

# Messages of all kinds in a row, all queued before the first is read.
{
    my ($us, $peer) = pair();
    my @names = sort keys %kind;
    my @order = (@names, reverse @names);
    $kind{$_}{send}->($peer, '') for @order;
    is_deeply receive_as('handle', $us), $kind{$_}{want}, "in a row: $_"
        for @order;
    is queued($us), undef, 'nothing is left of the row';
}

# Two descriptors in two messages: each call has its own.
{
    my ($us, $peer) = pair();
    send_raw($peer, "text\0\0", $file);
    send_raw($peer, "\0\0", $second);
    send_raw($peer, 'x', $file);
    send_raw($peer, "\0\0", $second);
    is_deeply [ map { receive_as('handle', $us)->[0] } 1 .. 4 ],
        [qw(framed second framed second)], 'each call has its descriptor';
}

# Our own messages, with print and syswrite around them.
{
    my ($us, $peer) = pair();
    print {$us} "head\n";
    send_file($us, $file);
    print {$us} "middle\n";
    send_file($us, $second);
    syswrite $us, "tail\n";
    close $us;
    my @got = next_bytes($peer, 5);
    push @got, tag_of(scalar recv_fh($peer)), next_bytes($peer, 7);
    push @got, tag_of(scalar recv_fh($peer)), next_bytes($peer, 6);
    is_deeply \@got, [ "head\n", 'framed', "middle\n", 'second', "tail\n" ],
        'descriptors keep their place among lines';
}

undef $_ for $file, $second;
no_leak();
done_testing;
