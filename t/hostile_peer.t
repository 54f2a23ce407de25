# Peers that send rubbish, stop, vanish, reset or are killed: an errno, never
# an exit, an exception, a hang or a descriptor left over.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser;
no warnings 'File::FDpasser';
use POSIX ();
use Socket;

my $file = tagged('genuine');
Situation::new_baseline();
my $text = '';
$File::FDpasser::on_text = sub { $text .= $_[0] };

# Receives until the end; [ tag or errno's name for each call ].
sub all_calls {
    my ($socket, $receive) = @_;
    no warnings 'File::FDpasser';
    my @seen;
    while (@seen < 10_000) {
        $! = 0;
        my $got   = $receive->($socket);
        my $errno = errno_name($!);
        push @seen, defined $got ? tag_of($got) : $errno;
        POSIX::close($got) if defined $got && !ref $got;
        last if !defined $got && $errno =~ /\A(?:ENOTCONN|ECONNRESET)\z/;
    }
    return \@seen;
}

my $random = join '', map { chr(17 * $_ * $_ % 251 + 1) } 1 .. 3000;
my %rubbish = (
    'nothing'               => [ '', [] ],
    'all zero bytes, even'  => [ "\0" x 1000, [ ('EPROTO') x 500 ] ],
    'all zero bytes, odd'   => [ "\0" x 1001, [ ('EPROTO') x 501 ] ],
    'a web request'         => [ "GET / HTTP/1.0\r\n\r\n", [] ],
    'statuses'              => [ "\0\x0d" x 100, [ ('EACCES') x 100 ] ],
    'text without an end'   => [ $random, [] ],
    'zero bytes in text'    => [ "a\0\x0db\0\x0dc\0\x0d", [ ('EACCES') x 3 ] ],
    'half a message'        => [ "\0", ['EPROTO'] ],
    'text and half of it'   => [ "text\0", ['EPROTO'] ],
    'a message and a half'  => [ "\0\x0d\0", [ 'EACCES', 'EPROTO' ] ],
);
for my $name (sort keys %rubbish) {
    my ($bytes, $expected) = @{ $rubbish{$name} };
    for my $receive (\&recv_fh, \&recv_fd) {
        my ($us, $peer) = pair();
        syswrite $peer, $bytes if length $bytes;
        close $peer;
        is_deeply all_calls($us, $receive), [ @$expected, 'ENOTCONN' ], $name;
    }

    my ($us, $peer) = pair();
    my $child = in_child {
        close $us;
        syswrite $peer, $_ for split //, $bytes;
        return;
    };
    close $peer;
    is_deeply all_calls($us, \&recv_fh), [ @$expected, 'ENOTCONN' ],
        "$name, a byte at a time";
    $child->result;
}
no_leak('rubbish: none left over');

# A genuine message survives what is around it.
{
    my ($us, $peer) = pair();
    my $child = in_child {
        send_raw($peer, "\0\0", $file);
        syswrite $peer, "\0\0";
        send_raw($peer, "\0\0", $file);
        syswrite $peer, "noise\0\xff";
        send_raw($peer, 'x', $file);
        return;
    };
    close $peer;
    my $seen = all_calls($us, \&recv_fh);
    is_deeply [ @$seen[ 0, 1, 2, 4, 5 ] ],
        [qw(genuine EPROTO genuine genuine ENOTCONN)],
        'genuine messages among others';
    $child->result;
}

# The peer closes with our bytes unread: a reset. What it had sent arrives.
{
    my ($us, $peer) = pair();
    send_raw($peer, "\0\0", $file);
    syswrite $us, 'never read';
    close $peer;
    my $seen = all_calls($us, \&recv_fh);
    is $seen->[0], 'genuine', 'a reset: what was sent before arrives';
    like $seen->[-1], qr/\A(?:ENOTCONN|ECONNRESET)\z/, 'then comes the end';
    fails { recv_fh($us) } undef, 'ENOTCONN', 'and stays';
}

# Descriptors in flight towards a peer that is gone are nobody's.
{
    my ($us, $peer) = pair();
    send_file($us, $file) for 1 .. 50;
    close $peer;
}
no_leak('unread messages: none left over');

# Killed at any point: a child sends messages of all kinds without a stop, and
# is killed after we have seen so many of them.
for my $after (0, 1, 2, 3, 5, 8, 13, 21) {
    my ($us, $peer) = pair();
    my $child = in_child {
        close $us;
        for (;;) {
            send_raw($peer, "\0\0", $file);
            syswrite $peer, 'text ' x 200;
            send_raw($peer, "more text\0\0", $file, $file);
            syswrite $peer, "\0";
            syswrite $peer, "\x0d";
        }
    };
    close $peer;
    no warnings 'File::FDpasser';
    my @seen = map {
        my $got = recv_fh($us);
        defined $got ? tag_of($got) : errno_name($!);
    } 1 .. $after;
    kill KILL => $child->pid;
    is $child->status & 127, POSIX::SIGKILL(), "killed after $after messages";
    push @seen, @{ all_calls($us, \&recv_fh) };
    my $end = pop @seen;
    pop @seen if @seen && $seen[-1] eq 'EPROTO';    # its last half message
    is_deeply [ grep { !/\A(?:genuine|EACCES)\z/ } @seen ], [],
        'every message before was whole';
    is $end, 'ENOTCONN', 'and the end is the end';
}
no_leak('killed peers: none left over');

# What can't be received from.
{
    my ($us, $peer) = pair();
    pipe my $reader, my $writer or die "pipe: $!";
    socket my $alone, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!";
    socket my $internet, AF_INET, SOCK_STREAM, 0 or die "socket: $!";
    local $SIG{PIPE} = 'IGNORE';
    my @refused = (
        [ 'a pipe',                  $reader,   'ENOTSOCK', 'ENOTSOCK' ],
        [ 'a file',                  $file,     'ENOTSOCK', 'ENOTSOCK' ],
        [ 'a socket without a peer', $alone,    'EINVAL',   'ENOTCONN' ],
        [ 'an Internet socket',      $internet, (errno_name(POSIX::EOPNOTSUPP())) x 2 ],
    );
    for (@refused) {
        my ($name, $fh, $receiving, $sending) = @$_;
        fails { recv_fh($fh) } undef, $receiving, "$name: nothing comes from it";
        fails { send_file($fh, $file) } undef, $sending, "$name: nor goes to it";
    }
    shutdown $us, 0;
    fails { recv_fh($us) } undef, 'ENOTCONN', 'shut down for reading: the end';
}

undef $file;
no_leak();
done_testing;
