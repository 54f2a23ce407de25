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

our @EXPORT = qw(recipes programs recipe);

my $COOKBOOK = content('perl/File/FDpasser/Cookbook.pod');

sub recipes {
    my ($chapter) = @_;
    my $text = defined $chapter ? part("=head1 $chapter", '=head1') : $COOKBOOK;
    return $text =~ /^=head2 (.*)$/mg;
}

sub programs {
    my ($heading) = @_;
    my $part = part("=head2 $heading", '=head[12]');
    my @programs;
    while ($part =~ m{^\n( {4}(?:\#|//|/\*) ([\w.-]+\.\w+): .*\n(?:(?: {4}.*)?\n)*)}mg) {
        my ($text, $name) = ($1, $2);
        push @programs, $name => $text =~ s/^ {4}//mgr =~ s/\n+\z/\n/r;
    }
    return @programs;
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

# From a heading to the next of these.
sub part {
    my ($heading, $next) = @_;
    my ($part) = $COOKBOOK =~ /^\Q$heading\E\n(.*?)^$next /ms;
    return defined $part ? $part : die "no recipe: $heading\n";
}

1;
