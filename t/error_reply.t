# send_err: the peer's call fails with that errno, and the text is for whoever
# sits there.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Message;
use Peer;
use Script;
use Signals;

use Errno qw(EACCES ENOENT);
use File::FDpasser qw(:all);
use Socket;

my $file = tagged('file');
Situation::new_baseline();

my $text = '';
$File::FDpasser::on_text = sub { $text .= $_[0] };

# Each errno, and who sees it how.
my %receive = (
    recv_fh  => sub { [ recv_fh($_[0]) ] },
    recv_fd  => sub { [ recv_fd($_[0]) ] },
    recv_fhs => sub { [ undef, recv_fhs($_[0]) ] },
    recv_fds => sub { [ undef, recv_fds($_[0], 3) ] },
);
for my $name (sort keys %receive) {
    my ($us, $peer) = pair();
    my @wrong;
    for my $errno (1 .. 255) {
        ($text, $!) = ('', 0);
        send_err($peer, $errno, "text $errno") or die "send_err: $!";
        my $got = $receive{$name}->($us);
        push @wrong, $errno
            if @$got != 1 || defined $got->[0] || $! != $errno
            || $text ne "text $errno";
    }
    is "@wrong", '', "$name fails with each errno, and shows each text";
}
{
    my ($us, $peer) = pair();
    my @got;
    for my $errno (1, 13, 255) {
        send_err($peer, $errno);
        push @got, File::FDpasser::my_recv_fd($us);
    }
    is_deeply \@got, [ -1, -13, -255 ], 'my_recv_fd returns it';
}

# On the wire.
{
    my ($us, $peer) = pair();
    my @reply = (
        [ 'an errno and a text' => [ 13, 'no' ], "no\0\x0d" ],
        [ 'no text'             => [13],          "\0\x0d" ],
        [ 'undef'               => [ 13, undef ], "\0\x0d" ],
        [ 'an empty text'       => [ 13, '' ],    "\0\x0d" ],
        [ 'a string of digits'  => [ '255', 'x' ], "x\0\xff" ],
        [ 'text of all bytes'   => [ 1, join '', map { chr } 1 .. 255 ],
            join('', map { chr } 1 .. 255) . "\0\x01" ],
        [ 'text kept in UTF-8'  => [ 1, do { my $s = "\xe9"; utf8::upgrade($s); $s } ],
            "\xe9\0\x01" ],
        [ 'an errno as text'    => [ 2, 17 ], "17\0\x02" ],
    );
    for (@reply) {
        my ($name, $arguments, $bytes) = @$_;
        $! = 77;
        is_deeply [ send_err($peer, @$arguments) ], [1], "$name: 1";
        is $! + 0, 77, "$name: \$! stays";
        is queued($us), $bytes, "$name: what is sent";
        recv_fh($us);
    }
    -e '/nowhere/at/all';
    is send_err($peer, $!), 1, '$! itself';
    fails { recv_fh($us) } undef, 'ENOENT', 'is the peer\'s $!';
    -e '/nowhere/at/all';
    send_err($peer, $!, "$!");
    $text = '';
    recv_fh($us);
    is $text, do { local $! = ENOENT; "$!" }, 'and its text a text';
}

# Between other messages; the text is not the next one's.
{
    my ($us, $peer) = pair();
    send_file($peer, $file);
    send_err($peer, EACCES, "first\n");
    send_err($peer, ENOENT, "second\n");
    send_files($peer, $file, $file);
    is tag_of(scalar recv_fh($us)), 'file', 'a descriptor before';
    $text = '';
    fails { recv_fh($us) } undef, 'EACCES', 'a reply';
    is $text, "first\n", 'its text';
    $text = '';
    fails_empty { recv_fhs($us) } 'ENOENT', 'another';
    is $text, "second\n", 'and its text';
    is scalar(my @got = recv_fhs($us)), 2, 'descriptors behind';
}

# A text longer than the buffer.
{
    my ($us, $peer) = pair();
    my $long = pattern(2_000_000) =~ tr/\0/ /r;
    my $child = in_child { close $us; return send_err($peer, EACCES, $long) };
    close $peer;
    $text = '';
    fails { recv_fh($us) } undef, 'EACCES', 'a text of 2,000,000 bytes';
    ok $text eq $long, 'comes whole';
    is $child->result, 1, 'and is a success';
}

# The smallest buffer, which the system cuts a text for: of a non-blocking reply
# nothing goes, or all; of one that is interrupted no zero byte without its status.
if (File::FDpasser::transport() eq 'socket') {
    my $small = sub {
        my ($us, $peer) = pair();
        setsockopt $peer, SOL_SOCKET, SO_SNDBUF, 1 or die "SO_SNDBUF: $!";
        $_->blocking(0) for $us, $peer;
        return ($us, $peer);
    };
    for my $before (0 .. 5) {
        my ($us, $peer) = $small->();
        my $written = 0;
        $written += write_fd($peer, 'x' x 1000) || 0 for 1 .. $before;
        my $expected = send_err($peer, EACCES, 'x' x 10_000) ? 'EACCES' : 'EAGAIN';
        sysread($us, my $bytes, $written) if $written;
        $text = '';
        fails { recv_fh($us) } undef, $expected, "the smallest buffer, $before in it";
        is $text ne '', $expected eq 'EACCES', '... its text too, or nothing';
    }

    my ($us, $peer) = $small->();
    my $room = write_fd($peer, 'x' x 100_000);
    sysread($us, my $bytes, $room);
    $peer->blocking(1);
    my @seen = interrupted('%SIG', sub { send_err($peer, EACCES, 'x' x ($room - 1)) });
    is_deeply \@seen, [ undef, 'EINTR', 1 ], 'a text that fills it, and a signal';
    unlike queued($us), qr/\0/, '... no zero byte alone';
}

# Packets have no room for text: the errno is what counts.
for my $type (SOCK_SEQPACKET, SOCK_DGRAM) {
    my ($us, $peer) = pair($type);
    is send_err($peer, EACCES, 'text'), 1, 'in packets';
    fails { recv_fh($us) } undef, 'EACCES', 'the errno arrives';
    send_err($peer, ENOENT);
    fails { recv_fh($us) } undef, 'ENOENT', 'with and without text';
}

# When it cannot be sent.
{
    my ($us, $peer) = pair();
    $peer->blocking(0);
    my $sent = 0;
    $sent++ while send_err($peer, EACCES, "text $sent\n");
    ok $!{EAGAIN}, 'a full buffer: EAGAIN';
    $text = '';
    recv_fh($us) for 1 .. $sent;
    is $text, join('', map {"text $_\n"} 0 .. $sent - 1), 'nothing of it was sent';
    is send_err($peer, ENOENT, ''), 1, 'then there is room';
    fails { recv_fh($us) } undef, 'ENOENT', 'and it arrives';

    close $us;
    my $signals = 0;
    local $SIG{PIPE} = sub { $signals++ };
    fails { send_err($peer, EACCES, 'text') } undef, 'EPIPE', 'a vanished peer';
    is $signals, 1, 'with SIGPIPE';
}

# What was printed to the connection comes before it.
{
    my ($us, $peer) = pair();
    $peer->autoflush(0);
    print {$peer} "printed\n";
    send_err($peer, EACCES, 'text');
    is_deeply [ read_fd($us, 8, 0) ], ["printed\n"], 'printed before the reply';
    fails { recv_fh($us) } undef, 'EACCES', 'and then the reply';
}

# Without on_text the text goes to STDERR.
{
    my $run = script(<<'END')->run;
use File::FDpasser qw(:all);
my ($one, $other) = spipe();
send_err($one, 13, "can't open it: \xe9\n");
my $got = recv_fh($other);
print defined $got ? 'a handle' : $! + 0;
END
    is $run->{err}, "can't open it: \xe9\n", 'the text on STDERR, as it is';
    is $run->{out}, 13, 'and $!';
}

# The smallest: what is negative is a status, 1 the first.
{
    my ($us, $peer) = map { fileno $_ } my @ends = spipe();
    for my $status (-1, -2) {
        is File::FDpasser::my_send_fd($us, $status), 0, "my_send_fd of $status";
        is File::FDpasser::my_recv_fd($peer), $status, '... is that status';
    }
    no warnings 'File::FDpasser';
    for my $none (-1e300, -9**9**9, -0.5) {
        fails { File::FDpasser::my_send_fd($us, $none) } -1, 'EBADF', "my_send_fd of $none: none";
    }
}

# As much text as any.
{
    my ($us, $peer) = spipe();
    local $File::FDpasser::max_text = 2**32;
    send_err($us, EACCES, 'text');
    fails { recv_fh($peer) } undef, 'EACCES', 'four gigabytes of text may come';
}

# A tied STDERR that dies of the text, or of nothing, leaves $@ alone.
{
    package Dies;
    sub TIEHANDLE { return bless [], shift }
    sub PRINT     { eval {1}; die "of the text\n" if $_[1] =~ /die/ }
}
for my $say (qw(die live)) {
    my ($us, $peer) = spipe();
    local $File::FDpasser::on_text;
    local $@ = 'mine';
    send_err($us, EACCES, $say);
    tie *STDERR, 'Dies';
    my $got   = recv_fh($peer);
    my $errno = errno_name($!);
    my $error = $@;
    untie *STDERR;
    is_deeply [ $got, $errno, $error ], [ undef, 'EACCES', 'mine' ], "a tied STDERR, $say: \$\@ stays";
}

# What is no status has none: half a message, and the end.
{
    my ($us, $peer) = spipe();
    syswrite $peer, "\0";
    close $peer;
    fails { File::FDpasser::my_recv_fd(fileno $us) } -1, 'EPROTO', 'my_recv_fd, half a message';
    fails { File::FDpasser::my_recv_fd(fileno $us) } -1, 'ENOTCONN', '... and the end';
}

undef $file;
no_leak();
done_testing;
