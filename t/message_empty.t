use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Situation;

use File::FDpasser qw(:all);

# write_fd with no bytes: a message on sockets that keep boundaries.

my @types = transport() eq 'socket' ? qw(dgram seqpacket) : 'dgram';
for my $type (@types) {
    my ($one, $other) = spipe(type => $type);
    $! = 7;
    my $written = write_fd($one, '', \*STDIN);
    cmp_ok $written, '==', 0, "$type: no bytes were written";
    ok $written, '... which is true';
    is $! + 0, 7, '... and no failure';
    {
        my @warnings;
        local $SIG{__WARN__} = sub { push @warnings, @_ };
        is $written + 0, 0, '... as a number';
        is "@warnings", '', '... without a warning';
    }
    my ($bytes, @fh) = read_fd($other, 100, 5);
    is $bytes, '', '... nor read';
    is_deeply [ map { identity($_) } @fh ], [ identity(\*STDIN) ], '... the descriptor came';

    write_fd($one, '', (\*STDIN) x 253) or diag "write_fd: $!";
    write_fd($one, 'next') or diag "write_fd: $!";
    ($bytes, @fh) = read_fd($other, 100, 253);
    is length($bytes) . ' ' . @fh, '0 253', '... also with as many as go at once';
    is_deeply [ read_fd($other, 100, 5) ], ['next'], '... and is a message of its own';
    @fh = ();

    write_fd($one, '') or diag "write_fd: $!";
    is_deeply [ read_fd($other, 100, 5) ], [''], '... without a descriptor, too';
    $other->blocking(0);
    fails_empty { read_fd($other, 100, 5) } 'EAGAIN', '... which is all';

    eval { write_fd($one, undef, \*STDIN) };
    like $@, qr/\AInvalid args to write_fd: argument 2, the bytes, is missing/, '... undef: it dies';
    eval { write_fd($one) };
    like $@, qr/\AInvalid args to write_fd: argument 2, the bytes, is missing/, '... nothing: it dies';

    # A peer that has gone, and one that does not read
    $one->blocking(0);
    my $count = 0;
    $count++ while $count < 100_000 && defined write_fd($one, '');
    is errno_name($!), 'EAGAIN', '... a full queue';
    undef $other;
    local $SIG{PIPE} = 'IGNORE';
    fails { write_fd($one, '', \*STDIN) } undef,
        $type eq 'dgram' ? 'ECONNREFUSED' : 'EPIPE', '... a peer that has gone';
}

# On streams it would be nothing.
{
    my ($one, $other) = spipe();
    for ([ '' ], [ '', \*STDIN ]) {
        my $place = 'at ' . __FILE__ . ' line ' . (__LINE__ + 1) . '.';
        eval { write_fd($one, @$_) };
        is $@, "Invalid args to write_fd: argument 2 is empty $place\n", 'a stream: it dies';
    }
    pipe my $reader, my $writer or die "pipe: $!";
    eval { write_fd($writer, '') };
    like $@, qr/\AInvalid args to write_fd: argument 2 is empty/, 'a pipe: it dies';
}

no_leak();
done_testing;
