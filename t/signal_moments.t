# A signal that comes when a call has found nothing and its wait has not begun: at
# each system call in between. And one that comes while accept(2) waits, because
# another process has taken the client that poll(2) said was there.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Preload;
use Script;
use Signals;
use Situation;

# raise(3) is seen by perl at once, whose handler is yet to run.
my $raises = library(<<'END');
static void raise_at(const char *name)
{
    static int done;
    const char *at = getenv("FDPASSER_RAISE");
    int saved = errno;
    if (done || !at || strcmp(at, name))
        return;
    done = 1;
    raise(SIGUSR1);
    errno = saved;
}
#define INJECTED(name, parameters, arguments) \
    int name parameters \
    { \
        REAL(int, name, parameters); \
        int result; \
        if (!IS_OURS) \
            return real arguments; \
        raise_at(#name); \
        result = real arguments; \
        raise_at("behind " #name); \
        return result; \
    }
INJECTED(fcntl, (int a, int b, long c), (a, b, c))
INJECTED(pthread_sigmask, (int a, const sigset_t *b, sigset_t *c), (a, b, c))
INJECTED(connect, (int a, const void *b, unsigned c), (a, b, c))
END

# Between the look at the connection and the wait: a call is asked whether it may
# wait, and holds signals back; connect(2) tries before.
my %moments = (
    (map { $_ => [ 'fcntl', 'pthread_sigmask', 'behind pthread_sigmask' ] }
        qw(recv_fh recv_fds read_fd serv_accept_fh send_file)),
    endp_connect => [ 'behind connect', 'pthread_sigmask', 'behind pthread_sigmask' ],
);

# Each in a process of its own, which is killed where the signal has not ended it.
my $script = script(<<'END');
use strict;
use warnings;
use Meeting;
use Situation;
use File::FDpasser qw(:all);

my $dir = workdir();
my ($us, $peer, $listener, @waiting);
my %call = (
    recv_fh        => sub { recv_fh($us) },
    recv_fds       => sub { recv_fds($us, 2) },
    read_fd        => sub { read_fd($us, 1, 1) },
    serv_accept_fh => sub { serv_accept_fh($listener) },
    endp_connect   => sub { endp_connect("$dir/endpoint") },
    send_file      => sub { send_file($us, \*STDIN) },
);
sub prepare {
    my ($name) = @_;
    ($us, $peer) = spipe();
    $us->blocking(0);
    1 while $name eq 'send_file' && send_file($us, \*STDIN);
    $us->blocking(1);
    unlink "$dir/endpoint";
    ($listener, @waiting) = $name eq 'endp_connect' ? full_listener("$dir/endpoint")
        : scalar endp_create("$dir/endpoint");
}
for (@ARGV) {
    my ($name, $moment) = /(\w+), (.*)/;
    prepare($name);
    my $child = in_child {
        my $ran = 0;
        local $SIG{USR1} = sub { $ran++ };
        $ENV{FDPASSER_RAISE} = $moment;
        $! = 0;
        my @got = $call{$name}->();
        return errno_name($!) . ", handler ran $ran times";
    };
    vec(my $result = '', fileno $child->{reader}, 1) = 1;
    select $result, undef, undef, 8 or kill KILL => $child->pid;
    print "$_: ", eval { $child->result } || 'waits for ever', "\n";
}
END
{
    local $ENV{LD_PRELOAD} = $raises->path;
    my @cases = map {
        my $name = $_;
        map {"$name, $_"} @{ $moments{$name} }
    } sort keys %moments;
    watchdog(60);
    my $run = $script->run(arguments => \@cases);
    is $run->{err}, '', 'nothing is complained of';
    my %got = $run->{out} =~ /^(.*): (.*)$/gm;
    is $got{$_}, 'EINTR, handler ran 1 times', "$_: the signal ends the wait" for @cases;
}

# poll(2) says that a client is there, whom nobody has seen.
my $ready = library(<<'END');
struct pollfd { int fd; short events, revents; };
int poll(struct pollfd *fds, unsigned long count, int timeout)
{
    REAL(int, poll, (struct pollfd *, unsigned long, int));
    if (!IS_OURS || count != 1 || !getenv("FDPASSER_READY"))
        return real(fds, count, timeout);
    fds->revents = fds->events;
    return 1;
}
END
my $accepting = script(<<'END');
use strict;
use warnings;
use Situation;
use Signals;
use File::FDpasser;

my $dir      = workdir();
my $listener = endp_create("$dir/endpoint");
$ENV{FDPASSER_READY} = 1;
for my $kind (@ARGV) {
    my ($got, $errno, $ran) = (in_child {
        watchdog(8);
        return interrupted($kind, sub { scalar serv_accept_fh($listener) });
    })->result;
    print "$kind: ", defined $got ? 'accepted' : $errno, ", handler ran $ran times\n";
}
END
{
    local $ENV{LD_PRELOAD} = $ready->path;
    my @kinds = kinds();
    my $run   = $accepting->run(arguments => \@kinds);
    is $run->{err}, '', 'nothing is complained of';
    my %got = $run->{out} =~ /^(.*): (.*)$/gm;
    is $got{$_}, 'EINTR, handler ran 1 times', "$_: a signal ends accept(2) itself" for @kinds;
}

no_leak();
done_testing;
