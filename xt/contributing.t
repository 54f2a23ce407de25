use strict;
use warnings;

# CONTRIBUTING.md can be followed: its examples, put where it says, in a copy of
# the tree, are formatted, compiled, tested over both transports and documented;
# a step that is left out is found; and what it names is there.
#
# For git checkouts; builds the library. From the top: prove -v xt/contributing.t

use Cwd        ();
use File::Temp ();
use lib 't/lib';
use Test::More;
use Files;

alarm 1200;

my $source       = Cwd::getcwd();
my $contributing = content('CONTRIBUTING.md');
my $scratch      = File::Temp->newdir( 'fdpasser-contributing-XXXXXX', TMPDIR => 1 );
my $copy         = "$scratch/copy";

# Where an example goes, by the words before it: as a file, or before or behind
# what matches.
my @PLACES = (
    [ qr/\bnew file\b/                => 'is one' ],
    [ qr/\bthe table of\s+`src/       => qr/^pub static TABLE.*\n/m ],
    [ qr/`\@EXPORT_OK` of/            => qr/^our \@EXPORT_OK = qw\(\n/m ],
    [ qr/\bunder OVERVIEW\b/          => qr/^    transport  .*\n(?:    .*\n)*/m ],
    [ qr/\bat the end of FUNCTIONS\b/ => qr/(?=^=head1 VARIABLES\n)/m ],
    [ qr/\bown_protocol\b/            => qr/^sub own_protocol \{\n.*\n/m ],
    [ qr/\bat the\s+end of\s+`/i      => qr/\z/ ],
);

sub run { my $said = `($_[0]) 2>&1 </dev/null`; return $said }

sub succeeds {
    my ( $command, $name ) = @_;
    my $said = run($command);
    return ok( $? == 0, $name || $command ) || diag($said);
}

# [ file, place, text ] of each example of the section.
sub examples {
    my ($section) = $contributing =~ /^## Adding a function.*?\n(.*?)^If Perl is needed/ms;
    my ( $file, @examples );
    while ( $section =~ /\G(.*?)^( *)```\w+\n(.*?)^\2```\n/gms ) {
        my ( $before, $indent, $text ) = ( $1, $2, $3 );
        my ($paragraph) = $before =~ /(?:.*\n\s*\n)?(.*\S)/s;
        my @named = $paragraph =~ m{`([\w/]+[.]\w+)`}g;
        $file = $named[-1] if @named;
        my ($place) = map { $_->[1] } grep { $paragraph =~ $_->[0] } @PLACES;
        push @examples, [ $file, $place, $text =~ s/^$indent//gmr ];
    }
    return @examples;
}

sub apply {
    my ( $file, $place, $text ) = @_;
    return fail("$file: where?") if !defined $place;
    $text .= "\n" if $text =~ /^=head2/;
    $text = "\n$text" if $text =~ m{^(?:///|pub fn)};
    return write_file( $file, $text ) if !ref $place && !-e $file;
    my $changed = content($file);
    $changed =~ s/($place)/$1$text/ or return fail("$file: $place");
    return write_file( $file, $changed );
}

sub without {
    my ( $file, $pattern, $code ) = @_;
    my $whole = content($file);
    write_file( $file, $whole =~ s/$pattern//r );
    $code->();
    return write_file( $file, $whole );
}

sub copy_tree {
    mkdir $copy or die "$copy: $!";
    succeeds( "git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t $copy", 'a copy' );
    chdir $copy or die "$copy: $!";
    return;
}

# What is named, but for the names that stand for others.
sub what_it_names_is_there {
    my @files = grep { !/\bNAME\b|^calls/ } $contributing =~ m{`((?:[.]ci|src|t|xt|bench|perl|debian|images)/[\w./]*)`}g;
    push @files, $contributing =~ m{\]\((?!http|\#)([^)]+)\)}g, $contributing =~ m{\b(x?t/[\w/]+[.](?:t|sh))\b}g;
    my %new = map { $_->[0] => 1 } examples();
    is join( ' ', grep { !-e && !$new{$_} } @files ), '', 'the files that it names are there';
    my %named = map { $_ => 1 } $contributing =~ /\bmake ([a-z]+)\b/g;
    my @targets = grep { $_ !~ /^(?:test|install)$/ } sort keys %named;
    my $makefile = content('Makefile');
    is join( ' ', grep { $makefile !~ /^\Q$_\E *::?/m } @targets ), '', "make knows @targets";
    return;
}

plan skip_all => 'for git checkouts' if !-e '.git';
my @examples = examples();
copy_tree();
succeeds("$^X Makefile.PL");
what_it_names_is_there();

cmp_ok scalar @examples, '>', 15, 'there are examples';
apply(@$_) for @examples;
my @tests = grep {m{^t/}} map { $_->[0] } @examples;
is scalar @tests, 2, 'two of them are tests';

succeeds('cargo fmt --check');
succeeds('cargo clippy --quiet --all-targets -- -D warnings');
succeeds("$^X Makefile.PL && make quick") or BAIL_OUT('it does not compile');
for my $transport (qw(socket streams)) {
    succeeds( "FDPASSER_TRANSPORT=$transport prove -b @tests", "the tests over $transport" );
}

my $manuals = run('prove -bv xt/pod.t');
is join( '', grep { !/short enough/ } $manuals =~ /^not ok .*\n/mg ), '', 'the manual is whole, and perhaps too long';
is run("$^X -Mblib xt/fault_injection.pl none"), "reported: \n", 'the program of the faults goes well';
without(
    'xt/fault_injection.pl',
    qr/.*is_inherited.*\n/,
    sub {
        is run("$^X -Mblib xt/fault_injection.pl none"), "never called: is_inherited\nreported: \n", '... and says what it never calls';
    }
);

isnt run('make manifest_is_complete') && $?, 0, 'new files are not in MANIFEST';
succeeds('make manifest && make manifest_is_complete');
my ($entry) = $contributing =~ /begins with the line `([^`]+)`/;
write_file( 'Changes', content('Changes') =~ s/\n\n/\n\n$entry\n    - New: is_inherited.\n\n/r );
succeeds($_) for 'prove xt/changes.t', 'prove -b t/build_versions.t';

chdir $source;
done_testing;
