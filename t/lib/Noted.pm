package Noted;

# A test once more, on connections that note who sends: both ends of each pair
# have SO_PASSCRED set, so that every message brings a control message more.
#
#     use Noted;
#     Noted::again('t/hostile_peer.t');    # becomes that test

use strict;
use warnings;

use OverStreams;

sub again {
    my ($test) = @_;
    exec {$^X} $^X, (map {"-I$_"} grep { !ref } @INC), '-MNoted=pairs', $test
        or die "$^X: $!";
}

sub import {
    my ($class, $what) = @_;
    return if !$what;
    require Peer;
    my $pair = \&Peer::pair;
    no warnings 'redefine';
    *Peer::pair = sub {
        my @sockets = $pair->(@_);
        Peer::note_credentials($_) for @sockets;
        return @sockets;
    };
}

1;
