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

# A handler that writes to a channel whose write waits, or dies there.
for my $dies (0, $] < 5.018 ? () : 1) {    # those run handlers as blocks end
    my ($us, $peer) = pair();
    my $channel = File::FDpasser::Channel->new($us);
    my $proceed = gate();
    local $SIG{USR1} = sub { $dies ? die "left\n" : $channel->write('short') };
    my $child = in_child {
        close $us;
        vec(my $begun = '', fileno $peer, 1) = 1;
        select $begun, undef, undef, undef;
        1 until is_blocked(getppid);
        kill USR1 => getppid;
        $proceed->wait;
        my $all = '';
        1 while sysread $peer, $all, 65536, length $all;
        my $behind = $all =~ s/\Ax+//r;
        return length($all) - length($behind) . " $behind";
    };
    close $peer;
    my ($written, $errno) = eval { ($channel->write('x' x 1_000_000), errno_name($!)) };
    if ($dies) { is $@, "left\n", 'a handler that dies while a write waits' }
    else       { is_deeply [ $written, $errno ], [ undef, 'EINTR' ], 'one that writes' }
    $proceed->open;
    is $channel->flush, 1, '... the rest can be flushed';
    is $channel->pending_bytes, 0, '... all of it';
    $channel->close;
    undef $us;
    is $child->result, '1000000 ' . ($dies ? '' : 'short'), '... and comes, in order';
}

no_leak();
done_testing;
