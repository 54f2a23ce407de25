package Signals;

# Signals that come while a call waits, however late it begins to wait: a timer
# that ticks until it is stopped. In children only, whose alarm is their own.
#
#     use Signals;
#
#     for my $kind (kinds()) {             # how the handler is installed
#         my ($errno, $ran) = interrupted($kind, sub { recv_fh($us) });
#     }
#     ticking('%SIG', sub { die "now\n" }, sub { recv_fh($us) });

use strict;
use warnings;

use Errno ();
use Exporter 'import';
use POSIX      ();
use Situation  ();
use Time::HiRes qw(setitimer ITIMER_REAL);

our @EXPORT = qw(kinds ticking interrupted);

my $TICK = 0.01;

my %INSTALL = (
    '%SIG' => sub { $SIG{ALRM} = $_[0] },
    'sigaction' => sub { by_sigaction($_[0], 0, 0) },
    'sigaction, safe' => sub { by_sigaction($_[0], 0, 1) },
    'SA_RESTART' => sub { by_sigaction($_[0], POSIX::SA_RESTART(), 0) },
    'SA_RESTART, safe' => sub { by_sigaction($_[0], POSIX::SA_RESTART(), 1) },
);

# Without `safe` perl runs the handler at once, inside the system call.
sub by_sigaction {
    my ($handler, $flags, $safe) = @_;
    my $action = POSIX::SigAction->new($handler, POSIX::SigSet->new, $flags);
    $action->safe($safe);
    POSIX::sigaction(POSIX::SIGALRM(), $action) or die "sigaction: $!";
}

sub kinds { return sort keys %INSTALL }

# ticking($kind, $handler, $code): what $code returns in list context, while
# $handler is called on every tick. The timer stops with it, also if it dies.
sub ticking {
    my ($kind, $handler, $code) = @_;
    my $stop = bless [], 'Signals::Stop';
    $INSTALL{$kind}->($handler);
    setitimer(ITIMER_REAL, $TICK, $TICK);
    return $code->();
}

# interrupted($kind, $code): for a $code that would wait for ever: what it
# returned first, errno's name, and how often the handler had run by then.
sub interrupted {
    my ($kind, $code) = @_;
    my $ran = 0;
    return ticking($kind, sub { $ran++ }, sub {
        $! = 0;
        my $got   = $code->();
        my $errno = $! + 0;
        my $seen  = $ran;
        return ($got, Situation::errno_name($errno), $seen);
    });
}

package Signals::Stop;

sub DESTROY {
    Time::HiRes::setitimer(Time::HiRes::ITIMER_REAL(), 0);
    Situation::watchdog();
}

1;
