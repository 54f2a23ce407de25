package Hostile::Judge::Sending;

# The peer of a sender: reads, or does not, or goes away. What it finds is what the
# calls said of themselves: all of that, in order, and nothing else.

use strict;
use warnings;

use Errno ();
use POSIX ();
use Socket qw(MSG_DONTWAIT MSG_PEEK);

use Hostile::Generator;
use Hostile::Laws;
use Peer ();

our @ISA = ('Hostile::Judge');

my $EPIPE     = 'errno ' . Errno::EPIPE();
my $EMFILE    = 'errno ' . Errno::EMFILE();
my $ETIMEDOUT = 'errno ' . Errno::ETIMEDOUT();

# What a call may say, and that waits, where nobody knows how much room there is.
my %MAY = map { ("errno $_" => 1) } Errno::EAGAIN(), Errno::EINTR();

sub prepare {
    my ($self) = @_;
    %$self = (%$self, pieces => [], bytes => [''], ids => []);
    @$self{qw(conn peer)} = Hostile::Judge::pair($self->{case});
    $self->{peer}->blocking(0);
    $self->{raises} = !$self->is_packets;
    return $self->{conn};
}

sub not_theirs { my ($self) = @_; return $self->{peer} }

# ---- the peer

sub act {
    my ($self, $act) = @_;
    my $peer = $self->{peer} or return;
    if ($act->{do} eq 'read') { $self->read_once or last for 1 .. $act->{count} }
    elsif ($act->{do} eq 'shut') { shutdown $peer, 0; $self->{gone} = 1 }
    else {
        send $self->{conn}, 'unread', MSG_DONTWAIT if $act->{do} eq 'reset';
        close delete $self->{peer};
        $self->{gone} = 1;
    }
    return;
}

# Of a stream a packet with a descriptor has no bytes of its own.
sub read_once {
    my ($self) = @_;
    my ($bytes, @numbers) = Peer::recv_raw($self->{peer}, 65_536);
    return if !defined $bytes || $bytes eq '' && !@numbers && !$self->is_packets;
    push @{ $self->{ids} }, map { (POSIX::fstat($_))[1] } @numbers;
    POSIX::close($_) for @numbers;
    if    ($self->is_packets) { push @{ $self->{bytes} }, $bytes }
    elsif (!@numbers || !$self->is_stream_end) { $self->{bytes}[0] .= $bytes }
    return 1;
}

sub is_stream_end { my ($self) = @_; return Hostile::Generator::is_stream_end($self->{case}) }

sub is_packets {
    my ($self) = @_;
    return $self->{case}{type} ne 'stream' && !$self->is_stream_end;
}

sub sees_nothing {
    my ($self) = @_;
    return !defined recv $self->{peer}, my $byte, 1, MSG_PEEK | MSG_DONTWAIT;
}

# ---- what calls gave

sub went { my ($self, @pieces) = @_; push @{ $self->{pieces} }, @pieces; return }

sub expected {
    my ($self, $name) = @_;
    return { outcome => sub { $self->may_be($name, @_) }, text => '' };
}

sub may_be {
    my ($self, $name, $outcome) = @_;
    return $self->may_be_of_nobody($name, $outcome) if $self->{gone};
    return 1 if $outcome =~ /\Awent [1-9]/ || $outcome eq 'died';
    # A wait ends when all is read; a channel's, with its time.
    return !$self->sees_nothing if $outcome eq 'waits';
    return 1 if defined $self->{case}{timeout} && $outcome eq $ETIMEDOUT;
    # What waits takes numbers.
    return $MAY{$outcome} || $outcome eq $EMFILE && $name =~ /channel|push/;
}

# What was begun before it went may say how far it came, or that its time was over.
sub may_be_of_nobody {
    my ($self, $name, $outcome) = @_;
    my $begun = $self->{case}{live} || $name eq 'push';
    return $outcome eq $EPIPE || $begun && $outcome =~ /\A(?:went [1-9]|died|$ETIMEDOUT\z)/
        || $self->{case}{type} eq 'dgram' && $outcome =~ /\Aerrno/;
}

sub queue_answers {
    my ($self, $outcome) = @_;
    $self->{left}--;
    $self->broke(is_right({ call => 'queue', outcome => $outcome }, $self->expected('push'))) if !$self->is_lost;
    return;
}

sub queue_is_idle { my ($self, $idle) = @_; return $self->broke(readiness_ceases($idle)) }

# ---- the end

sub meanwhile {
    my ($self) = @_;
    1 while $self->{peer} && !$self->{gone} && $self->read_once;
    return 0.002;
}

sub what_is_left {
    my ($self) = @_;
    return if @{ $self->{broken} };
    $self->meanwhile;
    $self->broke(all_came($self->ids_came), all_came($self->bytes_came));
    return;
}

# Of what is torn a beginning has come.
sub ids_came {
    my ($self) = @_;
    my @came = @{ $self->{ids} };
    for my $piece (@{ $self->{pieces} }) {
        my @ids = @{ $piece->{ids} };
        shift @came, shift @ids while @ids && @came && $ids[0] eq $came[0];
        next if !@ids || $piece->{torn};
        return ('descriptors', $self->{gone} && !@came ? () : 'lacks ' . @ids) ;
    }
    return ('descriptors', @came ? 'has more: ' . @came : ());
}

sub bytes_came {
    my ($self) = @_;
    return ('packets', $self->packets_came) if $self->is_packets;
    my $came = $self->{bytes}[0];
    for my $piece (@{ $self->{pieces} }) {
        return 'bytes' if $piece->{torn};
        my $same  = same($came, $piece->{bytes});
        my $least = defined $piece->{least} ? $piece->{least} : length $piece->{bytes};
        substr $came, 0, $same, '';
        return 'bytes' if $self->{gone} && $came eq '';
        return ('bytes', "$same of $least, then " . unpack 'H*', substr $came, 0, 10) if $same < $least;
    }
    return ('bytes', $came eq '' ? () : 'more: ' . unpack 'H*', substr $came, 0, 10);
}

# How many bytes two strings have in common at their beginnings.
sub same {
    my ($one, $other) = @_;
    (my $differs = $one ^ substr $other, 0, length $one) =~ /\A\0*/;
    return $+[0] > length $other ? length $other : $+[0];
}

sub packets_came {
    my ($self) = @_;
    my (undef, @came) = @{ $self->{bytes} };
    for my $piece (@{ $self->{pieces} }) {
        return if $piece->{torn};
        my $packet = shift @came;
        return if !defined $packet && $self->{gone};
        return 'one is not there or not as it was sent' if !defined $packet || $packet ne $piece->{bytes};
    }
    return @came ? 'more' : ();
}

1;
