# The limit as users meet it: `ulimit -n` of the shell that starts the program.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Script;

my $script = script(<<'END');
use File::FDpasser;
use Errno;
my ($left, $right) = spipe();
open my $file, '<', $0 or die "$0: $!";
my ($want, @held) = shift;
my $sent = 0;
while ($sent < $want) {    # other jobs of this user may have many in flight
    if    (send_file($left, $file)) { $sent++ }
    elsif ($!{ETOOMANYREFS})        { select undef, undef, undef, 0.02 }
    else                            { last }
}
while (my $got = recv_fh($right)) { push @held, $got }
print $!{EMFILE} ? "full\n" : "$!\n";
my $count = @held;
for (my $more = 1; $more;) {
    shift @held;
    $more = $count < $sent ? recv_fh($right) : undef;
    if ($more) { push @held, $more; $count++ }
}
print "sent $sent, received $count\n";
END

# More than there is room for, and no more than a user may have in flight.
for my $limit (16, 20, 32) {
    my $count = $limit - 1;
    my $run = $script->run(shell => "ulimit -n $limit", arguments => [$count]);
    is_deeply [ @$run{qw(out err status)} ],
        [ "full\nsent $count, received $count\n", '', 0 ], "ulimit -n $limit";
}

# A table without any room, from the first call on.
{
    my $run = script(<<'END')->run(shell => 'ulimit -n 12');
use File::FDpasser;
use Errno;
my ($left, $right) = spipe();
select undef, undef, undef, 0.02
    until send_file($left, \*STDIN) || !$!{ETOOMANYREFS};
my @filler;
while (open my $filler, '<&', \*STDIN) { push @filler, $filler }
for my $try (1 .. 2) {
    print defined recv_fd($right) ? "received\n" : $!{EMFILE} ? "full\n" : "$!\n";
    pop @filler;
}
END
    is_deeply [ @$run{qw(out err status)} ], [ "full\nreceived\n", '', 0 ],
        'the first call finds no room';
}

no_leak();
done_testing;
