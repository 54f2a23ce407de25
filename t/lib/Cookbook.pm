package Cookbook;

# The recipes of File::FDpasser::Cookbook, taken out of it.
#
# A recipe is what is below a =head2. A program begins, after an empty line, with
# a comment that names its file: `# lender.pl: ...`, and in other languages
# `// peer.go: ...` or `/* peer.c: ... */`. It ends where the verbatim text does,
# so that there is a word between two programs. Other verbatim text is what is
# typed, or seen.
#
#     use Cookbook;
#
#     my @headings = recipes('OTHER PROGRAMS');   # of one =head1; of all
#     my %program  = programs($heading);          # name => text
#     my @paths    = recipe($heading, $dir);      # its programs, written there,
#                                                 # in their order

use strict;
use warnings;

use Exporter 'import';
use Files;
use Manual;

our @EXPORT = qw(recipes programs recipe);

my $COOKBOOK = content('perl/File/FDpasser/Cookbook.pod');

sub recipes {
    my ($chapter) = @_;
    my $text = defined $chapter
        ? $COOKBOOK =~ s/.*^=head1 \Q$chapter\E\n(.*?)^=head1 .*/$1/msr : $COOKBOOK;
    return $text =~ /^=head2 (.*)$/mg;
}

sub programs {
    my ($heading) = @_;
    return map { m{(?:\A|\n\n)((?:\#|//|/\*) ([\w.-]+\.\w+): .*)}s ? ($2 => $1) : () }
        blocks(section($heading, $COOKBOOK));
}

sub recipe {
    my ($heading, $dir) = @_;
    my @programs = programs($heading) or die "no program: $heading\n";
    my @paths;
    while (my ($name, $text) = splice @programs, 0, 2) {
        push @paths, "$dir/$name";
        write_file($paths[-1], $text);
    }
    return @paths;
}

1;
