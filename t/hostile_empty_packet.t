# Empty packets: the end on SOCK_SEQPACKET, with nothing behind them touched; no
# message on SOCK_DGRAM; and bytes of length nothing to those who read bytes.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Outside;
use Peer;
use Situation;

use File::FDpasser qw(:all);
use Socket;

my $file = tagged('behind it');
Situation::new_baseline();
my %type  = packets();
my %errno = (SOCK_SEQPACKET => 'ENOTCONN', SOCK_DGRAM => 'EPROTO');

my %receive = (
    recv_fh    => sub { answered(scalar recv_fh($_[0])) },
    recv_fd    => sub { answered(scalar recv_fd($_[0])) },
    recv_fhs   => sub { answered((recv_fhs($_[0]))[0]) },
    'recv_fhs with a number' => sub { answered((recv_fhs($_[0], 3))[0]) },
    recv_fds   => sub { answered((recv_fds($_[0]))[0]) },
    my_recv_fd => sub {
        my $got = File::FDpasser::my_recv_fd(fileno $_[0]);
        return answered($got == -1 ? undef : $got);
    },
);

for my $type (sort keys %type) {
    for my $name (sort keys %receive) {
        for my $count (0, 1, 2, 28, 253) {
            for my $blocking (1, 0) {
                my ($us, $peer) = pair($type{$type});
                $us->blocking($blocking);
                my $title = "$type, $name, "
                    . ($blocking ? 'blocking' : 'non-blocking') . ", $count descriptors";
                send_raw($peer, '', ($file) x $count);
                send_raw($peer, "\0\0", $file);
                send_raw($peer, '') for 1, 2;
                send_raw($peer, "\0\0", $file);
                my @seen = returns { map { $receive{$name}->($us) } 1 .. 5 };
                is "@seen", join(' ', $errno{$type}, 'behind it', ($errno{$type}) x 2,
                    'behind it'), $title;
            }
        }
    }
    no_leak("$type: none left over");

    # Bytes, not messages.
    my ($us, $peer) = pair($type{$type});
    $us->blocking(0);
    my @seen = returns {
        send_raw($peer, '');
        send_raw($peer, 'bytes', $file);
        my @empty = read_fd($us, 100, 1);
        my ($bytes, $fh) = read_fd($us, 100, 1);
        return scalar @empty, $empty[0], $bytes, tag_of($fh);
    };
    is_deeply \@seen, [ 1, '', 'bytes', 'behind it' ], "$type: read_fd";
}

undef $file;
no_leak();
done_testing;
