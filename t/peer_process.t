use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use IO::Select;
use Meeting;
use Script;
use Situation;
use Socket qw(AF_INET AF_UNIX SOCK_DGRAM SOCK_STREAM);
use Syscall qw(descriptor_limit has_system_call);

use Config;
use POSIX ();

use File::FDpasser qw(:all);
no warnings 'File::FDpasser';

# peer_pidfd: a handle that stands for the process at the other end.

my $dir  = workdir();
my $path = "$dir/server";

sub has_ended { return IO::Select->new($_[0])->can_read($_[1]) ? 1 : 0 }

{
    my ($one) = spipe();
    $! = 0;
    my $process = peer_pidfd($one);
    plan skip_all => 'no process descriptors here'
        if !$process && $!{EOPNOTSUPP};
    is ref $process, 'IO::Handle', 'a pair: a handle';
    is pid_of($process), $$, '... of its maker';
    is has_ended($process, 0), 0, '... who is alive';
    is_deeply [ survives_exec(fileno $process) ], [0], '... close-on-exec';
    is pid_of(scalar peer_pidfd(fileno $one)), $$, '... by number';
    $! = 7;
    peer_pidfd($one);
    is $! + 0, 7, '... $! is left alone';
}

sub pid_of {
    my ($process) = @_;
    my ($pid) = content('/proc/self/fdinfo/' . fileno $process) =~ /^Pid:\s*(-?\d+)/m;
    return $pid;
}

# Serves a client until its process ends, though others hold its connection.
{
    my $listener = endp_create($path);
    my $client   = in_child {
        my $conn = endp_connect($path) or die "endp_connect: $!\n";
        sysread $conn, my $nothing, 1;    # until one of the two is gone
        return;
    };
    my $conn    = serv_accept_fh($listener);
    my $process = peer_pidfd($conn);
    ok $process, 'a client' or diag "$!";
    is pid_of($process), $client->pid, '... which peer_cred names too';
    is has_ended($process, 0), 0, '... is served';
    kill KILL => $client->pid;
    is has_ended($process), 1, '... until it is killed';
    is has_ended($process, 0), 1, '... which stays said';
    $client->status;
    is has_ended($process, 0), 1, '... also when it has been reaped';
    is pid_of($process), -1, '... and its number is free again';

    # Asked for too late: the system may still know, or say that it does not.
    $! = 0;
    my $late = peer_pidfd($conn);
    ok $late ? has_ended($late, 0) : $!{ESRCH}, 'a client that has been reaped: ended, or ESRCH';
    unlink $path;
}

# The client's end is held by a child: the process that connected counts.
{
    my $listener = endp_create($path);
    my ($connected, $leave) = (gate(), gate());
    my $client = in_child {
        my $conn = endp_connect($path) or die "endp_connect: $!\n";
        my $heir = fork;
        die "fork: $!" if !defined $heir;
        if (!$heir) { $connected->open; $leave->wait; POSIX::_exit(0) }
        POSIX::_exit(0);
    };
    my $conn    = serv_accept_fh($listener);
    my $process = peer_pidfd($conn);
    $connected->wait;
    $client->status;
    is has_ended($process), 1, 'a client that has ended, but for its child';
    ok !IO::Select->new($conn)->can_read(0), '... the connection is not at its end';
    $leave->open;
    unlink $path;
}

# The handle can be passed on: who gets it can watch as well.
{
    my ($one, $other) = spipe();
    my ($ours, $theirs) = spipe();
    send_file($ours, peer_pidfd($one)) or die "send_file: $!";
    is pid_of(recv_fh($theirs)), $$, 'passed on: the same process';
}

# ---- failures

fails { peer_pidfd(99999) } undef, 'EBADF', 'a number that is not open';
{
    open my $file, '<', $0 or die "$0: $!";
    fails { peer_pidfd($file) } undef, 'ENOTSOCK', 'a file';
    socket my $lonely, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!";
    fails { peer_pidfd($lonely) } undef, 'ENOTCONN', 'a socket that is not connected';
    socket my $packets, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!";
    fails { peer_pidfd($packets) } undef, 'ENOTCONN', 'one for packets';
    socket my $internet, AF_INET, SOCK_STREAM, 0 or die "socket: $!";
    fails { peer_pidfd($internet) } undef, 'ENOTCONN', 'one of the internet';
    my $listener = endp_create($path);
    fails { peer_pidfd($listener) } undef, 'ENOTCONN', 'a listener';
    unlink $path;
}
for my $bad ('word', undef, [], -1) {
    my $place = 'at ' . __FILE__ . ' line ' . (__LINE__ + 1);
    eval { peer_pidfd($bad) };
    my $name = defined $bad ? ref $bad ? 'a reference' : $bad : 'undef';
    like $@, qr/\AInvalid args to peer_pidfd: argument 1 .*\Q$place\E\.?$/, "$name: it dies";
}

# A full table
{
    my $errno = (in_child {
        my ($one) = spipe();
        descriptor_limit(64) if has_system_call('prlimit64');
        my @full;
        while (open my $null, '<', '/dev/null') { push @full, $null }
        $! = 0;
        my $process = peer_pidfd($one);
        return errno_name($!);
    })->result;
    is $errno, 'EMFILE', 'a full table';
}

# What older kernels say: a library between us and the system plays that.
SKIP: {
    write_file("$dir/older.c", <<'END');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    int (*real)(int, int, int, void *, socklen_t *) = dlsym(RTLD_NEXT, "getsockopt");

    if (level == SOL_SOCKET && name == SO_PEERCRED)
        return real(fd, level, name, value, length);
    if (level == SOL_SOCKET && name == SO_ACCEPTCONN)
        return real(fd, level, name, value, length);
    errno = atoi(getenv("OLDER"));
    return -1;
}
END
    system("$Config{cc} -shared -fPIC -o $dir/older.so $dir/older.c -ldl >$dir/log 2>&1") == 0
        or skip 'cannot compile: ' . content("$dir/log"), 3;
    my $ask = q{my ($one) = spipe(); $! = 0; my @got = CALL($one);}
        . q{ print scalar(@got), " ", defined $got[0] ? 1 : 0, " ", $! + 0};
    for (
        [ 'peer_pidfd',  'ENOPROTOOPT', 'EOPNOTSUPP', 1 ],
        [ 'peer_pidfd',  'EINVAL',      'ESRCH',      1 ],
        [ 'peer_groups', 'ENOPROTOOPT', 'EOPNOTSUPP', 0 ],
        )
    {
        my ($call, $said, $errno, $count) = @$_;
        local $ENV{LD_PRELOAD} = "$dir/older.so";
        local $ENV{OLDER}      = Errno->can($said)->();
        (my $code = $ask) =~ s/CALL/$call/;
        is run_perl('-MFile::FDpasser=:all', '-e', $code),
            "$count 0 " . Errno->can($errno)->(), "$call, of a kernel that says $said: $errno";
    }
}

no_leak();
done_testing;
