use strict;
use warnings;

# Perl::Critic's gentle rules, for what is installed, builds or is read as an
# example or a recipe (tests do on purpose what it warns of); and that it compiles.

use ExtUtils::Manifest ();
use File::Temp ();
use lib 't/lib';
use Cookbook;
use Test::More;
use Test::Perl::Critic ( -severity => 'gentle', -profile => 'xt/perlcriticrc' );

my @shipped = sort keys %{ ExtUtils::Manifest::maniread() };

critic_ok($_) for grep { /\.(?:PL|pl|pm)\z/ && !m{^t/} } @shipped;

my $recipes = File::Temp->newdir;
critic_ok($_) for grep {/\.pl\z/} map { recipe( $_, $recipes ) } recipes();

for my $file ( grep {m{^(?:examples|inc|perl)/.*\.p[lm]\z}} @shipped ) {
    my $said = `$^X -Mblib -Iinc -c $file 2>&1`;
SKIP: {
        skip "$file: $1", 1 if $said =~ /^(Can't locate \S+)/;
        like $said, qr/^\Q$file\E syntax OK$/m, "perl -c $file";
    }
}

done_testing;
