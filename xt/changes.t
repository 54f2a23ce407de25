use strict;
use warnings;

# The history, as the programs of CPAN read it.

use CPAN::Changes;
use Test::More;
use version ();

open my $module, '<', 'perl/File/FDpasser.pm' or die $!;
my ($version) = map { /^our \$VERSION = '(.*)';/ ? $1 : () } <$module>;

my $next     = '{{$NEXT}}';
my $changes  = CPAN::Changes->load( 'Changes', next_token => qr/\Q$next\E/ );
my @releases = grep { $_->version ne $next } $changes->releases;
my $newest   = $releases[-1];

is $newest->version, $version, 'it ends with this version';
for my $release (@releases) {
    my $name = $release->version;
    like $release->date, qr/^\d{4}(?:-\d\d-\d\d)?\z/, "$name has a date";
    ok scalar( map {@$_} $release->changes ? values %{ $release->changes } : () ), "$name has changes";
}

# In each of the ways in which versions are compared it comes after 0.09.
cmp_ok $version, '>',  '0.09', "$version > 0.09";
cmp_ok $version, 'gt', '0.09', "$version gt 0.09";
cmp_ok( version->parse($version), '>', version->parse('0.09'), 'version.pm' );

done_testing;
