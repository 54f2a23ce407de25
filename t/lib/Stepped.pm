package Stepped;

# A program that does endp_create and endp_connect one system call at a time:
# before each call of the native library the test is asked, which may do in
# the meantime whatever a race could bring, and then lets the call be made or
# fail.
#
#     use Stepped;                         # skips the test where it can't work
#
#     my $program = Stepped->new;          # a process of its own
#     my $got = $program->endp_create($path, exclusive => 1, sub {
#         my ($call, $n) = @_;             # 'renameat2', from 1 on
#         return $call eq 'listen' ? ENOMEM : 0;
#     });
#     $got->{ok}, $got->{errno}, $got->{descriptors};
#
# The listener stays open until the next call. How it works: a small library
# (LD_PRELOAD) stands between ours and libc.

use strict;
use warnings;

use Config;
use Errno      ();
use File::Spec ();
use File::Temp ();
use Socket;
use Test::More ();

# How each call is declared, and passed on; what it is called, if otherwise.
my %CALLS = (
    socket     => [ 'int a, int b, int c',                        'a, b, c' ],
    setsockopt => [ 'int a, int b, int c, const void *d, unsigned e', 'a, b, c, d, e' ],
    bind       => [ 'int a, const void *b, unsigned c',           'a, b, c' ],
    listen     => [ 'int a, int b',                               'a, b' ],
    connect    => [ 'int a, const void *b, unsigned c',           'a, b, c' ],
    fchmod     => [ 'int a, unsigned b',                          'a, b' ],
    fchmodat   => [ 'int a, const char *b, unsigned c, int d',    'a, b, c, d' ],
    flock      => [ 'int a, int b',                               'a, b' ],
    fcntl      => [ 'int a, int b, long c',                       'a, b, c' ],
    open       => [ 'const char *a, int b, unsigned c',           'a, b, c' ],
    openat     => [ 'int a, const char *b, int c, unsigned d',    'a, b, c, d' ],
    stat       => [ 'const char *a, void *b',                     'a, b' ],
    fstat      => [ 'int a, void *b',                             'a, b' ],
    fstatat    => [ 'int a, const char *b, void *c, int d',       'a, b, c, d' ],
    # What the three are in glibc before 2.33
    __xstat    => [ 'int v, const char *a, void *b',              'v, a, b', 'stat' ],
    __fxstat   => [ 'int v, int a, void *b',                      'v, a, b', 'fstat' ],
    __fxstatat => [ 'int v, int a, const char *b, void *c, int d', 'v, a, b, c, d', 'fstatat' ],
    renameat   => [ 'int a, const char *b, int c, const char *d', 'a, b, c, d' ],
    linkat     => [ 'int a, const char *b, int c, const char *d, int e', 'a, b, c, d, e' ],
    unlinkat   => [ 'int a, const char *b, int c',                'a, b, c' ],
);

my $HEAD = <<'END';
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

long read(int, void *, unsigned long);
long write(int, const void *, unsigned long);

static int refused(const char *name, const void *caller)
{
    Dl_info who;
    const char *to = getenv("FDPASSER_STEPS");
    int error = 0;
    if (!to || !dladdr(caller, &who) || !strstr(who.dli_fname, "FDpasser"))
        return 0;
    write(atoi(to), name, strlen(name));
    if (read(atoi(to), &error, sizeof error) != sizeof error)
        _Exit(1);
    errno = error;
    return error;
}
END

my $EACH = <<'END';
int NAME(PARAMETERS)
{
    int (*real)(PARAMETERS) = dlsym(RTLD_NEXT, "NAME");
    if (refused("call CALLED", __builtin_return_address(0)))
        return -1;
    return real(ARGUMENTS);
}
END

# The library makes these by their numbers; the second stands for all of stat(2)
# where the C library's is too narrow.
my $BY_NUMBER = <<'END';
#include <sys/syscall.h>
#define AT_FDCWD      -100
#define AT_EMPTY_PATH 0x1000
static const char *named(long number, long directory, long flags)
{
    if (number == SYS_renameat2)
        return "call renameat2";
#ifdef SYS_statx
    if (number == SYS_statx)
        return flags & AT_EMPTY_PATH ? "call fstat"
            : directory == AT_FDCWD ? "call stat" : "call fstatat";
#endif
    return NULL;
}

long syscall(long number, long a, long b, long c, long d, long e, long f)
{
    long (*real)(long, ...) = dlsym(RTLD_NEXT, "syscall");
    const char *name = named(number, a, c);
    if (name && refused(name, __builtin_return_address(0)))
        return -1;
    return real(number, a, b, c, d, e, f);
}
END

my $PROGRAM = <<'END';
my $test = IO::Handle->new_from_fd($ENV{FDPASSER_STEPS}, '+<');
my $endpoint;
while (sysread $test, my $command, 65536) {
    my ($name, $path, %option) = map { pack 'H*', $_ } split / /, $command, -1;
    undef $endpoint;
    $! = 0;
    $endpoint = $name eq 'endp_create'
        ? endp_create($path, %option) : endp_connect($path, %option);
    my $errno = $! + 0;
    opendir my $listing, '/proc/self/fd';
    my $descriptors = () = readdir $listing;
    syswrite $test, join ' ', 'done', $endpoint ? 1 : 0, $errno, $descriptors;
}
END

my $library;

sub import {
    my $why = $^O ne 'linux' ? "LD_PRELOAD is used on Linux only, not on $^O"
        : preload() ? undef : "no library can be made with $Config{cc}";
    Test::More::plan(skip_all => $why) if $why;
    return;
}

# The library; false if there is no compiler.
sub preload {
    $library = File::Temp->newdir('fdpasser-XXXXXX', TMPDIR => 1);
    open my $source, '>', "$library/steps.c" or die "$library: $!";
    print {$source} $HEAD;
    for my $name (sort keys %CALLS) {
        my ($parameters, $arguments, $called) = @{ $CALLS{$name} };
        (my $function = $EACH) =~ s/NAME/$name/g;
        $function =~ s/CALLED/$called || $name/e;
        $function =~ s/PARAMETERS/$parameters/g;
        $function =~ s/ARGUMENTS/$arguments/g;
        print {$source} $function;
    }
    print {$source} $BY_NUMBER;
    close $source or die "$library: $!";
    return system("$Config{cc} -shared -fPIC -w -fno-builtin -o $library/steps.so"
        . " $library/steps.c -ldl >$library/log 2>&1") == 0;
}

sub new {
    my ($class) = @_;
    socketpair my $ours, my $theirs, AF_UNIX, SOCK_SEQPACKET, PF_UNSPEC
        or die "socketpair: $!";
    my $pid = fork;
    die "fork: $!" if !defined $pid;
    if (!$pid) {
        my @include = map { '-I' . File::Spec->rel2abs($_) } grep { !ref } @INC;
        fcntl $theirs, Fcntl::F_SETFD(), 0;
        local @ENV{qw(LD_PRELOAD FDPASSER_STEPS)}
            = ("$library/steps.so", fileno $theirs);
        exec $^X, @include, qw(-MIO::Handle -MFile::FDpasser -e), $PROGRAM
            or POSIX::_exit(127);
    }
    return bless { pid => $pid, socket => $ours }, $class;
}

sub endp_create  { return shift->carry_out('endp_create',  @_) }
sub endp_connect { return shift->carry_out('endp_connect', @_) }

sub carry_out {
    my ($self, @command) = @_;
    my $step = ref $command[-1] ? pop @command : sub {0};
    $self->start(@command);
    my $got;
    $self->go_on($step->($got->{call}, $got->{n}))
        until ($got = $self->next_step)->{over};
    return $got;
}

# The same in pieces, for two programs at once: start, then next_step and
# go_on($errno) until it is over.
sub start {
    my ($self, @command) = @_;
    $self->{n} = 0;
    syswrite $self->{socket}, join ' ', map { unpack 'H*', $_ } @command
        or die "steps: $!";
    return;
}

sub next_step {
    my ($self) = @_;
    my $got = sysread $self->{socket}, my $message, 1024;
    die 'steps: ', defined $got ? 'the program has ended' : $!, "\n" if !$got;
    return { call => $1, n => ++$self->{n} } if $message =~ /\Acall (\w+)\z/;
    my (undef, $ok, $errno, $descriptors) = split / /, $message;
    return {
        over        => 1,
        ok          => $ok,
        errno       => $ok ? '' : Situation::errno_name($errno),
        descriptors => $descriptors,
    };
}

sub go_on {
    my ($self, $errno) = @_;
    syswrite $self->{socket}, pack 'i', $errno or die "steps: $!";
    return;
}

# Ends it where it stands.
sub kill {
    my ($self) = @_;
    CORE::kill KILL => $self->{pid};
    return $self->end;
}

# Its endpoint is closed with it.
sub end {
    my ($self) = @_;
    delete $self->{socket};
    waitpid delete $self->{pid}, 0 if $self->{pid};
    return;
}

sub DESTROY { local ($?, $!); $_[0]->end }

1;
