use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Fcntl qw(LOCK_EX);
use File::FDpasser;
use Files;
use Race;
use Situation;

# The races of t/endpoint_*.t, long enough to be lost if they can be.
#
#     prove -bv xt/endpoint_races.t
#     FDPASSER_ROUNDS=100 prove -bv xt/endpoint_races.t    the short form

watchdog(600);
never_unlocked();
restarts(1000);
starters(500);
nodes(30_000);

# Who holds the lock of `exclusive` for ever keeps nobody waiting for ever.
sub never_unlocked {
    my $dir = workdir();
    open my $holder, '<', $dir or die "$dir: $!";
    flock $holder, LOCK_EX or die "flock: $!";
    my $start = time;
    fails { endp_create("$dir/server", exclusive => 1) } undef, 'EADDRINUSE',
        'a directory that somebody else has locked';
    my $took = time - $start;
    cmp_ok $took, '>=', 9, '... is waited for';
    cmp_ok $took, '<', 30, '... not for ever';
    is names($dir), '', '... nothing is there';
}

no_leak();
done_testing;
