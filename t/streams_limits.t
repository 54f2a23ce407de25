# Messages of streams at each limit, and one beyond: what a read asks for, what one
# message holds, how many descriptors come with one.

BEGIN { $ENV{FDPASSER_TRANSPORT} = 'streams' }

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Peer qw(rights send_control);
use Situation;

use File::FDpasser qw(:all);
use POSIX ();
use Socket;

plan skip_all => 'streams of the system keep messages in another way'
    if transport() !~ /emulated/;

# As many bytes as are asked for, and one more.
{
    my ($us, $peer) = spipe();
    $us->blocking(0);
    syswrite $peer, '12345';
    syswrite $peer, '123456';
    is read_fd($us, 5, 0), '12345', 'a message of as many bytes as are asked for';
    fails { scalar read_fd($us, 5, 0) } undef, 'EMSGSIZE', 'of one more: it stays' for 1, 2;
    is read_fd($us, 6, 0), '123456', '... for who asks for all';
}

# ... and what came before it is the answer first.
{
    my ($us, $peer) = spipe();
    send_control($peer, "\0", rights(\*STDIN));
    syswrite $peer, '123456';
    my ($bytes, @fh) = read_fd($us, 5, 5);
    is_deeply [ $bytes, scalar @fh ], [ '', 1 ], 'a descriptor before a message of one more';
    fails { scalar read_fd($us, 5, 0) } undef, 'EMSGSIZE', '... which stays';
}

# What another program sends may be longer than our own messages.
for my $length (4096, 4097, 9000) {
    my ($us, $peer) = spipe();
    my $bytes = 'b' x $length;
    syswrite $peer, $bytes;
    ok read_fd($us, 10_000, 0) eq $bytes, "a message of $length bytes";
    my $text = '';
    local $File::FDpasser::on_text = sub { $text .= $_[0] };
    syswrite $peer, 't' x ($length - 2) . "\0\x0d";
    fails { recv_fh($us) } undef, 'EACCES', '... an error status behind text';
    is length $text, $length - 2, '... which is handed on';
}

# What this module sends is cut: no zero byte without its status.
sub packets {
    my ($end) = @_;
    my @lengths;
    while (defined recv $end, my $packet, 20_000, MSG_DONTWAIT) {
        push @lengths, length $packet;
        last if $packet =~ /\0/ || !length $packet;
    }
    return "@lengths";
}

for (
    [ 4094, '4096',   '4096' ],
    [ 4095, '4095 2', '4096' ],
    [ 4096, '4096 2', '4096' ],
    [ 4097, '4096 3', '4096' ],
    )
{
    my ($length, $blocking, $non_blocking) = @$_;
    my ($us, $peer) = spipe();
    is send_err($us, 13, 't' x $length), 1, "an error reply of $length bytes of text";
    is packets($peer), $blocking, '... as so many';
    $us->blocking(0);
    is send_err($us, 13, 't' x $length), 1, '... non-blocking';
    is packets($peer), $non_blocking, '... in one, cut to fit';
}
for ([ 4096, '4096' ], [ 4097, '4096 1' ]) {
    my ($length, $packets) = @$_;
    my ($us, $peer) = spipe();
    is write_fd($us, 'b' x $length), $length, "$length bytes are written";
    is packets($peer), $packets, '... as so many';
}

# No descriptor, where one is there.
for my $receive (\&recv_fhs, \&recv_fds) {
    my ($us, $peer) = spipe();
    send_file($peer, \*STDIN);
    fails_empty { $receive->($us, 0) } 'EMSGSIZE', 'none is wanted: it stays' for 1, 2;
    my ($got) = $receive->($us, 1);
    is $got && identity($got), identity(\*STDIN), q{... for who wants one};
    POSIX::close($got) if $got && !ref $got;
}

# What another program sends may have more than one: the surplus is closed, and told of.
for my $name (qw(recv_fh recv_fd recv_fhs read_fd)) {
    my ($us, $peer) = spipe();
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    send_control($peer, "\0", rights(\*STDIN, \*STDIN));
    syswrite $peer, 'bytes' if $name eq 'read_fd';
    my ($got) = $name eq 'recv_fh' ? recv_fh($us) : $name eq 'recv_fd' ? recv_fd($us)
        : $name eq 'recv_fhs' ? recv_fhs($us) : (read_fd($us, 10, 5))[1];
    is identity($got), identity(\*STDIN), "$name, two at once: the first";
    is scalar @warnings, 1, '... and a warning';
    like "@warnings", qr/\Aat least 1 more descriptor than asked for/, '... of the other';
    POSIX::close($got) if !ref $got;
}

# As many descriptors as one call sends come in one read, with what is behind.
for my $count (252, 253) {
    my ($us, $peer) = spipe();
    my $sender = in_child {
        undef $us;
        return write_fd($peer, 'end', (\*STDIN) x $count);
    };
    undef $peer;
    my ($bytes, @fh) = read_fd($us, 10, 253);
    is_deeply [ $bytes, scalar @fh ], [ 'end', $count ], "$count descriptors, and their bytes";
    is $sender->result, 3, '... as they were sent';
}

no_leak();
done_testing;
