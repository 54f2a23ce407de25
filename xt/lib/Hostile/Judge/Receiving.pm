package Hostile::Judge::Receiving;

# The peer of a receiver, or of a queue that receives: what it sends, and what has
# become of every descriptor.

use strict;
use warnings;

use POSIX ();
use Socket qw(MSG_DONTWAIT);

use Hostile::Calls;
use Hostile::Files;
use Hostile::Laws;
use Hostile::Model;
use Peer ();

our @ISA = ('Hostile::Judge');

sub prepare {
    my ($self) = @_;
    my $case = $self->{case};
    %$self = (%$self, model => Hostile::Model->new($case), files => Hostile::Files->new,
        held_by_queue => [], delivered => {});
    @$self{qw(conn peer)} = Hostile::Judge::pair($case);
    return $self->{conn};
}

sub not_theirs { my ($self) = @_; return $self->{peer} }

sub is_lost {
    my ($self) = @_;
    return $self->SUPER::is_lost || $self->{model}{undetermined};
}

# ---- the peer

sub act {
    my ($self, $act) = @_;
    my $peer = $self->{peer} or return;
    return $self->flood($act) if $act->{do} eq 'flood';
    my ($ids, $fhs) = $self->{files}->make($act->{descriptors} || 0);
    if ($act->{do} eq 'shut') { shutdown $peer, 1 }
    elsif ($act->{do} =~ /\A(?:close|reset)\z/) {
        send $self->{conn}, 'unread', MSG_DONTWAIT if $act->{do} eq 'reset';
        close delete $self->{peer};
    }
    else {
        $peer->blocking(0);
        my $send = $act->{do} eq 'oob' ? \&Peer::send_oob : \&Hostile::Judge::send_one;
        my $sent = $send->($peer, $act->{bytes}, @$fhs);
        # A full queue, or too much for a packet: not this case's business.
        return $self->{lost} = 1 if !defined $sent || $sent != length $act->{bytes};
    }
    $self->{model}->act($act, @$ids);
    return;
}

# ---- what calls gave

sub compare {
    my ($self, $report) = @_;
    $report->{outcome} = $self->by_id($report->{outcome});
    return $self->SUPER::compare($report);
}

# What was delivered, by our own names.
sub by_id {
    my ($self, $outcome) = @_;
    my ($before, $inodes) = $outcome =~ /\A(.*fd)(?: (.*))?\z/ or return $outcome;
    return $outcome if !defined $inodes;
    my @ids = map { $self->{files}->id_of($_) } split ' ', $inodes;
    for my $id (@ids) {
        $self->broke("delivered twice: $id") if $self->{delivered}{$id}++ && !$self->{flooded};
    }
    return join ' ', $before, @ids;
}

sub expected {
    my ($self, $name, $most) = @_;
    my $call = { takes => Hostile::Calls::takes($name), most => defined $most ? $most : 253 };
    my $expected = $self->{model}->call($call, $self->{room}) or return;
    my $said = delete $self->{said};
    $expected->{text} = $said . $expected->{text} if defined $said;
    return $expected;
}

# A queue's callbacks: a batch goes to several.
sub queue_answers {
    my ($self, $outcome) = @_;
    $outcome = $self->by_id($outcome);
    $self->{left}--;
    return if $self->is_lost;
    my $expected = $self->queue_expects;
    return if !$expected;
    $self->broke(is_right({ call => 'queue', outcome => $outcome }, $expected));
    return;
}

sub queue_expects {
    my ($self) = @_;
    my $held = $self->{held_by_queue};
    if (!@$held) {
        my $call = { takes => 'all', most => 253 };
        my $expected = $self->{model}->call($call, $self->{room});
        my $ended_early = $expected && $expected->{outcome} eq 'errno 107' && !$self->{model}{ended};
        if (!$expected || $ended_early) { $self->{lost} = 1; return }
        return $expected if $expected->{outcome} !~ /\Afd (.*)/;
        push @$held, split ' ', $1;
    }
    elsif (defined $self->{room}) {
        # What the callbacks close makes room.
        $self->{lost} = 1;
        return;
    }
    return { outcome => 'fd ' . shift @$held };
}

sub queue_is_idle {
    my ($self, $idle) = @_;
    $self->broke(readiness_ceases($idle)) if !$self->{flood};
    return if $self->is_lost || $self->{left} < 1;
    my $expected = $self->queue_expects or return;
    return if $expected->{outcome} =~ /\A(?:waits|errno 24)\z/;
    $self->broke(is_right({ call => 'queue', outcome => 'waits' }, $expected));
    return;
}

# ---- descriptors

sub look_at_descriptors {
    my ($self, $when) = @_;
    return if $self->is_lost;
    $self->account($when, $self->{model}->queued, @{ $self->{held_by_queue} });
    return;
}

# Those that are somewhere are open, all others are closed.
sub account {
    my ($self, $when, @somewhere) = @_;
    my %somewhere = map { $_ => 1 } @somewhere;
    my (@held, @lost);
    for my $id ($self->{files}->all) {
        my $closed = $self->{files}->is_closed($id);
        push @lost, $id if $somewhere{$id}  && $closed;
        push @held, $id if !$somewhere{$id} && !$closed;
    }
    $self->broke(nothing_is_held($when, \@held, \@lost));
    return;
}

sub what_is_left {
    my ($self) = @_;
    return if $self->{flooded};
    my ($rest, @queued) = $self->drain;
    return if @{ $self->{broken} };
    $self->broke(map {"delivered and queued: $_"} grep { $self->{delivered}{$_} } @queued);
    $self->account('at the end', @queued);
    $self->broke(rest_is_untouched($rest, $self->rest_expected)) if !$self->is_lost;
    return;
}

# What lies in the victim's queue: bytes in hexadecimal, and descriptors, which
# are kept open.
sub drain {
    my ($self) = @_;
    my (@pieces, @ids);
    $self->{conn}->blocking(0);
    for my $try (1 .. 2000) {
        my ($bytes, @numbers) = Peer::recv_raw($self->{conn}, 65_536);
        next if !defined $bytes && $!{ECONNRESET};
        last if !defined $bytes || $bytes eq '' && !@numbers && $self->{model}{ended}
            && $self->{case}{type} eq 'stream';
        push @pieces, unpack 'H*', $bytes;
        push @ids, map { $self->{files}->id_of((POSIX::fstat($_))[1]) } @numbers;
        push @{ $self->{kept} }, map { open my $fh, '<&=', $_; $fh } @numbers;
        last if $bytes eq '' && !@numbers && @pieces > 500;
    }
    pop @pieces while @pieces && $pieces[-1] eq '';
    return (join($self->{case}{type} eq 'stream' ? '' : ' ', @pieces), @ids);
}

sub rest_expected {
    my ($self) = @_;
    my $queue = $self->{model}{queue};
    return join '', map { $_->{oob} ? '' : unpack 'H*', $_->{byte} } @$queue
        if $self->{case}{type} eq 'stream';
    my @pieces = map { unpack 'H*', $_->{bytes} } @$queue;
    pop @pieces while @pieces && $pieces[-1] eq '';
    return join ' ', @pieces;
}

1;
