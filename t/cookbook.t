# The recipes of File::FDpasser::Cookbook: whole programs, short enough to be
# read, each run as it stands by one of the tests.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Cookbook;
use Files;
use Program;
use Situation;

my $dir     = workdir();
my $runs    = join '', map { content($_) } glob 't/cookbook_*.t';
my %foreign = map { $_ => 1 } recipes('OTHER PROGRAMS');
my %LONG    = ('any_loop.pl' => 47);    # it is four programs
my %is_named;

for my $heading (recipes()) {
    my %program = programs($heading);
    ok scalar keys %program, "$heading: there is a program";
    recipe($heading, $dir);
    for my $name (sort keys %program) {
        ok !$is_named{$name}++, "... $name: no other has that name";
        cmp_ok $program{$name} =~ tr/\n//, '<=', $LONG{$name} || 40, '... it is short';
        next if $name !~ /\.pl\z/;
        my ($needs) = $program{$name} =~ /^use ((?:AnyEvent|IO::Async|Mojo|POE|IO::Socket::(?:IP|SSL))\b[\w:]*)/m;
        SKIP: {
            skip "$needs is not here", 1 if $needs && !eval "require $needs";
            is run($^X, '-c', "$dir/$name")->{err}, "$dir/$name syntax OK\n", '... it compiles';
        }
    }
    ok $runs =~ /\brecipe\('\Q$heading\E'/, '... and a test runs it' if !$foreign{$heading};
}

no_leak();
done_testing;
