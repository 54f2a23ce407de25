use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Situation;

use Fcntl;
use POSIX ();

use File::FDpasser;

# What my_getfl, get_fopen_mode, my_isastream and bind_to_fs say of a number.

my $dir  = workdir();
my $path = "$dir/file";

my %expected = (
    r    => [ O_RDONLY | O_CREAT ],
    w    => [ O_WRONLY, O_WRONLY | O_TRUNC, O_WRONLY | O_NONBLOCK ],
    a    => [ O_WRONLY | O_APPEND ],
    'w+' => [ O_RDWR, O_RDWR | O_TRUNC ],
    'a+' => [ O_RDWR | O_APPEND ],
);
for my $mode (sort keys %expected) {
    for my $flags (@{ $expected{$mode} }) {
        sysopen my $fh, $path, $flags | O_CREAT or die "$path: $!";
        is get_fopen_mode(fileno $fh), $mode,
            sprintf 'opened with flags %#o: %s', $flags, $mode;
        is my_getfl(fileno $fh), fcntl($fh, F_GETFL, 0) + 0,
            '... the flags are those of F_GETFL';
    }
}
{
    my ($end) = spipe();
    pipe my $reader, my $writer or die "pipe: $!";
    is get_fopen_mode(fileno $end),    'w+', 'a socket';
    is get_fopen_mode(fileno $reader), 'r',  'the reading end of a pipe';
    is get_fopen_mode(fileno $writer), 'w',  'the writing end of a pipe';
    $end->blocking(0);
    ok my_getfl(fileno $end) & O_NONBLOCK, 'a flag that was set is shown';
    ok !(my_getfl(fileno $reader) & O_NONBLOCK), '... one that was not is not';
    is my_getfl(fileno $reader), 0, 'flags of 0 are 0 and no failure'
        if O_RDONLY == 0;
}

SKIP: {
    skip 'no such access mode here', 3 if $^O ne 'linux';
    sysopen my $fh, '/dev/null', O_WRONLY | O_RDWR or skip "open: $!", 3;
    fails { get_fopen_mode(fileno $fh) } undef, 'EINVAL', 'access mode 3';
    is my_getfl(fileno $fh) & 3, 3, '... has flags';
    my ($here, $there) = spipe();
    send_file($here, $fh);
    my $got = recv_fh($there);
    my $said = '';
    local $SIG{__WARN__} = sub { $said .= $_[0] };
    print {$got} 'nowhere';
    my $line = readline $got;
    is $said, '', '... is a handle for both directions, though it can do neither';
    close $got;
}

SKIP: {
    my $O_PATH = 0x20_0000;
    skip 'O_PATH is known for Linux only', 6 if $^O ne 'linux';
    for my $what ($path, "$dir") {
        sysopen my $fh, $what, $O_PATH or skip "open: $!", 6;
        fails { get_fopen_mode(fileno $fh) } undef, 'EINVAL',
            'what was opened with O_PATH can neither be read nor written';
        is my_getfl($fh) & $O_PATH, $O_PATH, '... has flags';
        my ($here, $there) = spipe();
        send_file($here, $fh);
        is identity(recv_fh($there)), identity($fh), '... and can be passed on';
    }
}

# Streams are things of Solaris and illumos.
{
    my ($end) = spipe();
    pipe my $reader, my $writer or die "pipe: $!";
    open my $file, '<', $path or die "$path: $!";
    is File::FDpasser::my_isastream(fileno $file), 0, 'a file is no stream';
    SKIP: {
        skip 'there are streams here', 4
            if $^O eq 'solaris'
            || ($ENV{FDPASSER_TRANSPORT} || '') eq 'streams';
        is File::FDpasser::my_isastream(fileno $end), 0, 'nor is a socket';
        is File::FDpasser::my_isastream(fileno $reader), 0, 'nor a pipe';
        fails { File::FDpasser::bind_to_fs(fileno $end, $path) } 0, 'ENOSYS',
            'a socket can not be attached at a path';
        fails { File::FDpasser::bind_to_fs(fileno $end, "$dir/new") }
            0, 'ENOSYS', '... nor at a new one';
        is names($dir), 'file', '... and nothing is touched';
    }
}

# A number that is not open
{
    my ($end) = spipe();
    my $number = fileno $end;
    close $end;
    fails { my_getfl($number) } -1, 'EBADF', 'closed: my_getfl';
    fails { get_fopen_mode($number) } undef, 'EBADF', 'closed: get_fopen_mode';
    fails { File::FDpasser::my_isastream($number) } -1, 'EBADF',
        'closed: my_isastream';
    fails { File::FDpasser::my_send_fd($number, 0) } -1, 'EBADF',
        'closed: my_send_fd on it';
    fails { File::FDpasser::my_recv_fd($number) } -1, 'EBADF',
        'closed: my_recv_fd';
    fails { File::FDpasser::my_serv_accept($number, my $uid) } -1, 'EBADF',
        'closed: my_serv_accept';
    my ($open, $other) = spipe();
    fails { File::FDpasser::my_send_fd(fileno $other, 999) } -1, 'EBADF',
        'closed: my_send_fd of it';
}

no_leak();
done_testing;
