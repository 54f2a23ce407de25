package Told;

# An event loop that does what it is told by on_wants, and nothing else.
#
#     my $loop  = Told->new($conn, $peer);
#     my $queue = File::FDpasser::Queue->new($conn, on_wants => $loop->on_wants);
#     $loop->run($queue);                  # until there is nothing to do

use strict;
use warnings;

sub new {
    my ($class, $conn, $peer) = @_;
    return bless { conn => $conn, peer => $peer, wants => [ 0, 0, undef ] }, $class;
}

sub on_wants {
    my ($self) = @_;
    return sub {
        (undef, @{ $self->{wants} }) = @_;
        Steps::moment();
    };
}

sub run {
    my ($self, $thing) = @_;
    for (1 .. 100) {
        $self->is_wanted or return;
        $thing->ready;
    }
    die "it spins, and wants @{[ map { $_ // 'no time' } @{ $self->{wants} } ]}\n";
}

# Writable is a connection where the peer has read everything: a small one.
sub is_wanted {
    my ($self) = @_;
    my ($read, $write, $timeout) = @{ $self->{wants} };
    return defined $timeout
        || $read  && is_readable($self->{conn})
        || $write && !is_readable($self->{peer});
}

sub is_readable {
    my ($fh) = @_;
    vec(my $bits = '', fileno $fh, 1) = 1;
    return select $bits, undef, undef, 0;
}

1;
