package Hostile::Judge;

# Runs a case: is the peer, watches the victim, which is another process, and
# holds what happens against the model and the laws.
#
#     my @broken = Hostile::Judge::try($case);
#
# What is attacked has a class of its own, Hostile::Judge::Receiving and so on,
# with
#     prepare              makes what the victim is given, and returns it; what
#                          it is not to have is what `not_theirs` returns
#     act($act)            does what the peer does next
#     expected($name, $most)   what the model says of a call, or nothing
#     look_at_descriptors($when)
#     what_is_left         the end

use strict;
use warnings;

use POSIX ();
use Socket;

use Hostile::Calls;
use Hostile::Generator;
use Hostile::Laws;
use Hostile::Line;
use Hostile::Random;
use Hostile::Victim;
use Peer ();

my %TYPE = (stream => SOCK_STREAM, seqpacket => SOCK_SEQPACKET, dgram => SOCK_DGRAM);

my $PATIENCE = 20;       # seconds, for a call that should be over
my $STEADY   = 0.006;    # so long asleep, without a turn on the processor: it waits
my $DOUBTED  = 0.5;      # the same where that would be wrong
my $LOOK     = 0.002;
my $QUIETLY  = 0.25;     # so long a wait is watched
my $BUSY     = 0.1;      # so long in a call, while a peer floods: it may be interrupted

sub try {
    my ($case) = @_;
    my $class = 'Hostile::Judge::' . ucfirst Hostile::Calls::attack($case->{calls}[0][0]);
    my $self  = bless {
        case => $case, broken => [], random => Hostile::Random->new(length $case->text),
        turn => 0, left => 0, steady => $STEADY,
    }, $class;
    local $SIG{PIPE} = 'IGNORE';
    $self->start;
    $case->{live} ? $self->live : $self->by_rounds;
    $self->finish;
    return @{ $self->{broken} };
}

sub broke {
    my ($self, @broken) = @_;
    for my $broken (@broken) {
        push @{ $self->{broken} }, $broken if !grep { $_ eq $broken } @{ $self->{broken} };
    }
    return;
}

# Nothing more is compared with the model.
sub is_lost {
    my ($self) = @_;
    return $self->{lost} || @{ $self->{broken} };
}

sub start {
    my ($self) = @_;
    my $case = $self->{case};
    my $on   = $self->prepare;
    my ($line, $theirs) = Hostile::Line::pair();
    my $pid = fork;
    die "fork: $!" if !defined $pid;
    if (!$pid) {
        $line->close;
        close $_ for $self->not_theirs;
        eval { Hostile::Victim::run($case, $on, $theirs) };
        syswrite STDERR, "the victim: $@";
        POSIX::_exit(3);
    }
    $theirs->close;
    @$self{qw(line pid)} = ($line, $pid);
    $self->{usage} = Hostile::Usage->of($pid);
    $line->hear;    # it has its handlers now
    return;
}

# The victim's end, and the peer's.
sub pair {
    my ($case) = @_;
    my ($conn, $peer) = Peer::pair($TYPE{ $case->{type} });
    if ($case->{noted}) { Peer::note_credentials($_) for $conn, $peer }
    return ($conn, $peer);
}

# One message, also where streams are emulated.
sub send_one {
    my ($peer, $bytes, @fhs) = @_;
    return Peer::send_control($peer, $bytes, @fhs ? Peer::rights(@fhs) : ());
}

# ---- acts, then calls

sub by_rounds {
    my ($self) = @_;
    for my $round (@{ $self->{case}{rounds} }) {
        $self->act($_) for @{ $round->{acts} };
        $self->{room} = $round->{room};
        # A queue's callbacks wait on from one round to the next.
        $self->{left} = $round->{calls} if $round->{calls} > $self->{left};
        $self->{line}->say(calls => $round->{calls}, defined $round->{room} ? (room => $round->{room}) : ());
        $self->watch(sub { $self->end_wait }) or return;
        $self->nothing_comes if $self->{ticked};
        $self->look_at_descriptors('between calls');
        return if @{ $self->{broken} };
    }
    return;
}

# The call that waits does so because there is nothing more for it, and its text
# goes on where it is. False where that would be wrong: it may only have had no
# turn yet, so it is looked at for longer before it counts.
sub nothing_comes {
    my ($self) = @_;
    return 1 if $self->is_lost;
    my ($name, $most) = $self->call_now;
    my $expected = $self->foresee($name, $most) or return 1;
    my @broken = is_right({ call => $name, outcome => 'waits', text => $self->{heard} }, $expected);
    if (@broken && $self->{steady} < $DOUBTED && !$self->{ticked}) {
        @$self{qw(foreseen steady)} = ($expected, $DOUBTED);
        return;
    }
    $self->broke(@broken);
    delete $self->{heard};
    $self->{said} = $expected->{text} if $self->{case}{live};
    return 1;
}

sub foresee {
    my ($self, @call) = @_;
    my $expected = delete $self->{foreseen} || $self->expected(@call);
    $self->{lost} = 1 if !$expected;
    return $expected;
}

# ---- acts while a call waits

sub live {
    my ($self) = @_;
    my @acts = map { @{ $_->{acts} } } @{ $self->{case}{rounds} };
    $self->{line}->say(calls => 1_000_000);
    $self->watch(sub {
        $self->nothing_comes or return 1;
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
    delete @$self{qw(asleep begun ticked)};
    for (;;) {
        my $heard = delete $self->{early} || $self->{line}->hear($LOOK);
        if (!$heard) {
            return $self->give_up($since) if now() - $since > $PATIENCE;
            if ($self->{case}{ticking}) { kill USR1 => $self->{pid} }
            elsif ($self->{case}{blocking} && ($self->waits || $self->is_kept_busy)) {
                $waits->() or return;
                $since = now();
            }
            next;
        }
        return $self->give_up if !%$heard;
        $since = now();
        delete $self->{asleep};
        return $self->is_done($heard) if $heard->{done};
        $self->heed($heard);
    }
}

sub heed {
    my ($self, $heard) = @_;
    # A call that was to be interrupted was over before, and the round with it.
    $self->{early} = $heard if $heard->{done};
    @$self{qw(begun began)} = ($heard->{begins}, now()) if exists $heard->{begins};
    $self->went(@{ $heard->{went} || [] });
    if (exists $heard->{ends})     { delete $self->{begun}; $self->call_is_over($heard) }
    if (exists $heard->{turned})   { $self->broke(call_is_over_in_time($heard, 0), raises($heard, 0)) }
    if (exists $heard->{answered}) { $self->queue_answers($heard->{answered}) }
    if (exists $heard->{idle})     { $self->queue_is_idle($heard->{idle}) }
    if (exists $heard->{handled})  { @$self{qw(handled over)} = ($heard, undef) }
    return;
}

sub is_done {
    my ($self, $heard) = @_;
    $self->{ticked} = $heard->{waits};
    return 1;
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
    return now() - $self->{asleep}{since} >= $self->{steady};
}

sub is_kept_busy {
    my ($self) = @_;
    return $self->{flood} && defined $self->{begun} && now() - $self->{began} > $BUSY;
}

sub state_of {
    my ($pid) = @_;
    open my $stat, '<', "/proc/$pid/stat" or return '';
    return (readline($stat) =~ /\) (\S)[^)]*\z/)[0];
}

# Looks at the wait, and ends it by a signal. False if it does not end.
sub end_wait {
    my ($self) = @_;
    $self->is_quiet if $self->{random}->chance(4) && !$self->{flood};
    $self->stop_and_continue if $self->{random}->chance(15) && !defined $self->patience;
    my (undef, $queued) = $self->{usage}->look;
    my $signalled = now();
    my $delay = sub { my ($at) = @_; return $at->{at} - $signalled - ($at->{queued} - $queued) };
    delete @$self{qw(handled over)};
    kill USR1 => $self->{pid};
    while (now() - $signalled < $PATIENCE && !$self->is_interrupted) {
        my $heard = $self->{line}->hear(0.05) or next;
        last if !%$heard;
        $self->heed($heard);
    }
    my ($handled, $over) = @$self{qw(handled over)};
    $self->broke(handler_runs_at_once($handled && $delay->($handled)));
    # A handler may run while text is handed on, which a flood goes on with.
    return 1 if $handled && (!$handled->{in_call} || $self->{flood});
    $self->broke(call_ends_at_once($over && $delay->($over)));
    return $over ? 1 : $self->give_up;
}

# The handler has run, and the call is over in which it did; or it was between two.
sub is_interrupted {
    my ($self) = @_;
    my $handled = $self->{handled} or return;
    return $self->{over} || $self->{flood} || !$handled->{in_call};
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
    $self->broke(call_is_over_in_time($report, $self->patience));
    $self->broke($self->{flood} ? () : readiness_ceases($report->{spins}), raises($report, $self->{raises}));
    $self->{steady} = $STEADY;
    if ($self->{case}{ticking} && $report->{outcome} eq 'errno 4') {
        $self->{heard} .= $report->{text};
        return;
    }
    $report->{text} = delete($self->{heard}) . $report->{text} if defined $self->{heard};
    $self->{turn} = $report->{ends} + 1;
    $self->compare($report);
    return;
}

# How long the call whose turn it is may wait, in seconds.
sub patience {
    my ($self) = @_;
    my $case = $self->{case};
    return 0 if !$case->{blocking};
    my ($name, $most) = $self->call_now;
    my $timeout = $name eq 'endp_connect' ? $most : $case->{timeout};
    return defined $timeout ? $timeout / 1000 : undef;
}

sub call_now {
    my ($self) = @_;
    my $calls = $self->{case}{calls};
    return @{ $calls->[ $self->{turn} % @$calls ] };
}

sub compare {
    my ($self, $report) = @_;
    return if $self->is_lost;
    my $expected = $self->foresee(@$report{qw(call most)}) or return;
    $self->broke(is_right($report, $expected));
    return;
}

# ---- floods: a process that sends the same without end

sub flood {
    my ($self, $act) = @_;
    my ($peer, $bytes) = ($self->{peer}, $act->{bytes});
    my (undef, $fhs) = $self->{files}->make($act->{descriptors});
    my $pid = fork;
    die "fork: $!" if !defined $pid;
    if (!$pid) {
        $peer->blocking(1);
        alarm 60;
        1 while defined send_one($peer, $bytes, @$fhs);
        POSIX::_exit(0);
    }
    @$self{qw(flood flooded lost)} = ($pid, 1, 1);
    return;
}

sub end_flood {
    my ($self) = @_;
    my $pid = delete $self->{flood} or return;
    kill KILL => $pid;
    waitpid $pid, 0;
    return;
}

# ---- the end

sub finish {
    my ($self) = @_;
    $self->end_flood;
    $self->{line}->say(finish => 1);
    my $until = now() + $PATIENCE;
    my $left;
    while (!defined $left) {
        my $heard = $self->{line}->hear($self->meanwhile);
        last if $heard ? !%$heard : now() > $until;
        next if !$heard;
        $self->heed($heard);
        $self->went(@{ $heard->{late} || [] });
        $left = $heard->{left};
    }
    $self->broke(nothing_is_left($left)) if defined $left;
    $self->give_up($until - $PATIENCE) if !defined $left;
    waitpid $self->{pid}, 0;
    $self->broke(lives($?)) if !@{ $self->{broken} };
    $self->what_is_left;
    return;
}

# What there is to do while the victim ends, and how long it may take to say so.
sub meanwhile { return $PATIENCE }

# What has gone, of what is sent.
sub went { return }

# The same of what is attacked by connecting: no descriptor is passed.
sub look_at_descriptors { return }
sub what_is_left        { return }

require Hostile::Judge::Accepting;
require Hostile::Judge::Connecting;
require Hostile::Judge::Receiving;
require Hostile::Judge::Sending;

1;
