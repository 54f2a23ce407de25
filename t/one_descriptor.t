use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Situation;

use Fcntl qw(:seek F_GETFL O_NONBLOCK O_RDONLY O_RDWR O_WRONLY O_APPEND);
use IO::Handle;
use POSIX        ();
use Scalar::Util qw(reftype);
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);

use File::FDpasser;

# One descriptor from send_file to recv_fh or recv_fd, over spipe.

my $dir = workdir();

# spipe

{
    my @ends = spipe();
    is @ends, 2, 'spipe returns two endpoints';
    for my $end (@ends) {
        is ref $end, 'IO::File', 'each an IO::File';
        is reftype($end), 'GLOB', '... of reftype GLOB';
        ok !(fcntl($end, F_GETFL, 0) & O_NONBLOCK), '... blocking';
    }
    for my $pair ([@ends], [ reverse @ends ]) {
        my ($from, $to) = @$pair;
        is syswrite($from, "abc"), 3, 'what one writes';
        sysread $to, my $read, 10;
        is $read, 'abc', '... the other reads';
        is send_file($from, \*STDIN), 1, 'what one sends';
        is identity(recv_fh($to)), identity(\*STDIN), '... the other receives';
    }
    close $ends[0];
    is sysread($ends[1], my $nothing, 10), 0,
        'one closes, the other sees the end';
}
{
    my $end = spipe();
    is ref $end, 'IO::File', 'in scalar context spipe returns an endpoint';
    is sysread($end, my $nothing, 10), 0, '... and the other one is gone';
    my ($first) = spipe();
    is sysread($first, $nothing, 10), 0, 'dropping one end closes it';
}
# In a process that has all the descriptors open that it may have.
my $full = do { local $! = Errno::EMFILE(); "socketpair: $!\n" };
is run_perl('-e', <<'SCRIPT'), $full,
exec 'sh', '-c', 'ulimit -n 30; exec "$@"', 'sh', $^X, (map { "-I$_" } @INC),
    '-MFile::FDpasser', '-e', <<'FULL';
    1 while open $full[@full], '<', '/dev/null';
    eval { spipe() };
    print $@;
FULL
SCRIPT
    'spipe dies of a full descriptor table';

# Every mode that open knows

my %mode = (
    '<'   => { letter => 'r',  reads => 1 },
    '>'   => { letter => 'w',  writes => 1 },
    '>>'  => { letter => 'a',  writes => 1, appends => 1 },
    '+<'  => { letter => 'w+', reads => 1, writes => 1 },
    '+>'  => { letter => 'w+', reads => 1, writes => 1 },
    '+>>' => { letter => 'a+', reads => 1, writes => 1, appends => 1 },
);

for my $mode (sort keys %mode) {
    my ($here, $there) = spipe();
    my ($path, $can) = ("$dir/mode", $mode{$mode});
    write_file($path, "one\ntwo\n");
    open my $fh, $mode, $path or die "$path: $!";
    is send_file($here, $fh), 1, "a handle opened with $mode is sent";
    my $sent = identity($fh);
    write_file($path, "one\ntwo\n");    # after + > has emptied it
    close $fh;

    my $got = recv_fh($there);
    is ref $got, 'IO::Handle', '... and is received as an IO::Handle';
    is reftype($got), 'GLOB', '... of reftype GLOB';
    is identity($got), $sent, '... on the same file';
    is get_fopen_mode(fileno $got), $can->{letter},
        "... in mode $can->{letter}";
    is content($path), "one\ntwo\n", '... nothing was cut off';
    is tell($got), $can->{appends} ? 8 : 0,
        '... it stands at the ' . ($can->{appends} ? 'end' : 'start');

    seek $got, 0, SEEK_SET;
    my $line = do { no warnings 'io'; readline $got };
    is $line, $can->{reads} ? "one\n" : undef,
        $can->{reads} ? '... it reads' : '... it does not read';
    $got->clearerr;
    seek $got, 4, SEEK_SET;
    my $printed = do { no warnings 'io'; print {$got} 'TWO' };
    $got->flush;
    ok !$printed == !$can->{writes},
        $can->{writes} ? '... it writes' : '... it does not write';
    is content($path),
          $can->{appends} ? "one\ntwo\nTWO"
        : $can->{writes}  ? "one\nTWO\n"
        :                   "one\ntwo\n",
        '... where it should';
    $got->clearerr;
    ok close($got), '... and it closes';
}

# Two that append to the same file don't overwrite each other.
{
    my ($here, $there) = spipe();
    my $path = "$dir/log";
    open my $fh, '>>', $path or die "$path: $!";
    send_file($here, $fh);
    my $got = recv_fh($there);
    print {$fh} "first\n";
    $fh->flush;
    print {$got} "second\n";
    $got->flush;
    print {$fh} "third\n";
    close $fh;
    close $got;
    is content($path), "first\nsecond\nthird\n", 'both append at the end';
}

# The offset belongs to the open file, which both now share.
{
    my ($here, $there) = spipe();
    my $path = "$dir/shared";
    write_file($path, "0123456789");
    open my $fh, '<', $path or die "$path: $!";
    sysseek $fh, 4, SEEK_SET;
    send_file($here, $fh);
    my $got = recv_fh($there);
    is tell($got), 4, 'the receiver starts at the offset of the sender';
    is do { local $/; <$got> }, '456789', '... and reads from there';
    is sysseek($fh, 0, SEEK_CUR), 10, '... which moves the sender too';
}

# Things that are not files

{
    my ($here, $there) = spipe();
    pipe my $reader, my $writer or die "pipe: $!";
    send_file($here, $_) for $reader, $writer;
    close $_ for $reader, $writer;
    my ($in, $out) = (recv_fh($there), recv_fh($there));
    is get_fopen_mode(fileno $in),  'r', 'the reading end of a pipe';
    is get_fopen_mode(fileno $out), 'w', 'the writing end of a pipe';
    print {$out} "through the pipe\n";
    close $out;
    is_deeply [<$in>], ["through the pipe\n"], 'both ends work';
}
{
    my ($here, $there) = spipe();
    send_file($here, $here);
    my $got = recv_fh($there);
    is identity($got), identity($here), 'a connection is sent over itself';
    send_file($got, \*STDIN);
    is identity(recv_fh($there)), identity(\*STDIN),
        '... and the received one is a connection';
}
{
    my ($here, $there) = spipe();
    opendir my $handle, $dir or die "$dir: $!";
    send_file($here, $handle);
    closedir $handle;
    my $number = recv_fd($there);
    is identity($number), join(':', (stat $dir)[ 0, 1 ]), 'a directory';
    POSIX::close($number);
}
SKIP: {
    # Linux: access mode 3, a descriptor for ioctl alone.
    skip 'no such access mode here', 1 if $^O ne 'linux';
    my ($here, $there) = spipe();
    sysopen my $fh, '/dev/null', O_WRONLY | O_RDWR or skip "open: $!", 1;
    send_file($here, $fh);
    my $before = descriptors();
    { my $got = recv_fh($there) }
    is descriptors(), $before, 'a descriptor that neither reads nor writes';
}

# Several at once queue up and come in order, each on its own.
{
    my ($here, $there) = spipe();
    my @path = map {"$dir/many$_"} 1 .. 40;
    for my $path (@path) {
        write_file($path, $path =~ /([0-9]+)\z/);
        open my $fh, '<', $path or die "$path: $!";
        send_file($here, $fh) or die "send_file: $!";
    }
    my @fh = map { recv_fh($there) } @path;
    is join(' ', map { readline $_ } @fh), join(' ', 1 .. 40), 'forty in order';
}

# Handles close when dropped, numbers when the program says so.
{
    my ($here, $there) = spipe();
    my $before = join ' ', descriptors();
    send_file($here, \*STDIN) for 1 .. 3;
    {
        my $fh = recv_fh($there);
        isnt join(' ', descriptors()), $before, 'a handle';
    }
    is join(' ', descriptors()), $before, '... closes when it is dropped';
    recv_fh($there);
    is join(' ', descriptors()), $before, '... at once if nobody takes it';
    my $fd = recv_fd($there);
    like $fd, qr/\A[0-9]+\z/, 'a number is a number';
    isnt join(' ', descriptors()), $before, '... that stays';
    POSIX::close($fd);
    is join(' ', descriptors()), $before, '... until it is closed';
}
is_deeply [ (in_child {
    my ($here, $there) = spipe();
    send_file($here, \*STDERR);
    send_file($here, \*STDERR);
    close STDIN;
    my $fd = recv_fd($there);
    my $name = fileno(recv_fh($there));
    POSIX::close(0);
    return ($fd, $name > 0 ? 'another' : 'the same');
})->result ], [ 0, 'another' ], 'descriptor 0 is as good as any other';

# Between processes, which is what it is for
{
    my ($here, $there) = spipe();
    my $path  = "$dir/secret";
    write_file($path, "the secret\n");
    my $child = in_child {
        close $here;
        open my $fh, '<', $path or die "$path: $!";
        unlink $path;
        return send_file($there, $fh);
    };
    close $there;
    my $got = recv_fh($here);
    is scalar <$got>, "the secret\n", 'the child opened, the parent reads';
    is $child->result, 1, 'the child was told of success';
}

# The end
{
    my ($here, $there) = spipe();
    send_file($here, \*STDIN);
    close $here;
    ok recv_fh($there), 'what was sent before the end is received';
    fails { recv_fh($there) } undef, 'ENOTCONN', 'recv_fh at the end';
    fails { recv_fd($there) } undef, 'ENOTCONN', 'recv_fd at the end';
    fails { File::FDpasser::my_recv_fd(fileno $there) } -1, 'ENOTCONN',
        'my_recv_fd at the end';
    local $SIG{PIPE} = 'IGNORE';
    fails { send_file($there, \*STDIN) } undef, 'EPIPE', 'send_file after it';
    my $caught = 0;
    local $SIG{PIPE} = sub { $caught++ };
    send_file($there, \*STDIN);
    is $caught, 1, '... with SIGPIPE';
}

no_leak();
done_testing;
