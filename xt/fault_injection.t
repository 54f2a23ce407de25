use strict;
use warnings;

# System calls that fail: strace makes one call after the other of
# xt/fault_injection.pl fail, each in a run of its own. Whichever it is, the
# program goes on: the failure is reported, with the errno that the system
# gave, nothing that was sent is lost, no descriptor and no node in the file
# system is left over, and what a name stood for stands. The program calls every
# function of the native layer, or complains.
#
# Run from the top of the distribution, after make:
#
#     prove -bv xt/fault_injection.t                         one errno a call
#     FDPASSER_FAULTS=all prove -bv xt/fault_injection.t     every errno

use Cwd        ();
use File::Temp ();
use POSIX      ();
use Test::More;

my $PROGRAM = 'xt/fault_injection.pl';

# What each call may well fail with, the most telling first. Not unlink and
# close: what cannot be removed stays, and there is nobody to tell.
my %ERRNOS = (
    accept4    => [qw(EMFILE EINTR ENFILE ENOBUFS ENOMEM ECONNABORTED)],
    bind       => [qw(ENOMEM EACCES EINTR EROFS ENOSPC)],
    connect    => [qw(EINTR ENOMEM)],
    fchmod     => [qw(EPERM EIO)],
    fcntl      => [qw(EMFILE ENOMEM EINTR)],
    flock      => [qw(ENOLCK EINTR)],
    getsockopt => [qw(ENOBUFS ENOMEM)],
    ioctl      => [qw(ENOMEM)],
    listen     => [qw(ENOBUFS ENOMEM)],
    memfd_create => [qw(EMFILE ENFILE ENOMEM)],
    newfstatat => [qw(ENOMEM EACCES)],
    openat     => [qw(EMFILE ENFILE ENOMEM)],
    poll       => [qw(EINTR ENOMEM)],
    ppoll      => [qw(EINTR ENOMEM)],
    recvmsg    => [qw(ENOBUFS EINTR ENOMEM EMFILE)],
    renameat   => [qw(ENOSPC EACCES)],
    renameat2  => [qw(ENOSPC EINVAL ENOSYS EACCES)],
    sendmsg    => [qw(ENOBUFS EINTR ENOMEM ETOOMANYREFS)],
    setsockopt => [qw(ENOMEM ENOBUFS)],
    socket     => [qw(EMFILE ENFILE ENOBUFS ENOMEM)],
    socketpair => [qw(EMFILE ENFILE ENOBUFS ENOMEM)],
);

my $scratch = File::Temp->newdir('fdpasser-XXXXXX', TMPDIR => 1);
local $ENV{PERL_HASH_SEED} = 0;    # each run makes the same calls
@INC = map { Cwd::abs_path($_) } grep { !ref && -d } @INC;

# Starts the program under strace; its output goes to a file named for its pid.
sub start {
    my ($errno, @options) = @_;
    my $pid = fork;
    die "fork: $!" if !defined $pid;
    return $pid    if $pid;
    open STDOUT, '>', "$scratch/$$" or die "STDOUT: $!";
    open STDERR, '>&', \*STDOUT     or die "STDERR: $!";
    no warnings 'exec';
    exec 'strace', '-qq', @options, $^X, map({"-I$_"} @INC), $PROGRAM, $errno
        or POSIX::_exit(127);
}

# Waits for one of them: its pid, what it printed, its status.
sub finish {
    my $pid    = wait;
    my $status = $?;
    open my $output, '<', "$scratch/$pid" or die "$scratch/$pid: $!";
    unlink "$scratch/$pid";
    return ($pid, join('', readline $output), $status);
}

# The calls of the passes: name => [ number of the first, number of the last ].
sub calls_of_the_passes {
    my (%count, %before);
    open my $trace, '<', "$scratch/trace" or die "trace: $!";
    while (<$trace>) {
        %before = %count if /the passes begin/;
        last if /the passes end/;
        $count{$1}++ if /\A(\w+)\(/;
    }
    return map { $_ => [ ($before{$_} || 0) + 1, $count{$_} ] }
        grep { $count{$_} > ($before{$_} || 0) } keys %count;
}

sub processors { return `getconf _NPROCESSORS_ONLN 2>&1` =~ /\A(\d+)$/ ? $1 : 1 }

# Runs with one fault each, several at once; [ number, output, status ] of each.
sub runs {
    my ($name, $errno, @numbers) = @_;
    my (@done, %number);
    while (@numbers || %number) {
        while (@numbers && keys %number < processors()) {
            my $number = shift @numbers;
            my $pid = start($errno, '--seccomp-bpf', '-f', '-o', '/dev/null',
                '-e', "trace=$name", '-e',
                "inject=$name:error=$errno:when=$number");
            $number{$pid} = $number;
        }
        my ($pid, @outcome) = finish();
        push @done, [ delete $number{$pid}, @outcome ];
    }
    return @done;
}

start('none', '-o', "$scratch/trace");
my (undef, $said, $status) = finish();
plan skip_all => "strace cannot trace here: $said"
    if $status >> 8 == 127 || $said =~ /ptrace/i;
is $said, "reported: \n", 'without a fault all is well';
is $status, 0, 'and it ends well';

my %calls = calls_of_the_passes();
for my $name (sort grep { $calls{$_} } keys %ERRNOS) {
    my ($first, $last) = @{ $calls{$name} };
    my @errnos = @{ $ERRNOS{$name} };
    $#errnos = 0 if ($ENV{FDPASSER_FAULTS} || '') ne 'all';
    for my $errno (@errnos) {
        my @runs = runs($name, $errno, $first .. $last);
        my @bad  = grep { $_->[2] || $_->[1] !~ /\Areported: .*\n\z/ } @runs;
        my $reported = grep { $_->[1] =~ /^reported: ./m } @runs;
        is @bad, 0,
            "$name, $errno: @{[ scalar @runs ]} faults, $reported reported";
        diag "$name $_->[0] of $first..$last, status $_->[2]: $_->[1]"
            for @bad;
    }
}
done_testing;
