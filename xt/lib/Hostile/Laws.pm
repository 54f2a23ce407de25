package Hostile::Laws;

# The guarantees as laws: what is checked of a call, a wait and a case. Each function
# returns what was broken: nothing, if all is well.

use strict;
use warnings;

use Errno ();
use Exporter 'import';

our @EXPORT = qw(call_is_over_in_time is_right wait_is_quiet handler_runs_at_once
    call_ends_at_once nothing_is_held readiness_ceases nothing_is_left rest_is_untouched
    lives is_over hoards raises all_came);

# Seconds, but for the share; on a slow machine, which has FDPASSER_PATIENCE, more.
my $SLOW         = $ENV{FDPASSER_PATIENCE} || 1;
my $NEVER_WAITS  = 0.05 * $SLOW;    # a non-blocking call may sleep so long, for a page or a lock
my $MUCH         = 1;        # and use so much of the processor
my $QUIET_SHARE  = 0.01;
my $AT_ONCE      = 0.1 * $SLOW;
my $FEW_READY    = 4;
my $FEW_MORE     = 270;      # descriptors that one call has in its hands

sub broken {
    my ($sentence, @details) = @_;
    return "$sentence: " . join ' ', map { defined $_ ? $_ : 'nothing' } @details;
}

# $patience: in seconds; undef: it may wait.
sub call_is_over_in_time {
    my ($report, $patience) = @_;
    my $what = $report->{call} || 'ready';
    return (
        !defined $patience || $report->{slept} <= $patience + $NEVER_WAITS ? ()
            : broken('a non-blocking call never waits, no call longer than it may', $what,
                sprintf 'slept %.3f s', $report->{slept}),
        $report->{used} <= $MUCH ? ()
            : broken('a flood cannot keep it inside', $what, sprintf 'used %.3f s', $report->{used}),
    );
}

# $expected by the model: an outcome and the text, or 'waits'.
sub is_right {
    my ($report, $expected) = @_;
    my $outcome = $report->{outcome};
    my $right
        = ref $expected->{outcome}       ? $expected->{outcome}->($outcome)
        : $expected->{outcome} eq 'waits' ? $outcome =~ /\A(?:waits|died|errno (?:4|11))\z/
        :                                  $outcome eq $expected->{outcome};
    return (
        $right ? () : broken('on the wire', $report->{call}, "gave $outcome, expected",
            ref $expected->{outcome} ? 'other bytes or descriptors' : $expected->{outcome}),
        defined $report->{text} && $report->{text} ne $expected->{text}
        ? broken('text is handed on as it is', $report->{call}, map { unpack 'H*', $_ }
            $report->{text}, $expected->{text}) : (),
    );
}

sub wait_is_quiet {
    my ($used, $seconds) = @_;
    return if $used / $seconds <= $QUIET_SHARE;
    return broken('no input of a peer makes it use processor time while it waits',
        sprintf '%.1f %%', 100 * $used / $seconds);
}

# Delays, without what the process waited for a processor.
sub handler_runs_at_once {
    my ($delay) = @_;
    return if defined $delay && $delay <= $AT_ONCE;
    return broken('a signal ends the wait, Perl\'s handlers run at once', 'handler',
        defined $delay ? sprintf 'after %.3f s', $delay : 'never');
}

sub call_ends_at_once {
    my ($delay) = @_;
    return if defined $delay && $delay <= $AT_ONCE;
    return broken('a blocking call is ended by a signal at once',
        defined $delay ? sprintf 'after %.3f s', $delay : 'never');
}

# Closed and open, by number, of what is known to be one or the other.
sub nothing_is_held {
    my ($when, $held, $lost) = @_;
    return (
        @$held ? broken("no call holds a descriptor while it waits; nothing leaks ($when)", @$held) : (),
        @$lost ? broken("nothing is lost ($when)", @$lost) : (),
    );
}

sub readiness_ceases {
    my ($times) = @_;
    return if $times =~ /\A\d+\z/ && $times <= $FEW_READY;
    return broken('EAGAIN means that nothing happened: try again when select says so',
        "ready, and EAGAIN, $times times");
}

sub nothing_is_left { my ($left) = @_; return $left eq '' ? () : broken('nothing leaks', $left) }

sub rest_is_untouched {
    my ($got, $expected) = @_;
    return if $got eq $expected;
    return broken('receiving consumes exactly one message', "left $got, expected $expected");
}

sub all_came {
    my ($what, $how) = @_;
    return defined $how ? broken('what a sending call says that went has come, and nothing else', $what, $how) : ();
}

sub lives { my ($status) = @_; return $status ? broken('the process lives', "status $status") : () }

# SIGPIPE, once, as print does: not of packets, and not from within a loop. Where some
# of several have gone it is the failure of the next that raises it.
sub raises {
    my ($report, $raises) = @_;
    my $is_gone  = ($report->{outcome} || '') eq 'errno ' . Errno::EPIPE();
    my $expected = $is_gone && $raises ? 1 : 0;
    return if ($report->{pipes} || 0) == $expected;
    return if $raises && $report->{call} eq 'send_files' && $report->{outcome} =~ /\Awent/;
    return broken('a vanished peer raises SIGPIPE and gives EPIPE', $report->{call} || 'ready',
        "raised $report->{pipes} times");
}

sub is_over {
    my ($what, $seconds) = @_;
    return broken('no call beyond its time', $what, sprintf 'not over after %.1f s', $seconds);
}

sub hoards {
    my ($count) = @_;
    return $count > $FEW_MORE ? broken('a receive has one message\'s descriptors', $count, 'at once') : ();
}

1;
