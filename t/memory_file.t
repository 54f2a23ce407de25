use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Situation;
use Syscall qw(descriptor_limit has_system_call);

use Config;
use Fcntl qw(F_GETFD FD_CLOEXEC SEEK_SET);

use File::FDpasser qw(:all);

# memfd: a file in memory that is sealed, for what is too large for a message.

{
    $! = 0;
    my $file = memfd('here', '');
    plan skip_all => 'no files in memory here' if !$file && $!{EOPNOTSUPP};
}

{
    $! = 7;
    my $file = memfd('greeting', "hello\nworld\n");
    is ref $file, 'IO::Handle', 'a handle';
    is $! + 0, 7, '... $! is left alone';
    is sysseek($file, 0, 1), '0 but true', '... at the start';
    is -s $file, 12, '... of a file as long as the bytes';
    is_deeply [ readline $file ], [ "hello\n", "world\n" ], '... which are in it';
    ok fcntl($file, F_GETFD, 0) & FD_CLOEXEC, '... close-on-exec';
    like readlink('/proc/self/fd/' . fileno $file), qr/greeting/, '... by this name'
        if $^O eq 'linux';
}

# Nobody can change it, neither here nor at the other end.
{
    my $file = memfd('sealed', 'x' x 100);
    my ($one, $other) = spipe();
    send_file($one, $file) or die "send_file: $!";
    for ([ 'here', $file ], [ 'received', recv_fh($other) ]) {
        my ($name, $sealed) = @$_;
        sysseek $sealed, 0, SEEK_SET;
        fails { syswrite $sealed, 'y' } undef, 'EPERM', "$name: it can't be written to";
        sysseek $sealed, 100, SEEK_SET;
        fails { syswrite $sealed, 'y' } undef, 'EPERM', '... nor grow';
        fails { my $done = truncate $sealed, 10; $done ? 1 : undef } undef, 'EPERM',
            '... nor shrink';
        if ($^O eq 'linux') {
            my ($F_ADD_SEALS, $F_GET_SEALS) = (1033, 1034);
            is fcntl($sealed, $F_GET_SEALS, 0) & 15, 15, '... all seals are on';
            fails { fcntl $sealed, $F_ADD_SEALS, 16 } undef, 'EPERM', '... for good';
        }
        sysseek $sealed, 0, SEEK_SET;
        is sysread($sealed, my $bytes, 200), 100, '... and is read';
        is $bytes, 'x' x 100, '... as it was';
    }
}

# Any bytes, and many
for (
    [ 'none'        => '' ],
    [ 'a zero'      => "\0" ],
    [ 'all'         => join '', map {chr} 0 .. 255 ],
    [ 'three MiB'   => 'abc' x 1024 x 1024 ],
    [ 'utf8 inside' => do { my $s = "\xe9t\xe9"; utf8::upgrade($s); $s } ],
    [ 'a number'    => 12345 ],
    )
{
    my ($name, $bytes) = @$_;
    my $file = memfd('bytes', $bytes);
    utf8::downgrade($bytes);
    ok do { local $/; readline $file } eq $bytes, "bytes: $name";
}

# Names are for people: any will do, also the same twice.
for ('', 'same', 'same', 'with / and space', "\xff", 'n' x 249) {
    ok memfd($_, 'x'), sprintf 'a name of %d bytes', length;
}
ok memfd(undef, 'x'), 'or none';

# ---- failures

fails { memfd('n' x 250, 'x') } undef, 'EINVAL', 'a name that is too long';
for (
    [ [ "a\0b", 'x' ],         'argument 1 has a NUL byte in it', 'a NUL in the name' ],
    [ [ 'name', undef ],       'argument 2 is undefined',         'bytes that are undef' ],
    [ ['name'],                'argument 2 is undefined',         'no bytes' ],
    )
{
    my ($arguments, $why, $name) = @$_;
    my $place = 'at ' . __FILE__ . ' line ' . (__LINE__ + 1) . '.';
    eval { memfd(@$arguments) };
    is $@, "Invalid args to memfd: $why $place\n", "$name: it dies";
}
eval { memfd('name', "wide \x{263a}") };
like $@, qr/wide character/i, 'wide characters: it dies';

{
    my ($errno, @left) = (in_child {
        descriptor_limit(64) if has_system_call('prlimit64');
        my @full;
        while (open my $null, '<', '/dev/null') { push @full, $null }
        $! = 0;
        my $file  = memfd('name', 'x');
        my $errno = errno_name($!);
        @full = ();
        return ($errno, leaked());
    })->result;
    is $errno, 'EMFILE', 'a full table';
    is "@left", '', '... nothing is left over';
}

# Memory that ends, as a limit on files plays it: nothing half-written remains.
SKIP: {
    skip 'no way to limit a file here', 2 if !-x '/bin/bash';
    my $code = q{$SIG{XFSZ} = 'IGNORE'; $! = 0; my $file = memfd('name', 'x' x 100_000);}
        . q{ print defined $file ? 1 : 0, ' ', $! + 0, ' ', scalar(() = glob '/proc/self/fd/*')};
    my @perl = ($^X, (map {"-I$_"} grep { !ref } @INC), '-MFile::FDpasser=:all', '-e');
    open my $output, '-|', '/bin/bash', '-c', 'ulimit -f 10; exec "$@"', 'limited', @perl, $code
        or die "bash: $!";
    my ($given, $errno, $open) = split ' ', readline $output;
    is "$given " . errno_name($errno), '0 EFBIG', 'more than fits';
    open my $base, '-|', @perl, q{print scalar(() = glob '/proc/self/fd/*')} or die "perl: $!";
    is $open, readline $base, '... nothing is left over';
}

# What older kernels say: a library between us and the system plays that.
SKIP: {
    my $dir = workdir();
    write_file("$dir/older.c", <<'END');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

int memfd_create(const char *name, unsigned flags)
{
    int (*real)(const char *, unsigned) = dlsym(RTLD_NEXT, "memfd_create");
    unsigned known = atoi(getenv("KNOWN_FLAGS"));

    if (!known) {
        errno = ENOSYS;
        return -1;
    }
    if (flags & ~known) {
        errno = EINVAL;
        return -1;
    }
    return real(name, flags);
}
END
    system("$Config{cc} -shared -fPIC -o $dir/older.so $dir/older.c -ldl >$dir/log 2>&1") == 0
        or skip 'cannot compile: ' . content("$dir/log"), 2;
    local $ENV{LD_PRELOAD} = "$dir/older.so";
    my $code = q{$! = 0; my $file = memfd('name', 'bytes');}
        . q{ print defined $file ? readline $file : 'undef', ' ', $! + 0};
    for ([ 3, 'bytes 0' ], [ 0, 'undef ' . Errno::EOPNOTSUPP() ]) {
        local $ENV{KNOWN_FLAGS} = $_->[0];
        is run_perl('-MFile::FDpasser=:all', '-e', $code), $_->[1],
            "a kernel that knows flags $_->[0]";
    }
}

no_leak();
done_testing;
