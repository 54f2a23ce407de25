package Hostile::Shrink;

# The least case that still breaks a law: what can be left out is left out, one
# thing after the other, until nothing more can.
#
#     my $less = Hostile::Shrink::least($case);

use strict;
use warnings;

use Hostile::Case;
use Hostile::Judge;

my $TIMES = 2;    # a case may break now and then only

sub least {
    my ($case) = @_;
    my @broken = Hostile::Judge::try($case);
    my $kind   = kind(@broken);
    return $case if !@broken;
    my $less;
    do {
        $less = undef;
        for my $try (smaller($case)) {
            my ($same) = grep { kind(Hostile::Judge::try($try)) eq $kind } 1 .. $TIMES;
            next if !$same;
            $less = $case = $try;
            last;
        }
    } while ($less);
    $case->{why} = join '', map {"$_\n"} Hostile::Judge::try($case);
    return $case;
}

# The sentence that was broken, without the details.
sub kind {
    my ($first) = @_;
    return defined $first ? ($first =~ /\A([^:]*)/)[0] : '';
}

sub copy { my ($case) = @_; return Hostile::Case->parse($case->text) }

# Big steps first.
sub smaller {
    my ($case) = @_;
    my @rounds = @{ $case->{rounds} };
    my @tries;
    my $try = sub {
        my ($change) = @_;
        my $copy = copy($case);
        $change->($copy);
        push @tries, $copy;
    };
    for (my $size = int(@rounds / 2); $size >= 1; $size = int($size / 2)) {
        for (my $at = 0; $at < @rounds; $at += $size) {
            $try->(sub { splice @{ $_[0]{rounds} }, $at, $size });
        }
    }
    for my $r (0 .. $#rounds) {
        my $acts = @{ $rounds[$r]{acts} };
        for my $a (reverse 0 .. $acts - 1) { $try->(sub { splice @{ $_[0]{rounds}[$r]{acts} }, $a, 1 }) }
        if ($r < $#rounds) {
            $try->(sub {
                my ($first, $second) = splice @{ $_[0]{rounds} }, $r, 2;
                unshift @{ $second->{acts} }, @{ $first->{acts} };
                splice @{ $_[0]{rounds} }, $r, 0, $second;
            });
        }
        $try->(sub { delete $_[0]{rounds}[$r]{room} }) if defined $rounds[$r]{room};
        $try->(sub { $_[0]{rounds}[$r]{calls} = int($_[0]{rounds}[$r]{calls} / 2) || 1 })
            if $rounds[$r]{calls} > 1;
        for my $a (0 .. $acts - 1) {
            my $act = $rounds[$r]{acts}[$a];
            for my $fewer (grep { $_ < ($act->{descriptors} || 0) } 1, 2) {
                $try->(sub { $_[0]{rounds}[$r]{acts}[$a]{descriptors} = $fewer });
            }
            my $length = length($act->{bytes} || '');
            $try->(sub { substr $_[0]{rounds}[$r]{acts}[$a]{bytes}, int($length / 2), 1, '' }) if $length > 2;
            $try->(sub { substr $_[0]{rounds}[$r]{acts}[$a]{bytes}, 0, int($length / 2), '' }) if $length > 8;
        }
    }
    for my $flag (qw(noted live ticking blocking)) {
        $try->(sub { delete $_[0]{$flag} }) if $case->{$flag} && !($flag eq 'noted' && $case->{transport} eq 'streams');
    }
    $try->(sub { pop @{ $_[0]{calls} } }) if @{ $case->{calls} } > 1;
    return @tries;
}

1;
