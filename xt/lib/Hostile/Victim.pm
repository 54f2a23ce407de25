package Hostile::Victim;

# The process that is attacked: makes the calls that the judge asks for, and says
# of each when it began, what it gave, what time it took, and how of that it
# slept. It says nothing within a call: but for what is reported as handed on,
# and for signals.
#
#     Hostile::Victim::run($case, $conn, $line);      # in a child; never returns

use strict;
use warnings;

use Errno qw(EAGAIN ECONNRESET EINTR EMFILE EMSGSIZE ENOTCONN);
use File::FDpasser;
use File::FDpasser::Queue;
use POSIX ();

use Hostile::Calls;
use Hostile::Line;
use Peer ();
use Situation ();

my $MANY_TABLE = 600;

my %ENDS = map { ("errno $_" => 1) } EAGAIN, EINTR;
my $RESET = 'errno ' . ECONNRESET;
my %LASTS = ('bytes  fd' => 1, map { ("errno $_" => 1) } ENOTCONN, EMFILE, EMSGSIZE);

sub run {
    my ($case, $conn, $line) = @_;
    my $self = bless {
        case => $case, conn => $conn, line => $line, usage => Hostile::Usage->of($$),
        text => '', turn => 0,
    }, __PACKAGE__;
    $SIG{ALRM} = 'DEFAULT';
    alarm 120;
    $SIG{PIPE} = 'IGNORE';
    local $SIG{__WARN__} = sub { };
    $File::FDpasser::on_text = sub { $self->{text} .= $_[0] };
    $conn->blocking($case->{blocking} ? 1 : 0);
    $self->install_handler;
    $self->{queue} = $self->new_queue if $case->{calls}[0][0] eq 'queue';
    Situation::new_baseline();
    $line->say(starts => 1);
    while (my $said = $line->hear) {
        last if !%$said || $said->{finish};
        $self->round($said);
        $line->say(done => 1);
    }
    delete $self->{queue};
    $line->say(left => join ', ', Situation::leaked());
    POSIX::_exit(0);
}

sub install_handler {
    my ($self) = @_;
    my $kind = $self->{case}{signal} || 'plain';
    my $handler = sub {
        my ($used, $queued) = $self->{usage}->look;
        $self->{line}->say(handled => now(), queued => $queued) if !$self->{case}{ticking};
        die "handled\n" if $kind eq 'die' && $self->{in_call};
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
    if ($self->{queue}) { $self->queue_round($calls) }
    else                { $self->call_round($calls) }
    empty(@fill) if @fill;
    return;
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

sub call_round {
    my ($self, $calls) = @_;
    my $lasts = 0;
    while ($calls > 0) {
        my $outcome = $self->make_call($self->{turn});
        next if $outcome eq $RESET;
        if ($self->{case}{ticking} && $outcome =~ /\A(?:died|errno @{[EINTR]})\z/) {
            last if $self->{line}->is_ready(0) && $self->{line}->hear;    # stop
            next;
        }
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
    my ($name, $most) = @{ $calls->[ $turn % @$calls ] };
    my $run = Hostile::Calls::receiving($name)->{run};
    $self->{line}->say(begins => $turn);
    $self->{text} = '';
    my ($used_before, $queued_before) = $self->{usage}->look;
    my $before  = now();
    $self->{in_call} = 1;
    my $outcome = eval { $run->($self->{conn}, $most) };
    $self->{in_call} = 0;
    my $after = now();
    my ($used, $queued) = $self->{usage}->look;
    $outcome = $@ eq "handled\n" ? 'died' : "exception $@" if !defined $outcome;
    my $spins = $outcome eq 'errno ' . EAGAIN ? $self->spins($run, $most) : 0;
    $self->{line}->say(
        ends    => $turn, call => $name, most => $most,
        outcome => $outcome, text => $self->{text}, at => $after, queued => $queued,
        used    => $used - $used_before, spins => $spins,
        slept   => $after - $before - ($used - $used_before) - ($queued - $queued_before),
    );
    return $outcome;
}

# How often the connection says ready and the call EAGAIN, with nothing new.
sub spins {
    my ($self, $run, $most) = @_;
    for my $times (0 .. 9) {
        vec(my $bits = '', fileno $self->{conn}, 1) = 1;
        return $times if !select $bits, undef, undef, 0;
        my $outcome = eval { $run->($self->{conn}, $most) };
        return "$outcome after EAGAIN" if $outcome ne 'errno ' . EAGAIN;
    }
    return 10;
}

# ---- a queue

sub new_queue {
    my ($self) = @_;
    return File::FDpasser::Queue->new($self->{conn});
}

# A loop with nothing else to do: turns it until it asks for nothing that is there.
sub queue_round {
    my ($self, $calls) = @_;
    my $queue = $self->{queue};
    $queue->push_recv_fh(sub { $self->{answers}++; $self->answered(@_) })
        for $queue->pending + 1 .. $calls;
    my ($idle, $paused) = (0, 0);
    while ($queue->pending && $idle < 20) {
        my $timeout = $queue->timeout;
        my $ready = $queue->wants_read && $self->is_ready;
        last if !$ready && !(defined $timeout && ($timeout == 0 || !$paused++));
        $self->{answers} = 0;
        my ($used_before, $queued_before) = $self->{usage}->look;
        my $before = now();
        $self->{text} = '';
        $queue->ready;
        my $after = now();
        my ($used, $queued) = $self->{usage}->look;
        $self->{line}->say(turned => 1,
            used  => $used - $used_before,
            slept => $after - $before - ($used - $used_before) - ($queued - $queued_before));
        $idle = $self->{answers} ? 0 : $idle + 1;
    }
    $self->{line}->say(idle => $idle);
    return;
}

sub answered {
    my ($self, $fh) = @_;
    my $outcome = Hostile::Calls::delivered($fh);
    $self->{line}->say(answered => $outcome);
    return;
}

sub is_ready {
    my ($self) = @_;
    vec(my $bits = '', fileno $self->{conn}, 1) = 1;
    return select $bits, undef, undef, 0;
}

1;
