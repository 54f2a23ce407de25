# A signal ends what a blocking File::FDpasser::Channel waits for, at once, however
# its handler was installed, and nothing is lost.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;
use Signals;

use File::FDpasser::Channel;

for my $kind (kinds()) {
    my ($us, $peer) = pair();
    my $channel = File::FDpasser::Channel->new($us);
    syswrite $peer, 'half';
    is_deeply [ interrupted($kind, sub { $channel->read_line }) ],
        [ undef, 'EINTR', 1 ], "$kind: a read";
    syswrite $peer, "\n";
    is $channel->read_line, "half\n", '... loses nothing';

    is_deeply [ interrupted($kind, sub { $channel->write('x' x 1_000_000) }) ],
        [ undef, 'EINTR', 1 ], '... a write, half of which has gone';
    cmp_ok $channel->pending_bytes, '>', 0, '... the rest of it waits';
    my $child = in_child {
        close $us;
        my $read = 0;
        while ((my $more = sysread $peer, my $bytes, 65536) // 0) { $read += $more }
        return $read;
    };
    close $peer;
    is $channel->flush, 1, '... and goes';
    $channel->close;
    is $child->result, 1_000_000, '... once';
}

no_leak();
done_testing;
