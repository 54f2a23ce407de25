package Hostile::Random;

# Numbers that are the same for a seed on every perl: xorshift32.

use strict;
use warnings;

sub new {
    my ($class, $seed) = @_;
    my $self = bless { state => ($seed * 2_654_435_761 + 1) & 0xffff_ffff || 1 }, $class;
    $self->below(2) for 1 .. 8;
    return $self;
}

sub below {
    my ($self, $limit) = @_;
    my $x = $self->{state};
    $x ^= ($x << 13) & 0xffff_ffff;
    $x ^= $x >> 17;
    $x ^= ($x << 5) & 0xffff_ffff;
    $self->{state} = $x;
    return $x % $limit;
}

sub between { my ($self, $least, $most) = @_; return $least + $self->below($most - $least + 1) }
sub pick    { my ($self, @of) = @_; return $of[ $self->below(scalar @of) ] }
sub chance  { my ($self, $percent) = @_; return $self->below(10_000) < 100 * $percent }

1;
