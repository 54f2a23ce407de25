package Manual;

# What the manuals show, for tests that run it.
#
#     use Manual;
#
#     my $text  = section('SYNOPSIS', content($file));   # a =head1 or =head2
#     my @shown = blocks($text);                         # what is verbatim in it
#
# Two blocks have a word between them; an empty line separates none.

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(section blocks);

sub section {
    my ($heading, $text) = @_;
    my ($section) = $text =~ /^=head[12] \Q$heading\E\n(.*?)(?=^=head[12] |\z)/ms;
    return defined $section ? $section : die "no section $heading\n";
}

# Without their indentation.
sub blocks {
    my ($text) = @_;
    return map { s/^ {4}//mgr =~ s/\A\n*(.*?)\n*\z/$1\n/sr } $text =~ /^((?: {4}[^\n]*\n|\n(?=\n* {4}))+)/mg;
}

1;
