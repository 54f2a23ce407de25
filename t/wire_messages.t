# What we put on the wire, byte for byte, and what we make of each message
# that old peers and other programs put there.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser;
use POSIX ();

# What peers write is text to some calls, and not for the terminal.
$File::FDpasser::on_text = sub { };

# The first message in the queue of $socket, as a foreign reader sees it.
sub on_the_wire {
    my ($socket) = @_;
    my ($bytes, @numbers) = recv_raw($socket, 100);
    my @tags = map { tag_of($_) } @numbers;
    POSIX::close($_) for @numbers;
    return [ $bytes, @tags ];
}

{
    my ($us, $peer) = pair();
    my $file = tagged('sent');

    is send_file($us, $file), 1, 'send_file returns 1';
    is_deeply on_the_wire($peer), [ "\0\0", 'sent' ],
        'send_file sends two zero bytes with the descriptor on them';

    is File::FDpasser::my_send_fd(fileno $us, fileno $file), 0,
        'my_send_fd returns 0';
    is_deeply on_the_wire($peer), [ "\0\0", 'sent' ],
        'my_send_fd sends the same as send_file';

    my %status = (
        -1 => 1, -2 => 2, -13 => 13, -255 => 255,
        -256   => 1, -512 => 1,    # a status can't be 0
        -257   => 1,
        -65541 => 5,
    );
    for my $number (sort { $b <=> $a } keys %status) {
        is File::FDpasser::my_send_fd(fileno $us, $number), 0,
            "my_send_fd with $number returns 0";
        is_deeply on_the_wire($peer), [ "\0" . chr $status{$number} ],
            "my_send_fd with $number sends status $status{$number}";
    }
}
no_leak('none left over after sending');

{
    my ($us, $peer) = pair();
    my $file = tagged('received');

    send_raw($peer, "\0\0", $file);
    my $handle = recv_fh($us);
    is tag_of($handle), 'received', 'recv_fh: status 0 with a descriptor';
    undef $handle;

    send_raw($peer, "\0\0", $file);
    my $number = recv_fd($us);
    is tag_of($number), 'received', 'recv_fd: status 0 with a descriptor';
    POSIX::close($number);

    send_raw($peer, "\0\0", $file);
    $number = File::FDpasser::my_recv_fd(fileno $us);
    is tag_of($number), 'received', 'my_recv_fd: status 0 with a descriptor';
    POSIX::close($number);
}
no_leak('none left over after receiving');

for my $status (1, 2, 13, 127, 128, 255) {
    my ($us, $peer) = pair();
    syswrite $peer, ("\0" . chr $status) x 3;

    for my $receive (\&recv_fh, \&recv_fd) {
        $! = 0;
        my @got = $receive->($us);
        is_deeply [ @got, $! + 0 ], [ undef, $status ],
            "status $status from the peer is \$! of the receiver";
    }
    is File::FDpasser::my_recv_fd(fileno $us), -$status,
        "my_recv_fd returns -$status for status $status";
}

# One byte with a descriptor is a message, as IO::FDPass and Ruby's send_io
# send it, whatever the byte.
for my $byte ("\0", "\1", "\x05", 'x', "\n", "\xff") {
    my ($us, $peer) = pair();
    my $file = tagged('one byte');
    my $hex  = sprintf '%#04x', ord $byte;

    send_raw($peer, $byte, $file) for 1 .. 3;
    is tag_of(scalar recv_fh($us)), 'one byte', "recv_fh: the single byte $hex";
    for my $number (recv_fd($us), File::FDpasser::my_recv_fd(fileno $us)) {
        is tag_of($number), 'one byte', "a number: the single byte $hex";
        POSIX::close($number);
    }
    is queued($us), undef, "nothing of the single byte $hex is left";
}
no_leak('none left over after single bytes');

# Stevens' send_fd of errors: text for a person, then the status.
{
    my ($us, $peer) = pair();
    my $text = '';
    local $File::FDpasser::on_text = sub { $text .= $_[0] };
    syswrite $peer, "can't open it\n\0\2";
    fails { recv_fh($us) } undef, 'ENOENT', 'an error reply with a text';
    is $text, "can't open it\n", 'its text is handed on';
}

{
    my ($us, $peer) = pair();
    syswrite $peer, "\0\0";
    fails { recv_fh($us) } undef, 'EPROTO', 'status 0 without a descriptor';
    syswrite $peer, "\0\0";
    fails { recv_fd($us) } undef, 'EPROTO', 'the same for recv_fd';
    syswrite $peer, "\0\0";
    fails { File::FDpasser::my_recv_fd(fileno $us) } -1, 'EPROTO',
        'the same for my_recv_fd';
    syswrite $peer, "\0\x0d";
    fails { recv_fh($us) } undef, 'EACCES', 'and the next message is read';
}

{
    my ($us, $peer) = pair();
    close $peer;
    fails { recv_fh($us) } undef, 'ENOTCONN', 'recv_fh: the end';
    fails { recv_fd($us) } undef, 'ENOTCONN', 'recv_fd: the end';
    fails { File::FDpasser::my_recv_fd(fileno $us) } -1, 'ENOTCONN',
        'my_recv_fd: the end';
}

{
    my ($us, $peer) = pair();
    my $file = tagged('last words');
    send_raw($peer, "\0\0", $file);
    close $peer;
    is tag_of(scalar recv_fh($us)), 'last words',
        'what was sent before the end arrives';
    fails { recv_fh($us) } undef, 'ENOTCONN', 'then comes the end';
}

{
    my ($us, $peer) = pair();
    syswrite $peer, "\0";
    close $peer;
    fails { recv_fh($us) } undef, 'EPROTO', 'half a message, then the end';
    fails { recv_fh($us) } undef, 'ENOTCONN', 'then only the end';
}

# A success changes nothing that Perl code can see.
{
    my ($us, $peer) = pair();
    my $file = tagged('quiet');
    local $, = '-';
    local $\ = "!\n";
    local $/ = undef;
    local $" = '+';
    local $_ = 'topic';
    local $@ = 'an exception';
    'match' =~ /(.*)/;

    $! = 7;
    send_file($us, $file);
    my $handle = recv_fh($peer);
    is_deeply [ $! + 0, $_, $1, $@ ], [ 7, 'topic', 'match', 'an exception' ],
        'send_file and recv_fh leave $!, $_, $1 and $@ alone';
    is tag_of($handle), 'quiet', 'and do their work under odd separators';
}

no_leak();
done_testing;
