package Hostile::Files;

# Descriptors to send, of which it can be told who they are and whether they are
# closed everywhere: the writing ends of pipes, whose reading ends stay here.
#
#     my $files = Hostile::Files->new;
#     my ($ids, $fhs) = $files->make(28);  # forget $fhs when they are sent
#     $files->id_of($inode);
#     $files->is_closed($id);

use strict;
use warnings;

sub new { my ($class) = @_; return bless { readers => [], ids => {} }, $class }

sub make {
    my ($self, $count) = @_;
    my (@ids, @writers);
    for (1 .. $count) {
        pipe my $reader, my $writer or die "pipe: $!";
        $reader->blocking(0);
        push @{ $self->{readers} }, $reader;
        push @ids,     $#{ $self->{readers} };
        push @writers, $writer;
        $self->{ids}{ (stat $writer)[1] } = $ids[-1];
    }
    return (\@ids, \@writers);
}

sub id_of { my ($self, $inode) = @_; return defined $self->{ids}{$inode} ? $self->{ids}{$inode} : "unknown:$inode" }

sub all { my ($self) = @_; return 0 .. $#{ $self->{readers} } }

sub is_closed {
    my ($self, $id) = @_;
    my $read = sysread $self->{readers}[$id], my $byte, 1;
    return defined $read && $read == 0;
}

1;
