# CI's harness: what fails once is run again, alone, and named; what fails twice
# has failed.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Files;
use Program;
use Situation;

my $dir = workdir();
my %test = (
    steady   => 'print "1..1\nok 1\n"',
    unsteady => 'print "1..1\n", (-e "$0.ran" ? "" : "not "), "ok 1\n"; open STDIN, ">", "$0.ran"',
    wrong    => 'print "1..1\nnot ok 1\n"',
    dead     => 'print "1..1\nok 1\n"; exit 3',
    unfinished => 'print "1..2\nok 1\n"',
);
write_file("$dir/$_.t", "$test{$_}\n") for keys %test;

my %verdict = (
    'steady'            => [ 0, '' ],
    'unsteady'          => [ 0, 'unsteady' ],
    'steady unsteady'   => [ 0, 'unsteady' ],
    'steady wrong'      => [ 1, '' ],
    'steady dead'       => [ 1, '' ],
    'steady unfinished' => [ 1, '' ],
    'unsteady wrong'    => [ 1, 'unsteady' ],
);

for my $options ('', 'j3') {
    local $ENV{HARNESS_SUBCLASS} = 'SecondChance';
    local $ENV{HARNESS_OPTIONS}  = $options;
    for my $names (sort keys %verdict) {
        unlink "$dir/unsteady.t.ran";
        my $run = run($^X, '-MTest::Harness', '-e', 'runtests(@ARGV)',
            map {"$dir/$_.t"} split ' ', $names);
        my @unsteady = $run->{err} =~ m{^# unsteady, failed once and passed alone: .*/(\w+)\.t$}mg;
        is_deeply [ $run->{status} ? 1 : 0, "@unsteady" ], $verdict{$names}, "$names $options"
            or diag $run->{out}, $run->{err};
    }
}

no_leak();
done_testing;
