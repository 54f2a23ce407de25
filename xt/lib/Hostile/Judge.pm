package Hostile::Judge;

# Runs a case: is the peer, watches the victim, which is another process, and
# holds what happens against the model and the laws.
#
#     my @broken = Hostile::Judge::try($case);

use strict;
use warnings;

use POSIX ();
use Socket;

use Hostile::Calls;
use Hostile::Files;
use Hostile::Generator;
use Hostile::Laws;
use Hostile::Line;
use Hostile::Model;
use Hostile::Random;
use Hostile::Victim;
use Peer ();

my %TYPE = (stream => SOCK_STREAM, seqpacket => SOCK_SEQPACKET, dgram => SOCK_DGRAM);

my $PATIENCE = 20;       # seconds, for a call that should be over
my $STEADY   = 0.006;    # so long asleep, without a turn on the processor: it waits
my $LOOK     = 0.002;
my $QUIETLY  = 0.25;     # so long a wait is watched

sub try {
    my ($case) = @_;
    my $self = bless {
        case => $case, model => Hostile::Model->new($case), files => Hostile::Files->new,
        broken => [], random => Hostile::Random->new(length $case->text), held_by_queue => [],
        delivered => {}, turn => 0,
    }, __PACKAGE__;
    local $SIG{PIPE} = 'IGNORE';
    $self->start;
    $case->{live} ? $self->live : $self->by_rounds;
    $self->finish;
    return @{ $self->{broken} };
}

sub broke { my ($self, @broken) = @_; push @{ $self->{broken} }, @broken; return }

# Nothing more is compared with the model.
sub is_lost {
    my ($self) = @_;
    return $self->{lost} || $self->{model}{undetermined} || @{ $self->{broken} };
}

sub start {
    my ($self) = @_;
    my $case = $self->{case};
    my ($conn, $peer) = Peer::pair($TYPE{ $case->{type} });
    if ($case->{noted}) { Peer::note_credentials($_) for $conn, $peer }
    my ($line, $theirs) = Hostile::Line::pair();
    my $pid = fork;
    die "fork: $!" if !defined $pid;
    if (!$pid) {
        $line->close;
        close $peer;
        eval { Hostile::Victim::run($case, $conn, $theirs) };
        syswrite STDERR, "the victim: $@";
        POSIX::_exit(3);
    }
    $theirs->close;
    @$self{qw(conn peer line pid)} = ($conn, $peer, $line, $pid);
    $self->{usage} = Hostile::Usage->of($pid);
    $line->hear;    # it has its handlers now
    return;
}

# ---- the peer

sub act {
    my ($self, $act) = @_;
    my ($ids, $fhs) = $self->{files}->make($act->{descriptors} || 0);
    my $peer = $self->{peer} or return;
    if ($act->{do} eq 'shut') { shutdown $peer, 1 }
    elsif ($act->{do} =~ /\A(?:close|reset)\z/) {
        syswrite $self->{conn}, 'unread' if $act->{do} eq 'reset';
        close delete $self->{peer};
    }
    else {
        $peer->blocking(0);
        my $send = $act->{do} eq 'oob' ? \&Peer::send_oob : \&Peer::send_raw;
        my $sent = $send->($peer, $act->{bytes}, @$fhs);
        # A full queue, or too much for a packet: not this case's business.
        return $self->{lost} = 1 if !defined $sent || $sent != length $act->{bytes};
    }
    $self->{model}->act($act, @$ids);
    return;
}

# ---- acts, then calls

sub by_rounds {
    my ($self) = @_;
    for my $round (@{ $self->{case}{rounds} }) {
        $self->act($_) for @{ $round->{acts} };
        $self->{room} = $round->{room};
        $self->{left} = $round->{calls};
        $self->{line}->say(calls => $round->{calls}, defined $round->{room} ? (room => $round->{room}) : ());
        $self->watch(sub { $self->end_wait }) or return;
        $self->nothing_comes if $self->{stopped};
        $self->look_at_descriptors('between calls');
        return if @{ $self->{broken} };
    }
    return;
}

# The call that waits does so because there is nothing more for it. Its text goes
# on where it is.
sub nothing_comes {
    my ($self) = @_;
    return if $self->is_lost;
    my ($name, $most) = @{ $self->{case}{calls}[ $self->{turn} % @{ $self->{case}{calls} } ] };
    my $expected = $self->expected($name, $most) or return;
    $self->broke(is_right({ call => $name, outcome => 'waits', text => delete $self->{heard} },
        $expected));
    $self->{said} = $expected->{text} if $self->{case}{live};
    return;
}

# ---- acts while a call waits

sub live {
    my ($self) = @_;
    my @acts = map { @{ $_->{acts} } } @{ $self->{case}{rounds} };
    $self->{line}->say(calls => 1_000_000);
    $self->watch(sub {
        $self->nothing_comes;
        $self->look_at_descriptors('in a wait');
        return $self->end_wait if !@acts || @{ $self->{broken} };
        $self->act(shift @acts);
        delete $self->{asleep};
        return 1;
    });
    return;
}

# Until the victim is done; $waits is called when it waits. False if it had to
# be given up.
sub watch {
    my ($self, $waits) = @_;
    my $since = now();
    delete @$self{qw(asleep begun stopped)};
    $self->{news} = $since;
    for (;;) {
        my $heard = $self->{line}->hear($LOOK);
        if (!$heard) {
            return $self->give_up($since) if now() - $since > $PATIENCE;
            if ($self->{case}{ticking}) { $self->tick }
            elsif ($self->{case}{blocking} && $self->waits) {
                $waits->() or return;
                $since = now();
            }
            next;
        }
        return $self->give_up if !%$heard;
        $since = now();
        delete $self->{asleep};
        return 1 if $heard->{done};
        $self->heed($heard);
    }
}

sub heed {
    my ($self, $heard) = @_;
    $self->{begun} = $heard->{begins} if exists $heard->{begins};
    if (exists $heard->{ends})     { delete $self->{begun}; $self->call_is_over($heard) }
    if (exists $heard->{turned})   { $self->broke(call_is_over_in_time($heard, 0)) }
    if (exists $heard->{answered}) { $self->queue_answers($heard->{answered}) }
    if (exists $heard->{idle})     { $self->queue_is_idle($heard->{idle}) }
    if (exists $heard->{handled})  { @$self{qw(handled handled_queued)} = @$heard{qw(handled queued)} }
    return;
}

# A signal at each look; and where nothing but waiting is left, the end.
sub tick {
    my ($self) = @_;
    kill USR1 => $self->{pid};
    return if !$self->{case}{blocking};
    $self->{line}->say(stop => 1) if now() - $self->{news} > 0.02 && !$self->{stopped}++;
    return;
}

# Asleep, within a call, and no turn on the processor for a while.
sub waits {
    my ($self) = @_;
    return if !defined $self->{begun} || state_of($self->{pid}) ne 'S';
    my ($used) = $self->{usage}->look;
    if (!$self->{asleep} || $self->{asleep}{used} != $used) {
        $self->{asleep} = { used => $used, since => now() };
        return;
    }
    return now() - $self->{asleep}{since} >= $STEADY;
}

sub state_of {
    my ($pid) = @_;
    open my $stat, '<', "/proc/$pid/stat" or return '';
    return (readline($stat) =~ /\) (\S)[^)]*\z/)[0];
}

# Looks at the wait, and ends it by a signal. False if it does not end.
sub end_wait {
    my ($self) = @_;
    $self->is_quiet if $self->{random}->chance(4);
    $self->stop_and_continue if $self->{random}->chance(15);
    my (undef, $queued) = $self->{usage}->look;
    my $signalled = now();
    delete @$self{qw(handled over)};
    kill USR1 => $self->{pid};
    while (now() - $signalled < $PATIENCE && !$self->{over}) {
        my $heard = $self->{line}->hear(0.05) or next;
        last if !%$heard;
        $self->heed($heard);
    }
    my ($handled, $over) = @$self{qw(handled over)};
    $self->broke(
        handler_runs_at_once($handled && $handled - $signalled - ($self->{handled_queued} - $queued)),
        call_ends_at_once($over && $over->{at} - $signalled - ($over->{queued} - $queued)),
    );
    return $over ? 1 : $self->give_up;
}

sub is_quiet {
    my ($self) = @_;
    my ($before) = $self->{usage}->look;
    select undef, undef, undef, $QUIETLY;
    my ($after) = $self->{usage}->look;
    return $self->broke(wait_is_quiet($after - $before, $QUIETLY));
}

sub stop_and_continue {
    my ($self) = @_;
    kill STOP => $self->{pid};
    1 while state_of($self->{pid}) !~ /\A[TtZ]?\z/;
    kill CONT => $self->{pid};
    1 while state_of($self->{pid}) =~ /\A[Tt]\z/;
    return;
}

sub give_up {
    my ($self, $since) = @_;
    $self->broke(defined $since ? is_over($self->{case}{calls}[0][0], now() - $since) : ());
    kill KILL => $self->{pid};
    return;
}

# ---- what calls gave

sub call_is_over {
    my ($self, $report) = @_;
    $self->{over} = $report;
    $self->broke(call_is_over_in_time($report, $self->{case}{blocking}));
    $self->broke(readiness_ceases($report->{spins}));
    if ($self->{case}{ticking} && $report->{outcome} eq 'errno 4') {
        $self->{heard} .= $report->{text};
        return;
    }
    $report->{text} = delete($self->{heard}) . $report->{text} if defined $self->{heard};
    $self->{news} = now();
    $self->{turn} = $report->{ends} + 1;
    $report->{outcome} = $self->by_id($report->{outcome});
    $self->compare($report);
    return;
}

# What was delivered, by our own names.
sub by_id {
    my ($self, $outcome) = @_;
    my ($before, $inodes) = $outcome =~ /\A(.*fd)(?: (.*))?\z/ or return $outcome;
    return $outcome if !defined $inodes;
    my @ids = map { $self->{files}->id_of($_) } split ' ', $inodes;
    for my $id (@ids) {
        $self->broke("delivered twice: $id") if $self->{delivered}{$id}++;
    }
    return join ' ', $before, @ids;
}

sub compare {
    my ($self, $report) = @_;
    return if $self->is_lost;
    my $expected = $self->expected(@$report{qw(call most)}) or return;
    $self->broke(is_right($report, $expected));
    return;
}

sub expected {
    my ($self, $name, $most) = @_;
    my $call = { %{ Hostile::Calls::receiving($name) }, most => defined $most ? $most : 253 };
    my $expected = $self->{model}->call($call, $self->{room});
    if (!$expected) { $self->{lost} = 1; return }
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
    $self->broke(readiness_ceases($idle));
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

sub finish {
    my ($self) = @_;
    $self->{line}->say(finish => 1);
    my $heard = $self->{line}->hear($PATIENCE);
    $self->broke(nothing_is_left($heard->{left})) if $heard && exists $heard->{left};
    $self->give_up(now()) if !$heard;
    waitpid $self->{pid}, 0;
    $self->broke(lives($?)) if !@{ $self->{broken} };
    $self->what_is_left;
    return;
}

sub what_is_left {
    my ($self) = @_;
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
