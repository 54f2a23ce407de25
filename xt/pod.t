use strict;
use warnings;

# The manuals: well-formed, about every function, and linked to what is there.

use lib 't/lib';
use File::Find ();
use Pod::Checker 1.60 ();
use Test::More;
use Test::Pod;
use Test::Pod::Coverage;
use Files;

# In perl/File/FDpasser.pm.
my $MOST_LINES = 700;

my @files;
File::Find::find( { wanted => sub { push @files, $_ if /\.(?:pm|pod)\z/ }, no_chdir => 1 }, 'perl' );
@files = sort @files;

my $main  = content('perl/File/FDpasser.pm') =~ s/.*^__END__\n//msr;
my $below = content('perl/File/FDpasser/Upgrading.pod') =~ s/.*^=head1 THE LAYER BELOW\n//msr;
my @below = headings( 2, $below );

my %page = map { page($_) => checked($_) } @files;
for my $page ( sort keys %page ) {
    is_deeply [ grep { !leads_somewhere($_) } $page{$page}->hyperlinks ], [], "$page: its links lead to what is there";
}

for my $module ( map { page($_) } grep {/\.pm\z/} @files ) {
    pod_coverage_ok( $module, { also_private => [ $module eq 'File::FDpasser' ? map {qr/\A\Q$_\E\z/} @below : () ] } );
}

cmp_ok scalar( split /\n/, $main ), '<=', $MOST_LINES, 'the manual of File::FDpasser is short enough to be read';
every_function_is_in_the_overview();
entry_is_whole($_) for headings( 2, functions() );

done_testing;

sub page {
    my ($page) = shift =~ m{^perl/(.*)[.]};
    return $page =~ s{/}{::}gr;
}

sub checked {
    my $file = shift;
    pod_file_ok($file);
    my $checker = Pod::Checker->new( -warnings => 2 );
    open my $said, '>', \my $complaints or die $!;
    $checker->parse_from_file( $file, $said );
    is $checker->num_errors + $checker->num_warnings, 0, "$file: podchecker" or diag $complaints;
    return $checker;
}

# Links within a page are podchecker's; those to other people's are theirs.
sub leads_somewhere {
    my $link = shift;
    return 1 if $link->page !~ /^File::FDpasser/;
    my $target = $page{ $link->page } or return 0;
    return $link->node eq '' || grep { $_ eq $link->node } $target->node;
}

sub headings {
    my ( $level, $text ) = @_;
    return $text =~ /^=head$level (\w+)$/mg;
}

sub functions {
    my ($functions) = $main =~ /^=head1 FUNCTIONS\n(.*?)^=head1/ms;
    return $functions;
}

sub every_function_is_in_the_overview {
    my ($overview) = $main =~ /^=head1 OVERVIEW\n(.*?)^=head1/ms;
    my @listed = $overview =~ /^    (\w+) {2,}\S/mg;
    is_deeply \@listed, [ headings( 2, functions() ) ], 'the overview has the functions of the manual, in its order';
    my %listed = map { $_ => 1 } @listed;
    is_deeply [ grep { !$listed{$_} } @File::FDpasser::EXPORT, @File::FDpasser::EXPORT_OK ], [],
        '... and all that are exported';
}

# A call of two lines, how long it waits, and what becomes of a descriptor
# that it returns when a program is started.
sub entry_is_whole {
    my $name = shift;
    my ($entry) = functions() =~ /^=head2 \Q$name\E\n\n(.*?)(?=^=head|\z)/ms;
    my ( $example, $text ) = $entry =~ /\A((?:    [^\n]*\n|\n)+)(.*)/s or return fail "$name: begins with an example";
    like $example, qr/\b$name\b/, "$name: its example calls it";
    like $text, qr/\bwait(?:s|ing)?\b/i, "$name: how long it waits";
    return if $text !~ /returns? (?:\w+ )*(?:handles?|endpoints?|end|numbers?(?! of)|objects)\b/i;
    return like $text, qr/close-on-exec|survives exec/i, "$name: what exec does to it";
}
