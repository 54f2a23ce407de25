package Statistics;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(median spread ratios);

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return undef if !@sorted;
    return ( $sorted[ $#sorted / 2 ] + $sorted[ @sorted / 2 ] ) / 2;
}

# Half the distance between the quartiles, in percent of the median.
sub spread {
    my @sorted = sort { $a <=> $b } @_;
    return 0 if @sorted < 2;
    my ( $low, $high ) = map { $sorted[ $_ * $#sorted + 0.5 ] } 0.25, 0.75;
    return 50 * ( $high - $low ) / median(@sorted);
}

# Round by round, so that what slows both down does not count.
sub ratios {
    my ( $ours, $theirs ) = @_;
    my $rounds = @$ours < @$theirs ? @$ours : @$theirs;
    return map { $ours->[$_] / $theirs->[$_] } 0 .. $rounds - 1;
}

1;
