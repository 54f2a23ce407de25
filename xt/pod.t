use strict;
use warnings;

# The manuals: well-formed, and about every function.

use File::Find ();
use Pod::Checker 1.60 ();
use Test::More;
use Test::Pod;
use Test::Pod::Coverage;

my @modules;
File::Find::find( { wanted => sub { push @modules, $_ if /\.pm\z/ }, no_chdir => 1 }, 'perl' );

for my $file ( sort @modules ) {
    pod_file_ok($file);

    my $checker = Pod::Checker->new( -warnings => 1 );
    open my $said, '>', \my $complaints or die $!;
    $checker->parse_from_file( $file, $said );
    is $checker->num_errors + $checker->num_warnings, 0, "$file: podchecker" or diag $complaints;

    my ($module) = $file =~ m{^perl/(.*)\.pm\z};
    pod_coverage_ok( $module =~ s{/}{::}gr );
}

done_testing;
