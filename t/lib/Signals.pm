package Signals;

# Signals that come while a call waits.
#
#     use Signals;
#
#     for my $kind (kinds()) {             # how the handler is installed
#         my ($got, $errno, $ran) = interrupted($kind, sub { recv_fh($us) });
#     }
#     signalled('%SIG', sub { die "now\n" }, sub { recv_fh($us) });
#     ticking(sub { $ticks++ }, sub { works_for_long() });    # in children

use strict;
use warnings;

use Errno ();
use Exporter 'import';
use POSIX     ();
use Situation ();
use Time::HiRes qw(setitimer ITIMER_REAL);

our @EXPORT = qw(kinds signalled interrupted ticking is_blocked);

my %INSTALL = (
    '%SIG'             => sub { $SIG{USR1} = $_[0] },
    'sigaction'        => sub { by_sigaction($_[0], 0, 0) },
    'sigaction, safe'  => sub { by_sigaction($_[0], 0, 1) },
    'SA_RESTART'       => sub { by_sigaction($_[0], POSIX::SA_RESTART(), 0) },
    'SA_RESTART, safe' => sub { by_sigaction($_[0], POSIX::SA_RESTART(), 1) },
);

sub by_sigaction {
    my ($handler, $flags, $safe, $signal) = @_;
    my $action = POSIX::SigAction->new($handler, POSIX::SigSet->new, $flags);
    $action->safe($safe);
    POSIX::sigaction($signal || POSIX::SIGUSR1(), $action)
        or die "sigaction: $!";
}

sub kinds { return sort keys %INSTALL }

# signalled($kind, $handler, $code): what $code returns in list context. One
# signal comes, when this process sleeps in a system call: not before, because
# without `safe` perl runs a handler at once, and one that dies must not leave
# malloc.
sub signalled {
    my ($kind, $handler, $code) = @_;
    $INSTALL{$kind}->($handler);
    my $sender = Signals::Sender->new($$);
    return $code->();
}

# interrupted($kind, $code): for a $code that would wait for ever: what it
# returned first, errno's name, and how often the handler had run by then.
sub interrupted {
    my ($kind, $code) = @_;
    my $ran = 0;
    return signalled($kind, sub { $ran++ }, sub {
        $! = 0;
        my $got   = $code->();
        my $errno = $! + 0;
        my $seen  = $ran;
        return ($got, Situation::errno_name($errno), $seen);
    });
}

# ticking($handler, $code): the same with a signal every few milliseconds. It
# uses the alarm of the process.
sub ticking {
    my ($handler, $code) = @_;
    my $stop = bless [], 'Signals::Stop';
    by_sigaction($handler, POSIX::SA_RESTART(), 1, POSIX::SIGALRM());
    setitimer(ITIMER_REAL, 0.005, 0.005);
    return $code->();
}

# is_blocked($pid): whether that process waits in a system call, or is gone;
# proc(5), its state behind its name in parentheses. Where nothing tells, it does
# after a while.
sub is_blocked {
    my ($process) = @_;
    if (!-e '/proc/self/stat') {
        select undef, undef, undef, 0.3;
        return 1;
    }
    open my $stat, '<', "/proc/$process/stat" or return 1;
    return <$stat> =~ /\) [SZX] [^)]*\z/;
}

package Signals::Stop;

sub DESTROY {
    Time::HiRes::setitimer(Time::HiRes::ITIMER_REAL(), 0);
    Situation::watchdog();
}

package Signals::Sender;

sub new {
    my ($class, $waiting) = @_;
    my $pid = fork;
    die "fork: $!" if !defined $pid;
    return bless { pid => $pid, maker => $$ }, $class if $pid;
    1 until Signals::is_blocked($waiting);
    kill USR1 => $waiting;
    POSIX::_exit(0);
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{maker} != $$;
    local ($@, $!, $?);
    waitpid $self->{pid}, 0;
}

1;
