use strict;
use warnings;

# The manual says by which tests each guarantee is shown, the README says so
# shortly: the files are there, and no test of faults is left out.

use lib 't/lib';
use Test::More;
use Files;

# The files that a name stands for; t/fault_* stands for tests.
sub files {
    my ($name) = @_;
    return grep {-e} glob $name =~ /[*]\z/ ? "$name.t" : $name;
}

my ($table) = content('perl/File/FDpasser/Guarantees.pod') =~ /^=head1 TESTS\n(.*?)^=head1/ms;
my ($short) = content('README.md') =~ /^## What is guaranteed.*?\n(.*?)^## /ms;
my @named   = ( "$table$short" =~ m{\bx?t/[\w*]+(?:[.](?:t|sh))?}g );
cmp_ok scalar @named, '>', 40, 'tests are named';
is join( ' ', grep { !files($_) } @named ), '', 'each is there';

my %named = map { $_ => 1 } @named;
my @faults = glob 't/{fault,full_table,hostile,noted,signal,exception,thread,fork}_*.t';
is join( ' ', grep { !$named{$_} } @faults ), '', 'each test of faults is named';

done_testing;
