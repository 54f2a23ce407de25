use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Situation;

# One version, everywhere; and a library that belongs to another version of
# the module is refused, not run.

use version ();
use File::FDpasser ();

sub content {
    my ($file) = @_;
    open my $handle, '<', $file or die "$file: $!";
    local $/;
    return scalar <$handle>;
}

sub from {
    my ( $file, $pattern ) = @_;
    my ($found) = content($file) =~ $pattern;
    return $found;
}

my $version = $File::FDpasser::VERSION;
my $normal  = version->parse($version)->normal;

is 'v' . from( 'Cargo.toml', qr/^version = "([^"]+)"/m ), $normal, 'Cargo.toml';
is 'v' . from( 'Cargo.lock', qr/^name = "file-fdpasser"\nversion = "([^"]+)"/m ), $normal,
    'Cargo.lock';
is from( $_, qr/^our \$VERSION = '([^']+)';/m ), $version, $_
    for glob 'perl/File/FDpasser/*.pm';
is from( 'Changes', qr/^(\d\S*)/m ), $version, 'the newest release in Changes is this version';

my $other = q{
    require XSLoader;
    $File::FDpasser::VERSION = $File::FDpasser::XS_VERSION = '9.99';
    eval { XSLoader::load('File::FDpasser', '9.99'); 1 } and die 'loaded';
    print $@;
};
like run_perl( '-e', $other ), qr/object version \Q$version\E does not match/,
    'a module of another version does not get this library';

no_leak();
done_testing;
