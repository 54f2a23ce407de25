# A text that takes thousands of turns: who waits reads it to its end, and the
# socket's own timeout ends a text that has none.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Outside;
use Situation;

use File::FDpasser qw(:all);
use Socket;

my $piece = 'x' x 4000;
my $length;
$File::FDpasser::on_text = sub { $length += length $_[0] };

my %receive = (
    recv_fh  => sub { scalar recv_fh($_[0]) },
    recv_fhs => sub { (recv_fhs($_[0]))[0] },
);

for my $name (sort keys %receive) {
    my ($us, $peer) = spipe();
    my $sender = in_child {
        undef $us;
        write_fd($peer, $piece) for 1 .. 1500;
        return send_file($peer, \*STDIN);
    };
    undef $peer;
    $length = 0;
    my $got = $receive{$name}->($us);
    is $got && identity($got), identity(\*STDIN), "$name: 1,500 pieces of text, a descriptor"
        or diag "$!";
    is $length, 1500 * length $piece, '... and all of the text';
    undef $us;
    $sender->result;
}

$File::FDpasser::max_text = 1e9;
for my $name (sort keys %receive) {
    my ($us, $peer) = spipe();
    my $sender = in_child {
        undef $us;
        local $SIG{PIPE} = 'IGNORE';
        1 while write_fd($peer, $piece);
        return 1;
    };
    undef $peer;
    setsockopt $us, SOL_SOCKET, SO_RCVTIMEO, pack 'l! l!', 0, 50_000 or die "SO_RCVTIMEO: $!";
    my @seen = returns {
        $! = 0;
        my $got = $receive{$name}->($us);
        return defined $got ? 'came' : errno_name($!);
    };
    is "@seen", 'EAGAIN', "$name: a text without end, and a timeout";
    undef $us;
    $sender->result;
}

no_leak();
done_testing;
