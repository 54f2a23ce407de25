use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Fcntl qw(LOCK_EX);
use Files;
use Meeting;
use Preload;
use Script;
use Signals;
use Situation;
use Stepped;
use Time::HiRes qw(alarm);

# Two exclusive servers start over a stale node: the second begins between any
# two system calls of the first. It waits, and finds the first alive.

use File::FDpasser;

my $dir  = workdir();
my $path = "$dir/server";
my ($first, $second) = (Stepped->new, Stepped->new);

# Lets it go on until it is over, or waits for its turn: tries once more to get
# the lock.
sub runs_on {
    my ($program) = @_;
    my $last = '';
    while (1) {
        my $got = $program->next_step;
        return $got if $got->{over} || "$last $got->{call}" eq 'flock flock';
        $last = $got->{call};
        $program->go_on(0);
    }
}

sub finishes {
    my ($program) = @_;
    my $got;
    $program->go_on(0) until ($got = $program->next_step)->{over};
    return $got;
}

# The second starts before call number $when of the first; undef if there is
# no such call.
sub both_start {
    my ($when) = @_;
    my ($got, $call, $waited);
    my $won = $first->endp_create($path, exclusive => 1, sub {
        my ($name, $n) = @_;
        if ($n == $when) {
            $second->start('endp_create', $path, exclusive => 1);
            $got    = runs_on($second);
            $call   = $name;
            $waited = $got->{over} ? 0 : 1;
        }
        return 0;
    });
    return if !$call;
    if ($waited) {
        $second->go_on(0);
        $got = finishes($second);
    }
    return ($call, $waited, $won, $got);
}

# Before it has the lock the first is no hindrance.
my %expected = (
    0 => 'the first: EADDRINUSE, the second: serves',
    1 => 'the first: serves, the second: EADDRINUSE',
);

sub told { return $_[0]{ok} ? 'serves' : $_[0]{errno} }

for my $what ('a stale node', 'a free name') {
    my ($when, @waits, @wrong) = (1);
    do {
        { my $stale = endp_create($path) }
        unlink $path if $what ne 'a stale node';
        my ($call, $waited, $won, $got) = both_start($when);
        if ($call) {
            my $told = sprintf 'the first: %s, the second: %s',
                told($won), told($got);
            my $answers = answers($path) ? '' : ' and nobody answers';
            push @wrong, "before $call, number $when: $told$answers"
                if $answers || $told ne $expected{$waited};
            push @wrong, "before $call, number $when: names " . names($dir)
                if names($dir) ne 'server';
            push @waits, $call if $waited;
        }
        unlink $path;
        $when = $call ? $when + 1 : 0;
    } while $when;
    my %waits = map { $_ => 1 } @waits;
    is_deeply [ grep { !$waits{$_} } qw(socket bind listen fstatat) ], [],
        "$what: the second waits from the look at the name until it listens";
    is $waits[-1], 'flock', '... and gives the lock back';
    is join("\n", @wrong), '', '... and one of them serves, always';
}

# A lock that is not given back
SKIP: {
    open my $holder, '<', $dir or skip "a directory can't be opened: $!", 15;
    flock $holder, LOCK_EX or die "flock: $!";
    my ($got, $listed) = (in_child {
        local $SIG{ALRM} = sub { };
        alarm 0.2;
        my $listener = endp_create($path, exclusive => 1);
        return ($listener ? 'serves' : errno_name($!), names($dir));
    })->result;
    is $got, 'EINTR', 'a signal ends the wait for a lock';
    is $listed, '', '... and nothing is there';
    for my $kind (kinds()) {
        my ($died, @leaked) = (in_child {
            my $got = eval {
                signalled($kind, sub { die "now\n" },
                    sub { endp_create($path, exclusive => 1) });
                'came back';
            } || $@;
            return ($got, leaked());
        })->result;
        is $died, "now\n", "$kind: a handler that dies ends it";
        is "@leaked", '', '... and no descriptor leaks';
    }
    is late_start(), 'EADDRINUSE', 'a lock that is held for long is one of who serves';
    my $listener = endp_create($path);
    ok $listener, 'who is not exclusive does not wait';
    undef $listener;
    close $holder;
    ok endp_create($path, exclusive => 1), 'the lock is given back: it starts';
    unlink $path;
}

# What a start says for which each look at the clock is three seconds after the last.
sub late_start {
    my $library = library(<<'END');
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int ahead;
    REAL(int, clock_gettime, (clockid_t, struct timespec *));
    int result = real(clock, now);
    if (IS_OURS)
        now->tv_sec += ahead += 3;
    return result;
}
END
    local $ENV{LD_PRELOAD} = $library->path;
    return script(<<'END')->run(arguments => [$path])->{out};
use Situation;
use File::FDpasser;
watchdog(8);
print endp_create($ARGV[0], exclusive => 1) ? 'serves' : errno_name($!);
END
}

$_->end for $first, $second;
no_leak();
done_testing;
