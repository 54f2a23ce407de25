# Each recipe for another program is run by one of the tests beside this one.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Cookbook;
use Files;

my $runs = join '', map { content($_) } glob 'xt/real_programs/*.t';
for my $heading (recipes('OTHER PROGRAMS')) {
    ok $runs =~ /\brecipe\('\Q$heading\E'/, $heading;
}

done_testing;
