use strict;
use warnings;

# System calls that fail: strace makes one call after the other of
# xt/fault_injection.pl fail, each in a run of its own. Whichever it is, the
# program goes on: the failure is reported, with the errno that the system
# gave, nothing that was sent is lost, no descriptor and no node in the file
# system is left over, and what a name stood for stands.
#
# Run from the top of the distribution, after make:
#
#     prove -bv xt/fault_injection.t                     one errno for each call
#     FDPASSER_FAULTS=all prove -bv xt/fault_injection.t     every errno

use Cwd        ();
use File::Temp ();
use POSIX      ();
use Test::More;

my $PROGRAM = 'xt/fault_injection.pl';

# What each call may well fail with, the most telling first.
my %ERRNOS = (
    accept4    => [qw(EMFILE EINTR ENFILE ENOBUFS ENOMEM ECONNABORTED)],
    bind       => [qw(ENOMEM EACCES EINTR EROFS ENOSPC)],
    connect    => [qw(EINTR ENOMEM EACCES)],
    fchmod     => [qw(EPERM EIO)],
    fcntl      => [qw(EMFILE ENOMEM EINTR)],
    flock      => [qw(ENOLCK EINTR)],
    getsockopt => [qw(ENOBUFS ENOMEM)],
    ioctl      => [qw(ENOMEM)],
    listen     => [qw(ENOBUFS ENOMEM)],
    newfstatat => [qw(ENOMEM EACCES)],
    openat     => [qw(EMFILE ENFILE ENOMEM)],
    poll       => [qw(EINTR ENOMEM)],
    ppoll      => [qw(EINTR ENOMEM)],
    prlimit64  => [qw(EPERM)],
    recvmsg    => [qw(ENOBUFS EINTR ENOMEM EMFILE)],
    rename     => [qw(ENOSPC EACCES)],
    renameat   => [qw(ENOSPC EACCES)],
    renameat2  => [qw(ENOSPC EINVAL ENOSYS EACCES)],
    sendmsg    => [qw(ENOBUFS EINTR ENOMEM ETOOMANYREFS)],
    setsockopt => [qw(ENOMEM ENOBUFS)],
    socket     => [qw(EMFILE ENFILE ENOBUFS ENOMEM)],
    socketpair => [qw(EMFILE ENFILE ENOBUFS ENOMEM)],
    unlink     => [qw(EACCES)],
    unlinkat   => [qw(EACCES EBUSY)],
);

my $scratch = File::Temp->newdir('fdpasser-XXXXXX', TMPDIR => 1);
local $ENV{PERL_HASH_SEED} = 0;    # each run makes the same calls

# Runs the program under strace: what it printed, STDERR included, and its
# status.
sub traced {
    my ($errno, @options) = @_;
    my $pid = open my $output, '-|';
    die "fork: $!" if !defined $pid;
    if (!$pid) {
        open STDERR, '>&', \*STDOUT or die "STDERR: $!";
        alarm 60;
        exec 'strace', '-qq', '-o', "$scratch/trace", @options, $^X,
            map({"-I$_"} @INC), $PROGRAM, $errno
            or POSIX::_exit(127);
    }
    my @lines = readline $output;
    close $output;
    return (join('', @lines), $?);
}

# [call, number of the first in the passes, number of the last]
sub calls_of_the_passes {
    my (%count, %first);
    open my $trace, '<', "$scratch/trace" or die "trace: $!";
    while (<$trace>) {
        %first = %count if /the passes begin/;
        last if /the passes end/;
        $count{$1}++ if /\A(\w+)\(/;
    }
    return map { [ $_, ($first{$_} || 0) + 1, $count{$_} ] }
        grep { $count{$_} > ($first{$_} || 0) } grep { $ERRNOS{$_} }
        sort keys %count;
}

@INC = map { Cwd::abs_path($_) } grep { !ref && -d } @INC;
my ($said, $status) = eval { no warnings 'exec'; traced('none') };
plan skip_all => 'strace cannot trace here: ' . (defined $said ? $said : $@)
    if !defined $status || $status >> 8 == 127 || $said =~ /\bptrace\b|PTRACE/;
is $said, "reported: \n", 'without a fault all is well' or done_testing, exit;
is $status, 0, 'and it ends well';

for my $call (calls_of_the_passes()) {
    my ($name, $first, $last) = @$call;
    my @errnos = @{ $ERRNOS{$name} };
    $#errnos = 0 if ($ENV{FDPASSER_FAULTS} || '') ne 'all';
    for my $errno (@errnos) {
        my ($bad, $reported) = (0, 0);
        for my $number ($first .. $last) {
            my @inject = ('--seccomp-bpf', '-f', '-e', "trace=$name", '-e',
                "inject=$name:error=$errno:when=$number");
            ($said, $status) = traced($errno, @inject);
            $reported++ if $said =~ /\Areported: ./;
            next if !$status && $said =~ /\Areported: .*\n\z/;
            $bad++;
            diag "$name $number of $first..$last: $errno: status $status: $said";
        }
        my $runs = $last - $first + 1;
        is $bad, 0, "$name: $errno, $runs times; $reported of them reported";
    }
}
done_testing;
