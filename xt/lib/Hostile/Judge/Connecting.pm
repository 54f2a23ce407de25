package Hostile::Judge::Connecting;

# The server of those who connect: listens and does nothing, lets some in and does
# not say so, goes away.

use strict;
use warnings;

use Errno ();
use Socket;

use File::Temp ();

our @ISA = ('Hostile::Judge');

my %ERRNO = map { $_ => 'errno ' . Errno->can($_)->() } qw(ECONNREFUSED ENOENT ENXIO ETIMEDOUT);

# listen(2) lets one more in than it says.
my $BACKLOG = 3;

sub prepare {
    my ($self) = @_;
    $self->{dir} = File::Temp->newdir(TMPDIR => 1);
    %$self = (%$self, path => "$self->{dir}/s", waiting => 0, told => 0);
    my $type = $self->is_streams ? SOCK_SEQPACKET : SOCK_STREAM;
    socket $self->{server}, AF_UNIX, $type, 0 or die "socket: $!";
    bind $self->{server}, pack_sockaddr_un($self->{path}) or die "bind: $!";
    listen $self->{server}, $BACKLOG or die "listen: $!";
    $self->{server}->blocking(0);
    return $self->{path};
}

sub is_streams { my ($self) = @_; return $self->{case}{transport} eq 'streams' }

sub not_theirs { my ($self) = @_; return $self->{server} }

# ---- the server

sub act {
    my ($self, $act) = @_;
    if    ($act->{do} eq 'accept') { $self->let_in(0) for 1 .. $act->{count} }
    elsif ($act->{do} eq 'tell')   { $self->let_in(1) for 1 .. $act->{count} }
    elsif ($act->{do} eq 'remove') { unlink $self->{path}; $self->{removed} = 1 }
    else {
        close delete $self->{server} if $self->{server};
        $self->{accepted} = [];
    }
    return;
}

# A client of a stream waits until it is told: those that were let in before are
# told late.
sub let_in {
    my ($self, $is_told) = @_;
    my $server = $self->{server} or return;
    accept my $client, $server or return;
    $self->{waiting}-- if $self->{waiting};
    push @{ $self->{accepted} }, $client;
    return if !$is_told || !$self->is_streams;
    send $_, "\0", MSG_NOSIGNAL for @{ $self->{accepted} };
    return;
}

# ---- what calls gave

# Of a stream only what is not possible is known.
sub expected {
    my ($self, $name, $timeout) = @_;
    my $gone = $self->{removed} ? 'ENOENT' : $self->{server} ? undef : 'ECONNREFUSED';
    my $may  = join '|', grep {defined} $gone ? $ERRNO{$gone} : (),
        $self->{case}{live} ? @ERRNO{qw(ECONNREFUSED ENXIO)} : (),
        $gone && !$self->{case}{live} ? () : ('connected', 'waits', 'died', 'errno 4'),
        $timeout ? $ERRNO{ETIMEDOUT} : ();
    return { outcome => sub { $self->counts($_[0]) && $_[0] =~ /\A(?:$may)\z/ }, text => '' };
}

# Nobody waits where there is room, nobody is in where there is none.
sub counts {
    my ($self, $outcome) = @_;
    return 1 if $self->{case}{live};
    my $is_full = $self->{waiting} > $BACKLOG;
    if ($outcome eq 'connected') {
        return if !$self->is_streams && $is_full;
        $self->{waiting}++;
    }
    elsif ($outcome =~ /\A(?:waits|errno 4|$ERRNO{ETIMEDOUT})\z/) {
        return if !$self->is_streams && !$is_full;
    }
    return 1;
}

1;
