package Hostile::Victim;

# The process that is attacked: makes the calls that the judge asks for, and says
# of each when it began, what it gave, what time it took, and how long of that it
# slept. It says nothing within a call: but for what is reported as handed on,
# and for signals.
#
#     Hostile::Victim::run($case, $on, $line);      # in a child; never returns
#
# $on: the connection, the listener, or the path to connect to.

use strict;
use warnings;

use Errno qw(EAGAIN ECONNREFUSED ECONNRESET EINTR EMFILE EMSGSIZE ENOENT ENOTCONN ENXIO EPIPE ETIMEDOUT);
use File::FDpasser;
use File::FDpasser::Queue;
use POSIX ();

use Hostile::Calls;
use Hostile::Line;
use Hostile::Sending;
use Peer ();
use Situation ();

my $MANY_TABLE = 600;
my $MANY_TICKS = 20;

# Only a flood sends more.
my $LONGEST_TEXT = 100_000;

my %ENDS = map { ("errno $_" => 1) } EAGAIN, EINTR;
my $RESET = 'errno ' . ECONNRESET;
my %LASTS = ('bytes  fd' => 1,
    map { ("errno $_" => 1) } ECONNREFUSED, EMFILE, EMSGSIZE, ENOENT, ENOTCONN, ENXIO, EPIPE, ETIMEDOUT);

sub run {
    my ($case, $on, $line) = @_;
    my $self = bless {
        case => $case, on => $on, line => $line, usage => Hostile::Usage->of($$),
        text => '', turn => 0, pipes => 0,
    }, __PACKAGE__;
    $SIG{ALRM} = 'DEFAULT';
    alarm 120;
    $SIG{PIPE} = sub { $self->{pipes}++ };
    local $SIG{__WARN__} = sub { };
    $File::FDpasser::on_text = sub { $self->{text} .= $_[0] };
    $on->blocking($case->{blocking} ? 1 : 0) if ref $on;
    $self->install_handler;
    my ($name) = @{ $case->{calls}[0] };
    $self->{sending} = Hostile::Sending->new($case, $on) if Hostile::Calls::attack($name) eq 'sending';
    $self->{queue}   = $self->{sending}->queue           if $self->{sending};
    $self->{queue}   = File::FDpasser::Queue->new($on)   if $name eq 'queue';
    Situation::new_baseline();
    $line->say(starts => 1);
    while (my $said = $line->hear) {
        last if !%$said || $said->{finish};
        my $waits = $self->round($said);
        $line->say(done => 1, waits => $waits);
    }
    $self->finish_sending if $self->{sending};
    delete @$self{qw(queue sending)};
    $line->say(left => join ', ', Situation::leaked());
    POSIX::_exit(0);
}

sub install_handler {
    my ($self) = @_;
    my $kind = $self->{case}{signal} || 'plain';
    my $handler = sub {
        my ($used, $queued) = $self->{usage}->look;
        $self->{line}->say(handled => 1, at => now(), queued => $queued, in_call => $self->{in_call})
            if !$self->{case}{ticking};
        die "handled\n" if $kind eq 'die' && delete $self->{in_call};
    };
    my $action = POSIX::SigAction->new($handler, POSIX::SigSet->new,
        $kind eq 'restart' ? POSIX::SA_RESTART() : 0);
    $action->safe(1);
    POSIX::sigaction(POSIX::SIGUSR1(), $action) or die "sigaction: $!";
    return;
}

sub round {
    my ($self, $said) = @_;
    my @fill = defined $said->{room} ? fill($said->{room}) : ();
    my $calls = $said->{calls};
    my $waits = $self->{queue} ? $self->queue_round($calls) : $self->call_round($calls);
    empty(@fill) if @fill;
    return $waits;
}

# RLIMIT_NOFILE 0 in every other round without room: there is no number then.
sub fill {
    my ($room) = @_;
    my $limit = Peer::descriptor_limit($MANY_TABLE);
    my @filler = Peer::fill_table();
    POSIX::close(pop @filler) for 1 .. $room;
    Peer::descriptor_limit(0) if !$room && @filler % 2;
    return ($limit, @filler);
}

sub empty {
    my ($limit, @filler) = @_;
    Peer::descriptor_limit($limit);
    POSIX::close($_) for @filler;
    return;
}

# True where signals tick and the call has waited through many.
sub call_round {
    my ($self, $calls) = @_;
    my ($lasts, $ticks) = (0, 0);
    while ($calls > 0) {
        my $outcome = $self->make_call($self->{turn});
        next if $outcome eq $RESET;
        if ($self->{case}{ticking} && $outcome =~ /\A(?:died|errno @{[EINTR]})\z/) {
            next if ++$ticks < $MANY_TICKS;
            return 1;
        }
        $ticks = 0;
        $self->{turn}++;
        $calls--;
        $lasts = $LASTS{$outcome} ? $lasts + 1 : 0;
        last if $ENDS{$outcome} || $outcome eq 'died' || $lasts == 3;
    }
    return;
}

sub make_call {
    my ($self, $turn) = @_;
    my $calls = $self->{case}{calls};
    my ($name, @sizes) = @{ $calls->[ $turn % @$calls ] };
    my ($most) = @sizes;
    my $run = $self->{sending} ? sub { $self->{sending}->make($name, @sizes) }
        : sub { Hostile::Calls::make($name, $self->{on}, $most) };
    $self->{line}->say(begins => $turn);
    @$self{qw(text pipes)} = ('', 0);
    my ($used_before, $queued_before) = $self->{usage}->look;
    my $before  = now();
    # Set within the eval, as a handler may run, and die, before each statement.
    my $outcome = eval { $self->{in_call} = 1; my $gave = $run->(); $self->{in_call} = 0; $gave };
    $self->{in_call} = 0;
    my $after = now();
    my ($used, $queued) = $self->{usage}->look;
    $outcome = $@ eq "handled\n" ? 'died' : "exception $@" if !defined $outcome;
    my @went  = $self->{sending} ? $self->{sending}->went : ();
    my $pipes = $self->{pipes};
    my $spins = $outcome eq 'errno ' . EAGAIN ? $self->spins($run) : 0;
    $self->{line}->say(
        ends    => $turn, call => $name, most => $most,
        outcome => $outcome, text => substr($self->{text}, 0, $LONGEST_TEXT), at => $after, queued => $queued,
        used    => $used - $used_before, spins => $spins, pipes => $pipes, went => \@went,
        slept   => $after - $before - ($used - $used_before) - ($queued - $queued_before),
    );
    return $outcome;
}

# How often the connection says ready and the call EAGAIN, with nothing new.
sub spins {
    my ($self, $run) = @_;
    for my $times (0 .. 9) {
        return $times if !$self->is_ready;
        my $outcome = eval { $run->() };
        return "$outcome after EAGAIN" if $outcome ne 'errno ' . EAGAIN;
    }
    return 10;
}

# ---- a queue

# A loop with nothing else to do: turns it until it asks for nothing that is there.
sub queue_round {
    my ($self, $calls) = @_;
    my $queue = $self->{queue};
    $self->push_call for $queue->pending + 1 .. $calls;
    my ($idle, $paused) = (0, 0);
    while ($queue->pending && $idle < 20) {
        my $timeout = $queue->timeout;
        my $ready = ($queue->wants_read || $queue->wants_write) && $self->is_ready;
        last if !$ready && !(defined $timeout && ($timeout == 0 || !$paused++));
        @$self{qw(answers text pipes)} = (0, '', 0);
        my ($used_before, $queued_before) = $self->{usage}->look;
        my $before = now();
        $queue->ready;
        my $after = now();
        my ($used, $queued) = $self->{usage}->look;
        $self->{line}->say(turned => 1, pipes => $self->{pipes},
            used  => $used - $used_before,
            slept => $after - $before - ($used - $used_before) - ($queued - $queued_before));
        $idle = $self->{answers} ? 0 : $idle + 1;
    }
    $self->{line}->say(idle => $idle);
    return;
}

sub push_call {
    my ($self) = @_;
    my $answered = sub {
        my ($outcome, @went) = @_;
        $self->{answers}++;
        $self->{line}->say(answered => $outcome, went => \@went);
    };
    my $calls = $self->{case}{calls};
    return $self->{sending}->push_one($answered, @{ $calls->[ $self->{turn}++ % @$calls ] })
        if $self->{sending};
    return $self->{queue}->push_recv_fh(sub { $answered->(Hostile::Calls::delivered($_[0])) });
}

# Whether the connection is ready for what the calls do.
sub is_ready {
    my ($self) = @_;
    vec(my $bits = '', fileno $self->{on}, 1) = 1;
    my ($read, $write) = $self->{sending} ? (undef, $bits) : ($bits, undef);
    return select $read, $write, undef, 0;
}

# ---- the end

# What was taken goes out while the judge reads.
sub finish_sending {
    my ($self) = @_;
    my $until = now() + 15;
    until ($self->{sending}->finish || now() > $until) { select undef, undef, undef, 0.001 }
    $self->{line}->say(late => [ $self->{sending}->went ]);
    return;
}

1;
