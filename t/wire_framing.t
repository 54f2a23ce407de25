# Receiving consumes exactly one message: a protocol of the program's own
# shares the connection, also when all of it is queued before the first read.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser;
use Errno ();
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
# write, and what receiving it gives. A message whose descriptor has come before
# its end goes on in what is behind it.
my %kind = (
    'a descriptor' => {
        send => sub { send_raw($_[0], "\0\0", $file); syswrite $_[0], $_[1] },
        want => [ 'framed', 0, '' ],
    },
    'a single byte with a descriptor' => {
        send => sub { send_raw($_[0], 'x', $file); syswrite $_[0], $_[1] },
        want => [ 'framed', 0, 'x' ],
        goes_on => 1,
    },
    'a name with a descriptor' => {
        send => sub { send_raw($_[0], "a name\n", $file); syswrite $_[0], $_[1] },
        want => [ 'framed', 0, "a name\n" ],
        goes_on => 1,
    },
    'a name with a descriptor, the rest of it in another write' => {
        send => sub {
            send_raw($_[0], 'na', $file);
            syswrite $_[0], 'me';
            syswrite $_[0], $_[1];
        },
        want => [ 'framed', 0, 'name' ],
        goes_on => 1,
    },
    'text and a zero byte with a descriptor, then its status' => {
        send => sub {
            send_raw($_[0], "some text\0", $file);
            syswrite $_[0], "\0$_[1]";
        },
        want => [ 'framed', 0, 'some text' ],
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
        want => [ '', Errno::EPROTO(), '' ],
    },
    'a status with a descriptor' => {
        send => sub { send_raw($_[0], "\0\x05$_[1]", $file) },
        want => [ '', 5, '' ],
    },
);

my @behind = (
    'words' => "of my own\n", 'zeros' => "\0" x 9, 'one byte' => '!',
    'a lone zero byte' => "\0", 'much' => 'much ' x 2000,
    'an error status' => "\0\x0d", 'a message and words' => "\0\0of my own\n",
    'words and a message' => "a name\0\0", 'words and an error' => "no\0\x0d!",
);

# What receiving gives, and what it leaves of the bytes behind.
sub expected {
    my ($kind, $behind) = @_;
    return ($kind->{want}, $behind) if !$kind->{goes_on};
    my ($tag, undef, $text) = @{ $kind->{want} };
    my ($more, undef, $status, $left) = $behind =~ /\A([^\0]*)(\0(.)?)?(.*)\z/s;
    my $errno = defined $status ? ord $status : 0;
    return ([ $errno ? '' : $tag, $errno, $text . $more ], $left);
}

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
    for (my $i = 0; $i < @behind; $i += 2) {
        my ($what, $bytes) = @behind[ $i, $i + 1 ];
        my ($want, $left)  = expected($kind{$name}, $bytes);
        for my $how (qw(handle number)) {
            my ($us, $peer) = pair();
            syswrite $peer, "before\n";
            $kind{$name}{send}->($peer, $bytes);
            shutdown $peer, 1;
            my $before = next_bytes($us, 7);
            my $got    = receive_as($how, $us);
            my $after  = next_bytes($us, length($bytes) + 1);
            is_deeply { before => $before, got => $got, after => $after },
                { before => "before\n", got => $want, after => $left },
                "$name between bytes, behind it $what, as a $how";
        }
    }
}
no_leak('none left over between bytes');

# Messages of all kinds in a row, all queued before the first is read. One that
# goes on ends where the next byte brings a descriptor.
{
    my ($us, $peer) = pair();
    my @names = sort keys %kind;
    my @order = (@names, reverse @names);
    for my $name (@order) {
        $kind{$name}{send}->($peer, '');
        send_raw($peer, "\0\0", $second) if $kind{$name}{goes_on};
    }
    for my $name (@order) {
        is_deeply receive_as('handle', $us), $kind{$name}{want}, "in a row: $name";
        is_deeply receive_as('handle', $us), [ 'second', 0, '' ],
            '... ended by the descriptor of the next' if $kind{$name}{goes_on};
    }
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

# Nothing of a message is waited for once its descriptor has come, and what its
# sender writes later is a message of its own.
for my $blocking (1, 0) {
    for my $bytes ('x', "\0", 'a name', 'long' x 5000, "text\0") {
        my ($us, $peer) = pair();
        $us->blocking($blocking);
        (my $text = $bytes) =~ tr/\0//d;
        my $title = sprintf '%d bytes with a descriptor, %s', length $bytes,
            $blocking ? 'blocking' : 'non-blocking';
        send_raw($peer, $bytes, $file);
        is_deeply receive_as('handle', $us), [ 'framed', 0, $text ],
            "$title: a message where nothing more is there";
        syswrite $peer, "\0\0";
        is_deeply receive_as('handle', $us), [ '', Errno::EPROTO(), '' ],
            '... its end comes too late';
        send_raw($peer, "\0\0", $second);
        is_deeply receive_as('number', $us), [ 'second', 0, '' ],
            '... and the next message is whole';
    }
}

# Each with a descriptor: as many messages.
{
    my ($us, $peer) = pair();
    my @bytes = ('x', "\0", 'a name', "a zero\0", 'line', "\0\0", "t\0\0");
    send_raw($peer, $_, $file) for @bytes;
    for my $bytes (@bytes) {
        (my $text = $bytes) =~ tr/\0//d;
        is_deeply receive_as('number', $us), [ 'framed', 0, $text ],
            'a message for each descriptor';
    }
    is queued($us), undef, '... and nothing is left';
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
