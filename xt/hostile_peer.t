use strict;
use warnings;

# Hostile peers against every call that receives, sends, accepts or connects, and the
# queue and the channel: cases that were found once (xt/hostile/corpus), then new
# ones of seeds, over both transports. What the manual promises is asserted by
# xt/lib/Hostile/Laws.pm and Model.pm. Run from the top of the distribution, after
# make:
#
#     prove -bv xt/hostile_peer.t                           # 12 seconds each
#     FDPASSER_HOSTILE=300 prove -bv xt/hostile_peer.t      # ten minutes in all
#     FDPASSER_SEED=100000 prove -bv xt/hostile_peer.t      # other seeds
#
# What fails is printed with the command that runs it again.

use Test::More;

my $SECONDS = $ENV{FDPASSER_HOSTILE} || 12;
my $SEED    = $ENV{FDPASSER_SEED}    || 0;

sub run {
    my @arguments = @_;
    my @inc = map {"-I$_"} grep { !ref } @INC;
    open my $output, '-|', $^X, @inc, 'xt/hostile/run.pl', @arguments or die "run.pl: $!";
    my @lines = readline $output;
    close $output;
    return ($?, @lines);
}

for my $file (sort glob 'xt/hostile/corpus/*.case') {
    my ($status, @said) = run($file);
    is $status, 0, $file or diag @said;
}

$SEED += $SEED % 2;
for my $transport (0, 1) {
    my ($status, @said) = run('--for', $SECONDS, '--from', $SEED + $transport, '--step', 2);
    is $status, 0, $said[-1] || 'no case was run' or diag @said;
}

done_testing;
