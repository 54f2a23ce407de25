use strict;
use warnings;

# Perl::Critic's gentle rules, for what is installed, builds or is read as an
# example (tests do on purpose what it warns of); and every program compiles.

use ExtUtils::Manifest ();
use Test::More;
use Test::Perl::Critic ( -severity => 'gentle', -profile => 'xt/perlcriticrc' );

my @shipped = sort keys %{ ExtUtils::Manifest::maniread() };

critic_ok($_) for grep { /\.(?:PL|pl|pm)\z/ && !m{^t/} } @shipped;

# The -T that a program's first line asks for has to be asked for here, too.
sub switches {
    my $program = shift;
    open my $handle, '<', $program or die "$program: $!";
    return <$handle> =~ /^#!.*perl.* -\w*T/ ? '-T' : '';
}

for my $program ( grep {/\.(?:pl|t)\z/} @shipped ) {
    my $said = join '', `$^X ${\ switches($program) } -Mblib -It/lib -c $program 2>&1`;
SKIP: {
        skip "$program: $1", 1 if $said =~ /^(Can't locate \S+)/;
        like $said, qr/^\Q$program\E syntax OK$/m, "perl -c $program";
    }
}

done_testing;
