# What is longer than a stream has room for: write_fd tells how much went, and
# an error reply that has begun comes to its end.

BEGIN { $ENV{FDPASSER_TRANSPORT} = 'streams' }

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use File::FDpasser qw(:all);

use Message;
use Peer;
use Signals;
use Situation;
use Socket qw(MSG_DONTWAIT SOL_SOCKET SO_SNDBUF);

use constant MUCH => 3_000_000;

my $file = tagged('once');
my $much = pattern(MUCH);

# Non-blocking
{
    my ($us, $peer) = spipe();
    $peer->blocking(0);
    $! = 0;
    my $n = write_fd($peer, $much, $file, $file);
    ok defined $n && $n > 0 && $n < MUCH, 'a full stream: some bytes went';
    is $! + 0, 0, '... which is a success';
    fails { write_fd($peer, 'x', $file) } undef, 'EAGAIN', 'then none goes'
        for 1 .. 3;
    my $rest = in_child {
        close $us;
        return write_all($peer, substr $much, $n);
    };
    close $peer;
    my ($bytes, @fh) = read_all($us, 2 * MUCH, 253);
    ok $bytes eq $much, 'with the rest it is all that was to be written';
    is_deeply [ map { tag_of($_) } @fh ], [ 'once', 'once' ],
        '... and each descriptor came once';
    is $rest->result, MUCH - $n, '... the rest went without them';
}

# Many descriptors on a nearly full stream: all of them, or nothing.
{
    my ($us, $peer) = spipe();
    $_->blocking(0) for $us, $peer;
    1 while write_fd($peer, 'x');
    my $taken = 0;
    until (defined write_fd($peer, 'all', ($file) x 20)) {
        is errno_name($!), 'EAGAIN', "$taken messages taken: no room for 20" if !($taken % 10);
        last if !defined read_fd($us, 1, 1);
        $taken++;
    }
    cmp_ok $taken, '>=', 10, '... until there is';
    my ($bytes, @fh, @more) = ('');
    while (($bytes, @more) = read_fd($us, 3, 253)) { push @fh, @more; last if $bytes eq 'all' }
    is scalar(@fh), 20, '... and then all of them';
}

# As many as find room together on an empty stream, and one more, which never do.
# The emulation counts 1,024 bytes for each packet, and there has to be room for one
# more byte.
SKIP: {
    skip 'streams of the system have other limits', 12 if transport() !~ /emulated/;
    for my $of ([ 'before bytes' => 'x', 127 ], [ 'as messages' => "\0\0", 64 ]) {
        my ($name, $bytes, $most) = @$of;
        my ($us, $peer) = spipe();
        $peer->blocking(0);
        setsockopt $peer, SOL_SOCKET, SO_SNDBUF, 64 * 1024 or die "SO_SNDBUF: $!";
        is unpack('i', getsockopt $peer, SOL_SOCKET, SO_SNDBUF), 128 * 1024, "$name: room for 128";
        fails { write_fd($peer, $bytes, ($file) x ($most + 1)) } undef, 'EMSGSIZE',
            '... one too many: never';
        syswrite $peer, 'before' for 1, 2;
        fails { write_fd($peer, $bytes, ($file) x $most) } undef, 'EAGAIN', '... all there is: not yet';
        is read_fd($us, 6, 0), 'before', '... what is there is taken' for 1, 2;
        is write_fd($peer, $bytes, ($file) x $most), length $bytes, '... now';
    }
}

# Each waits for room where there is none, and goes when there is.
for my $send (
    [ send_file  => sub { send_file($_[0], $file) } ],
    [ send_files => sub { send_files($_[0], $file) } ],
    [ send_err   => sub { send_err($_[0], 2, 'why') } ],
    [ write_fd   => sub { write_fd($_[0], 'x', $file) } ],
    )
{
    my ($name, $code) = @$send;
    my ($us, $peer) = spipe();
    $_->blocking(0) for $us, $peer;
    1 while $code->($us);
    $us->blocking(1);
    my $sender = in_child { watchdog(5); $code->($us) };
    1 until is_blocked($sender->pid);
    1 while read_fd($peer, 5000, 1);
    is_deeply [ eval { $sender->result } ], [1], "$name waits for room";
}

# Blocking, without a signal, all bytes go.
{
    my ($us, $peer) = spipe();
    my $writer = in_child { watchdog(5); close $us; return write_fd($peer, $much, $file) };
    undef $peer;
    my ($bytes, @fh) = read_all($us, MUCH, 253);
    is_deeply [ eval { $writer->result } ], [MUCH], 'write_fd waits until all has gone';
    ok $bytes eq $much && @fh == 1, '... and that has come';
}
{
    my ($us, $peer) = spipe();
    my $sender = in_child { watchdog(5); close $us; return send_files($peer, ($file) x 300) };
    undef $peer;
    my $came = 0;
    $came++ while recv_fh($us);
    is_deeply [ eval { $sender->result }, $came ], [ 300, 300 ], 'send_files waits, too';
}

# An announcement goes where its descriptor finds room, too: as many of the one as of
# the other, however the room is divided.
SKIP: {
    skip 'streams of the system cannot be looked into', 2 if transport() !~ /emulated/;
    for my $before (0, 1) {
        my ($us, $peer) = spipe();
        $us->blocking(0);
        syswrite $us, 'x' for 1 .. $before;
        my ($sent, $announced) = (0, 0);
        $sent++ while send_file($us, $file);
        while (defined recv $peer, my $packet, 10, MSG_DONTWAIT) { $announced++ if $packet eq "\0\0" }
        is $announced, $sent, "$before messages before: each announcement has its descriptor";
    }
}

# A full table, and an announcement waits: nothing is taken, and nothing is lost.
{
    my ($us, $peer) = spipe();
    $us->blocking(0);
    send_file($peer, $file);
    my @seen = with_free(0, sub { map { $! = 0; my @got = read_fd($us, 10, 1); @got ? 'came' : errno_name($!) } 1, 2 });
    is_deeply \@seen, [qw(EMFILE EMFILE)], 'a full table, an announcement: EMFILE';
    my ($bytes, $fh) = read_fd($us, 10, 1);
    is_deeply [ $bytes, tag_of($fh) ], [ "\0\0", 'once' ], '... and it stays, with its descriptor';
}

# Two zero bytes by themselves are bytes.
{
    my ($us, $peer) = spipe();
    $us->blocking(0);
    is write_fd($peer, "\0\0"), 2, 'two zero bytes without a descriptor';
    is_deeply [ read_fd($us, 10, 0) ], ["\0\0"], '... go as they are';
}

# Behind a descriptor that nothing announced they are its bytes, and announce none.
SKIP: {
    skip 'streams of the system cannot be written to by hand', 2 if transport() !~ /emulated/;
    my ($us, $peer) = spipe();
    for my $bytes ("\0\0", 'next') {
        send_control($peer, "\0", rights($file));
        syswrite $peer, $bytes;
    }
    for my $bytes ("\0\0", 'next') {
        my ($came, @fh) = read_fd($us, 10, 5);
        is_deeply [ $came, scalar @fh ], [ $bytes, 1 ], 'bytes behind a descriptor end its message';
    }
}

# Of several senders it is the last who is told.
SKIP: {
    skip 'streams of the system cannot be written to by hand', 1 if transport() !~ /emulated/;
    my ($us, $peer) = spipe();
    my $child = in_child { send_control($peer, "\0", rights($file)) };
    $child->result;
    write_fd($peer, 'x', $file);
    read_fd($us, 10, 5, my $sender);
    is $sender->{pid}, $$, 'descriptors of two processes: who sent the last';
}

# What is no announcement where no descriptor is wanted: the bytes alone.
for my $most (0, 1) {
    my ($us, $peer) = spipe();
    $us->blocking(0);
    syswrite $peer, "\0\0";
    is_deeply [ read_fd($us, 10, $most) ], ["\0\0"], "two zero bytes, room for $most: themselves";
    fails_empty { read_fd($us, 10, $most) } 'EAGAIN', '... and no more';
    syswrite $peer, 'next';
    is_deeply [ read_fd($us, 10, $most) ], ['next'], '... what comes behind is itself';
    send_file($peer, $file);
    is tag_of(scalar recv_fh($us)), 'once', '... and a message is a message';
    syswrite $peer, "\0\0";
    read_fd($us, 10, $most);
    close $peer;
    fails { recv_fh($us) } undef, $most ? 'EPROTO' : 'ENOTCONN',
        $most ? '... an announcement, and the end' : '... nothing was announced: the end';
    ($us, $peer) = spipe();
    syswrite $peer, "\0\0";
    close $peer;
    is_deeply [ read_fd($us, 10, $most) ], ["\0\0"], '... and where the end is there already';
    fails { recv_fh($us) } undef, $most ? 'EPROTO' : 'ENOTCONN', '... the same';
}

# A signal
for my $kind (kinds()) {
    my ($us, $peer) = spipe();
    my ($n, $errno, $ran) = interrupted($kind,
        sub { scalar write_fd($peer, $much, $file) });
    ok defined $n && $n > 0 && $n < MUCH, "$kind: after a part: the part";
    is $errno, '', "$kind: a success";
    ($n, $errno, $ran) = interrupted($kind,
        sub { scalar write_fd($peer, 'x', $file) });
    is_deeply [ $n, $errno, $ran ], [ undef, 'EINTR', 1 ],
        "$kind: before the first byte: EINTR";
    close $peer;
    my ($bytes, @fh) = read_all($us, MUCH, 253);
    is @fh, 1, "$kind: one descriptor went, with the part";
}

# More descriptors than ever find room together: they go one by one; and a signal
# before the first byte is EINTR.
SKIP: {
    skip 'streams of the system have other limits', 3 if transport() !~ /emulated/;
    my ($us, $peer) = spipe();
    setsockopt $peer, SOL_SOCKET, SO_SNDBUF, 64 * 1024 or die "SO_SNDBUF: $!";
    my @files = ($file) x 253;
    is_deeply [ interrupted('SA_RESTART', sub { scalar write_fd($peer, 'x', @files) }) ],
        [ undef, 'EINTR', 1 ], 'a signal between the descriptors';
    $us->blocking(0);
    1 while read_fd($us, 10, 253);
    $us->blocking(1);
    my $sender = in_child { watchdog(5); close $us; return write_fd($peer, 'x', @files) };
    undef $peer;
    my ($bytes, @fh) = read_fd($us, 10, 253);
    is_deeply [ $bytes, scalar @fh ], [ 'x', 253 ], '... without one, all come';
    is_deeply [ eval { $sender->result } ], [1], '... as they were sent';
}

# A peer that goes away
{
    my ($us, $peer) = spipe();
    my $signals = 0;
    local $SIG{PIPE} = sub { $signals++ };
    my $reader = in_child {
        close $peer;
        read_fd($us, 5000, 1);
        return close $us;
    };
    close $us;
    my $n = write_fd($peer, $much);
    $reader->result;
    ok defined $n && $n > 0 && $n < MUCH, 'a peer goes away: the part that went';
    is $signals, 0, '... no SIGPIPE for it';
    fails { write_fd($peer, $much) } undef, 'EPIPE', 'then it is EPIPE';
    is $signals, 1, '... and SIGPIPE';
}

# An error reply on a non-blocking stream: in one piece, the text cut to what goes
# in one, or nothing
{
    my ($here, $there) = spipe();
    my $text = '';
    local $File::FDpasser::on_text = sub { $text .= $_[0] };
    $here->blocking(0);
    is send_err($here, 2, 'x' x MUCH), 1, 'a long error reply without waiting';
    is send_err($here, 2, 'x' x 1000), 1, 'a short one';
    send_file($here, $file);
    fails { recv_fh($there) } undef, 'ENOENT', '... is a whole reply';
    cmp_ok length $text, '>=', 1000, '... with as much of the text as goes in one piece';
    cmp_ok length $text, '<', MUCH, '... and no more';
    $text = '';
    fails { recv_fh($there) } undef, 'ENOENT', '... the short one, too';
    is length $text, 1000, '... with all of its text';
    is tag_of(scalar recv_fh($there)), 'once', '... and so is what follows';

    1 while send_err($here, 2, 'x' x MUCH);
    is errno_name($!), 'EAGAIN', 'no room: EAGAIN';
    $there->blocking(0);
    my $whole = 0;
    $whole++ while !defined recv_fh($there) && $!{ENOENT};
    is errno_name($!), 'EAGAIN', '... and nothing of it has gone';
    cmp_ok $whole, '>', 0, '... what went before was whole';
}

# A signal ends a blocking one at once: what of the text went is text of the
# message that comes next
{
    my ($here, $there) = spipe();
    my $signals = 0;
    local $SIG{USR1} = sub { $signals++ };
    my $reader = in_child {
        close $here;
        my $length = 0;
        local $File::FDpasser::on_text = sub {
            kill USR1 => getppid if !$length;
            $length += length $_[0];
        };
        return (tag_of(scalar recv_fh($there)), $length);
    };
    fails { send_err($here, 2, 'x' x MUCH) } undef, 'EINTR',
        'an error reply with a signal in it';
    is $signals, 1, '... whose handler has run';
    send_file($here, $file);
    my ($tag, $length) = $reader->result;
    is $tag, 'once', '... and what follows is whole';
    cmp_ok $length, '>', 0, '... text went';
    cmp_ok $length, '<', MUCH, '... but not all of it';
}

# Signals that keep coming put off its end no further than one does
{
    my ($here, $there) = spipe();
    local $SIG{USR1} = sub { };
    my $signaller = in_child {
        select undef, undef, undef, 0.05 while kill USR1 => getppid;
    };
    fails { send_err($here, 2, 'x' x MUCH) } undef, 'EINTR',
        'signal after signal, and a peer that does not read';
    kill KILL => $signaller->pid;
    $signaller->status;
}

undef $file;
no_leak();
done_testing;
