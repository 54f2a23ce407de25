# write_fd and read_fd: every number of descriptors with every size, on every
# type of socket, blocking and not.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Message;
use Peer;

use File::FDpasser qw(:all);
use Socket;

use constant SO_SNDBUFFORCE => 32;

my %type   = (SOCK_STREAM => SOCK_STREAM, packets());
my @sizes  = (1, 2, 4096, 200_000);
my @counts = (0, 1, 2, 253);
my @files  = map { tagged($_) } 1 .. $counts[-1];
Situation::new_baseline();

# Buffers that a packet of 200,000 bytes fits into.
sub wide_pair {
    my ($type) = @_;
    my @pair = pair($type);
    setsockopt $_, SOL_SOCKET, SO_SNDBUF, 400_000 or die "SO_SNDBUF: $!"
        for @pair;
    return @pair;
}

for my $type (sort keys %type) {
    for my $blocking (1, 0) {
        my ($us, $peer) = wide_pair($type{$type});
        $_->blocking($blocking) for $us, $peer;
        my @message = map { my $size = $_; map { [ $size, $_ ] } @counts } @sizes;
        # One at a time: descriptors in flight are limited, but for root.
        my $taken  = gate();
        my $writer = in_child {
            close $us;
            for (@message) {
                write_all($peer, pattern($_->[0]), @files[ 0 .. $_->[1] - 1 ]);
                $taken->wait;
            }
            return leaked();
        };
        close $peer;
        my $how = $type . ($blocking ? '' : ', non-blocking');
        for (@message) {
            my ($size, $count) = @$_;
            my ($bytes, @fh) = read_all($us, $size, 253);
            ok $bytes eq pattern($size), "$how: $size bytes with $count descriptors";
            is_deeply [ map { tag_of($_) } @fh ], [ 1 .. $count ],
                "$how: $count descriptors with $size bytes";
            $taken->open;
        }
        is_deeply [ read_all($us, 1, 1) ], [''], "$how: the end"
            if $type ne 'SOCK_DGRAM';
        is_deeply [ $writer->result ], [], "$how: nothing left over at the writer";
    }
    no_leak("$type: nothing left over at the reader");
}

# One more than the kernel takes.
for my $type (sort keys %type) {
    my ($us, $peer) = pair($type{$type});
    $us->blocking(0);
    fails { write_fd($peer, 'x', @files, $files[0]) } undef, 'EINVAL',
        "$type: 254 descriptors";
    fails_empty { read_fd($us, 10, 253) } 'EAGAIN', "$type: none of it went";
    is write_fd($peer, 'x', @files), 1, "$type: 253 go";
    my ($bytes, @fh) = read_fd($us, 10, 254);
    is @fh, 253, "$type: and may be expected to be more";
}

# A packet that is larger than what is made ready without asking.
SKIP: {
    my $type = $type{SOCK_SEQPACKET} or skip 'no packets', 1;
    my ($us, $peer) = pair($type);
    setsockopt $peer, SOL_SOCKET, SO_SNDBUFFORCE, 2**21
        or skip 'only root has room for so much', 1;
    write_fd($peer, pattern(700_000));
    my $got = read_fd($us, 1_000_000, 0);
    ok defined $got && $got eq pattern(700_000), 'a packet of 700,000 bytes' or diag "$!";
}

# What is written is bytes, however Perl keeps them.
{
    my ($us, $peer) = pair();
    my $upgraded = join '', map { chr } 0 .. 255;
    utf8::upgrade($upgraded);
    is write_fd($peer, $upgraded, $files[0]), 256, 'a string in UTF-8: its characters';
    my ($bytes, @fh) = read_fd($us, 1000, 1);
    ok $bytes eq pack('C*', 0 .. 255), 'arrive as bytes';
    ok utf8::is_utf8($upgraded), 'and the string stays as it was';
    is write_fd($peer, 1234), 4, 'a number';
    is_deeply [ read_fd($us, 10, 0) ], ['1234'], 'is its digits';
}

# The handles are recv_fh's handles.
{
    my ($us, $peer) = pair();
    my $dir = workdir();
    open my $read,  '<',  $0            or die $!;
    open my $write, '>',  "$dir/write"  or die $!;
    open my $add,   '>>', "$dir/append" or die $!;
    write_fd($peer, 'x', $read, $write, $add, $peer);
    my ($bytes, @fh) = read_fd($us, 1, 4);
    is_deeply [ map { get_fopen_mode(fileno $_) } @fh ], [qw(r w a w+)],
        'each handle in its own mode';
    is_deeply [ map { ref } @fh ], [ ('IO::Handle') x 4 ], 'each an IO::Handle';
    is scalar readline $fh[0],
        "# write_fd and read_fd: every number of descriptors with every size, on every\n",
        'to read from';
    ok print({ $fh[$_] } 'text') && close $fh[$_], 'to write to' for 1, 2;
    is -s "$dir/$_", 4, "what was written to $_" for qw(write append);
    is_deeply [ survives_exec(map { fileno $_ } @fh[ 0, 3 ]) ], [ 0, 0 ],
        'and not for programs that we start';
}

undef @files;
no_leak();
done_testing;
