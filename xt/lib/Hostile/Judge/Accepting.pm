package Hostile::Judge::Accepting;

# The clients of a listener: come in crowds, go away before they are let in. Each
# says its name when it has connected. They are let in in order, each once.

use strict;
use warnings;

use Socket;

use File::FDpasser qw(endp_create);
use File::Temp ();
use Hostile::Laws;

our @ISA = ('Hostile::Judge');

my $EMFILE = 'errno ' . Errno::EMFILE();

sub prepare {
    my ($self) = @_;
    $self->{dir} = File::Temp->newdir(TMPDIR => 1);
    %$self = (%$self, path => "$self->{dir}/s", clients => [], waiting => [], name => 0);
    $self->{listener} = endp_create($self->{path}) or die "endp_create: $!";
    return $self->{listener};
}

sub not_theirs { return }

# ---- the peers

sub act {
    my ($self, $act) = @_;
    for (1 .. $act->{count}) {
        if ($act->{do} eq 'connect') { $self->connect }
        else                         { $self->leave }
    }
    return;
}

# Where streams are emulated a client is a socket too.
sub connect {
    my ($self) = @_;
    my $type = $self->{case}{transport} eq 'streams' ? SOCK_SEQPACKET : SOCK_STREAM;
    socket my $client, AF_UNIX, $type, 0 or die "socket: $!";
    $client->blocking(0);
    connect $client, pack_sockaddr_un($self->{path}) or return $self->{lost} = 1;
    syswrite $client, my $name = $self->{name}++;
    push @{ $self->{waiting} }, $name;
    $self->{clients}[$name] = $client;
    return;
}

# It is let in all the same, and its name can be read.
sub leave {
    my ($self) = @_;
    my ($name) = grep { $self->{clients}[$_] } @{ $self->{waiting} } or return;
    close delete $self->{clients}[$name];
    return;
}

# ---- what calls gave

sub expected {
    my ($self) = @_;
    my $waiting = $self->{waiting};
    my $outcome
        = !@$waiting                               ? 'waits'
        : defined $self->{room} && !$self->{room} ? $EMFILE
        :                                            'fd ' . shift @$waiting;
    return { outcome => $outcome, text => '' };
}

# Who was let in has been let go.
sub look_at_descriptors {
    my ($self, $when) = @_;
    return if $self->is_lost;
    my %waiting = map { $_ => 1 } @{ $self->{waiting} };
    my (@held, @lost);
    for my $name (grep { $self->{clients}[$_] } 0 .. $#{ $self->{clients} }) {
        my $closed = $self->is_closed($name);
        push @lost, $name if $waiting{$name}  && $closed;
        push @held, $name if !$waiting{$name} && !$closed;
    }
    $self->broke(nothing_is_held($when, \@held, \@lost));
    return;
}

# Its acknowledgement, on streams, comes before the end.
sub is_closed {
    my ($self, $name) = @_;
    my $read = sysread $self->{clients}[$name], my $bytes, 10;
    $read = sysread $self->{clients}[$name], $bytes, 10 if $read || !defined $read && $!{ECONNRESET};
    return defined $read && $read == 0;
}

1;
