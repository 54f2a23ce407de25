package Hostile::Model;

# What the protocol and the guarantees say that receiving calls give: a second
# implementation, of lists, that knows no system call.
#
#     my $model = Hostile::Model->new($case);
#     $model->act($act, @ids);             # what the peer does; its descriptors
#     my $expected = $model->call($call, $room);
#     $model->queued;                      # the ids that are still in the queue
#
# Expected is { outcome, text }, outcome as in Hostile::Calls with ids in place
# of what is delivered; 'waits' where the call waits, or says EAGAIN; undef
# where they do not say.

use strict;
use warnings;

use Errno ();

my %ERRNO = map { $_ => 'errno ' . Errno->can($_)->() }
    qw(ENOTCONN EPROTO EMFILE EMSGSIZE);

my %KIND = (stream => 'Bytes', seqpacket => 'Packets', dgram => 'Packets');

sub new {
    my ($class, $case) = @_;
    my $kind = Hostile::Generator::is_stream_end($case) ? 'Messages' : $KIND{ $case->{type} };
    my $self = bless { queue => [], ended => 0, type => $case->{type}, blocking => $case->{blocking} }, "Hostile::Model::$kind";
    return $self;
}

sub act {
    my ($self, $act, @ids) = @_;
    if ($act->{do} =~ /\A(?:shut|close|reset)\z/) {
        $self->{ended} = 1 if $self->{type} ne 'dgram';
        return;
    }
    return $self->arrives($act, @ids);
}

sub queued {
    my ($self) = @_;
    return map { @{ $_->{ids} } } @{ $self->{queue} };
}

# Those that a call of this kind delivers, of those that came.
sub delivered {
    my ($self, $call, @ids) = @_;
    return 'fd ' . join ' ', $call->{takes} eq 'one' ? $ids[0] : @ids;
}

# EMFILE or EMSGSIZE, or nothing: whether what comes with the front can be taken.
# Where both are true either may be said.
sub hinders {
    my ($self, $call, $room, @ids) = @_;
    my $most = $call->{most};
    my $need = $call->{takes} eq 'one' ? 1 : @ids < $most ? @ids : $most;
    my @hinders = (
        @ids && defined $room && $need > $room       ? $ERRNO{EMFILE}   : (),
        $call->{takes} eq 'all' && @ids > $most ? $ERRNO{EMSGSIZE} : (),
    );
    return @hinders < 2 ? $hinders[0] : sub { my ($outcome) = @_; return grep { $_ eq $outcome } @hinders };
}

# ---- stream sockets

package Hostile::Model::Bytes;
our @ISA = ('Hostile::Model');

sub arrives {
    my ($self, $act, @ids) = @_;
    my $queue = $self->{queue};
    my @bytes = map { { byte => $_, ids => [] } } split //, $act->{bytes};
    if ($act->{do} eq 'oob') {
        # Of several the kernel counts the last only; whether one that was met
        # but not passed is still there nobody can say.
        $self->{undetermined} = 1 if grep { $_->{met} } @$queue;
        delete $_->{oob} for @$queue;
        $bytes[-1]{oob} = 1;
    }
    $bytes[0]{ids} = \@ids;
    push @$queue, @bytes;
    return;
}

sub call {
    my ($self, $call, $room) = @_;
    return if $self->{undetermined};
    return $self->read($call, $room) if $call->{takes} eq 'bytes';
    my ($text, @held) = ('');
    my $answer = sub { return { outcome => $_[0], text => $text } };
    my $queue = $self->{queue};
    for (;;) {
        my $met = 0;
        $met++ while $met < @$queue && $queue->[$met]{oob};
        my $next = $queue->[$met];
        if (@held && (!$next || @{ $next->{ids} })) {
            $self->{half} = 0;
            $queue->[$_]{met} = 1 for 0 .. $met - 1;
            $self->{undetermined} = 1 if grep { @{ $queue->[$_]{ids} } } 0 .. $met - 1;
            return $answer->($self->delivered($call, @held));
        }
        splice @$queue, 0, $met;
        return $answer->($self->at_the_end) if !$next;
        if (my $hindered = $self->hinders($call, $room, @{ $next->{ids} })) {
            return if $self->status_ahead;
            return $answer->($hindered);
        }
        shift @$queue;
        push @held, @{ $next->{ids} };
        if ($self->{half}) {
            $self->{half} = 0;
            my $status = ord $next->{byte};
            return $answer->("errno $status") if $status;
            return $answer->(@held ? $self->delivered($call, @held) : $ERRNO{EPROTO});
        }
        elsif ($next->{byte} eq "\0") { $self->{half} = 1 }
        else                          { $text .= $next->{byte} }
    }
}

sub at_the_end {
    my ($self) = @_;
    return 'waits' if !$self->{ended};
    my $half = $self->{half};
    $self->{half} = 0;
    return $half ? $ERRNO{EPROTO} : $ERRNO{ENOTCONN};
}

# Whether the message whose descriptors can't be taken ends with an error status:
# then it needs no room, but the manual does not say so of all.
sub status_ahead {
    my ($self) = @_;
    my $half = $self->{half};
    for my $index (0 .. $#{ $self->{queue} }) {
        my $next = $self->{queue}[$index];
        next if $next->{oob};
        return 0 if $index && @{ $next->{ids} };
        return $next->{byte} ne "\0" if $half;
        $half = $next->{byte} eq "\0";
    }
    return 0;
}

# A read may be of any length: what is checked is that it is right.
sub read {
    my ($self, $call, $room) = @_;
    my $queue = $self->{queue};
    shift @$queue while @$queue && $queue->[0]{oob};
    return { outcome => $self->{ended} ? 'bytes  fd' : 'waits', text => '' } if !@$queue;
    if (my $hindered = $self->hinders($call, $room, @{ $queue->[0]{ids} })) {
        return { outcome => $hindered, text => '' };
    }
    return { outcome => sub { $self->reads($call, @_) }, text => '' };
}

sub reads {
    my ($self, $call, $outcome) = @_;
    my $queue = $self->{queue};
    return !!grep { @{ $_->{ids} } } @$queue if $outcome eq $ERRNO{EMFILE};
    my ($hex, $ids) = $outcome =~ /\Abytes (\w+) fd ?(.*)/ or return 0;
    my ($bytes, @ids) = ('');
    while (length $bytes < length($hex) / 2) {
        my $next = shift @$queue or return 0;
        next if $next->{oob};
        return 0 if @ids && @{ $next->{ids} };
        push @ids, @{ $next->{ids} };
        $bytes .= $next->{byte};
    }
    splice @ids, $call->{most} if @ids > $call->{most};
    return unpack('H*', $bytes) eq $hex && "@ids" eq $ids;
}

# ---- packets

package Hostile::Model::Packets;
our @ISA = ('Hostile::Model');

sub arrives {
    my ($self, $act, @ids) = @_;
    push @{ $self->{queue} }, { bytes => $act->{bytes}, ids => \@ids };
    return;
}

sub call {
    my ($self, $call, $room) = @_;
    my $queue = $self->{queue};
    my $next  = $queue->[0];
    my $outcome
        = !$next                     ? $self->{ended} ? $self->end($call) : 'waits'
        : $call->{takes} eq 'bytes'  ? $self->read($call, $room)
        :                              $self->packet($call, $room);
    return if !defined $outcome;
    return { outcome => $outcome, text => '' };
}

sub end { my ($self, $call) = @_; return $call->{takes} eq 'bytes' ? 'bytes  fd' : $ERRNO{ENOTCONN} }

sub packet {
    my ($self, $call, $room) = @_;
    my $queue = $self->{queue};
    my ($bytes, @ids) = ($queue->[0]{bytes}, @{ $queue->[0]{ids} });
    my $wrong
        = $bytes eq ''       ? $ERRNO{ $self->{type} eq 'dgram' ? 'EPROTO' : 'ENOTCONN' }
        : length $bytes > 2  ? $ERRNO{EMSGSIZE}
        : length $bytes == 2 && $bytes !~ /\A\0/ ? $ERRNO{EPROTO}
        : $bytes =~ /\A\0([^\0])/s ? 'errno ' . ord $1
        : !@ids                    ? $ERRNO{EPROTO}
        :                            undef;
    my $hindered = $self->hinders($call, $room, @ids);
    # The manual says of neither that it comes before the other.
    return if defined $wrong && $hindered && length $bytes;
    return $hindered if $hindered && !defined $wrong;
    shift @$queue;
    return defined $wrong ? $wrong : $self->delivered($call, @ids);
}

sub read {
    my ($self, $call, $room) = @_;
    my $next = $self->{queue}[0];
    my @ids  = @{ $next->{ids} };
    my $hindered = $self->hinders($call, $room, @ids);
    if (length $next->{bytes} > 5) {
        return $hindered ? undef : $ERRNO{EMSGSIZE};
    }
    return $hindered if $hindered;
    shift @{ $self->{queue} };
    splice @ids, $call->{most} if @ids > $call->{most};
    return 'bytes ' . unpack('H*', $next->{bytes}) . join ' ', ' fd', @ids;
}

# ---- streams

package Hostile::Model::Messages;
our @ISA = ('Hostile::Model::Packets');

sub call {
    my ($self, $call, $room) = @_;
    return $self->read($call, $room) if $call->{takes} eq 'bytes';
    my $text  = '';
    my $queue = $self->{queue};
    my $answer = sub { return { outcome => $_[0], text => $text } };
    for (;;) {
        my $next = $queue->[0];
        if (!$next) {
            return $answer->('waits') if !$self->{ended};
            my $half = $self->{half};
            $self->{half} = 0;
            return $answer->($half ? $ERRNO{EPROTO} : $ERRNO{ENOTCONN});
        }
        my ($bytes, @ids) = ($next->{bytes}, @{ $next->{ids} });
        if (@ids) {
            return $answer->($ERRNO{EMFILE}) if defined $room && $room < 1;
            shift @$queue;
            $self->{half} = 0;
            return $answer->("fd $ids[0]");
        }
        # What announces a descriptor may need as much room as it.
        return if defined $room && $room < 1 && $bytes =~ /\0\0\z/;
        shift @$queue;
        if ($bytes eq '') {
            my $half = $self->{half};
            $self->{half} = 0;
            return $answer->($half ? $ERRNO{EPROTO} : $ERRNO{ENOTCONN});
        }
        if ($bytes !~ /\0/) {
            return if $self->{half};
            $text .= $bytes;
            next;
        }
        if ($bytes !~ /\A([^\0]*)\0(.)\z/s) {
            $self->{half} = 0;
            return $answer->($ERRNO{EPROTO});
        }
        my $status = ord $2;
        $text .= $1;
        $self->{half} = !$status;
        return $answer->("errno $status") if $status;
    }
}

# The descriptors at the front, and the bytes behind them. What announces one
# comes with it, or before it.
sub read {
    my ($self, $call, $room) = @_;
    my $queue     = $self->{queue};
    my $announced = $self->{half};
    my @ids;
    my $answer = sub {
        my ($bytes) = @_;
        $self->{half} = 0 if $announced;
        splice @ids, $call->{most} if @ids > $call->{most};
        return { outcome => 'bytes ' . unpack('H*', $bytes) . join(' ', ' fd', @ids), text => '' };
    };
    my $stops = sub {
        my ($errno) = @_;
        return @ids ? $answer->('') : { outcome => $errno, text => '' };
    };
    while (my $next = $queue->[0]) {
        my ($bytes, @with) = ($next->{bytes}, @{ $next->{ids} });
        if (@with) {
            my $rest = defined $room ? $room - (@ids < $call->{most} ? @ids : $call->{most}) : 1;
            return $stops->($ERRNO{EMFILE}) if $rest < 1;
            shift @$queue;
            push @ids, $with[0];
            return $answer->('') if $announced || @ids > 253;
            next;
        }
        return $stops->($ERRNO{EMSGSIZE}) if length $bytes > 5;
        # What announces a descriptor may need as much room as it.
        return if defined $room && $bytes =~ /\0\0\z/;
        shift @$queue;
        return $answer->($bytes) if $bytes ne "\0\0" || @ids || !$call->{most};
        ($announced, $self->{half}) = (0, 1);
        return $answer->($bytes) if !@$queue || !@{ $queue->[0]{ids} };
        $self->{half} = 0;
        push @ids, shift(@$queue)->{ids}[0];
        return $answer->($bytes);
    }
    return $answer->('') if $self->{ended};
    return $self->waits_with($stops->('waits'), @ids);
}

# A blocking call waits with what it has, which is its answer when a signal comes,
# and lost to a handler that dies.
sub waits_with {
    my ($self, $stopped, @ids) = @_;
    return $stopped if !$self->{blocking} || !@ids;
    my $queue = $self->{queue};
    unshift @$queue, map { { bytes => "\0", ids => [$_] } } @ids;
    return { %$stopped, outcome => sub {
        my ($outcome) = @_;
        splice @$queue, 0, scalar @ids if $outcome ne 'waits';
        return grep { $outcome eq $_ } 'waits', 'died', $stopped->{outcome};
    } };
}

1;
