# The recipes of what is passed: connections, directories, files in memory,
# handles that do not block, batches.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Errno qw(EACCES ENOENT);
use Fcntl qw(O_NONBLOCK);
use IO::Socket::INET;
use Cookbook;
use Files;
use Identity;
use NeedsTcp;
use Program;
use Situation;
use Syscall;

use File::FDpasser qw(:all);

my $dir  = workdir();
my $path = "$dir/endpoint";

sub text { local $! = shift; return "$!" }

# ---- a TCP connection

my ($tcp) = recipe('A TCP connection', $dir);
my $server = start($^X, $tcp);
my ($port) = $server->line =~ /\Aport (\d+)\n\z/ or die 'no port';
for (1, 2) {
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die $@;
    is $client->getline, "hello, 127.0.0.1\n", 'a client is greeted by its address';
    $client->print("louder\n");
    is $client->getline, "LOUDER\n", '... and answered at once';
    $client->shutdown(1);
    is $client->getline, undef, '... until its end';
}
is $server->end('TERM')->{err}, '', '... nobody complained';

# ---- a directory

SKIP: {
    skip 'no /proc', 5 if !-d '/proc/self/fd';
    my ($list) = recipe('A directory', $dir);
    mkdir "$dir/$_" and chmod 0755, "$dir/$_" or die $! for 'above', 'above/here', 'above/here/folder';
    write_file("$dir/above/here/$_", 'x' x 12) for qw(two one);
    is run($^X, $list, "$dir/above/here")->{out}, "       12  one\n       12  two\n", 'the files of a directory';
    is run($^X, $list, "$dir/nowhere")->{err}, "$dir/nowhere: " . text(ENOENT) . "\n", 'no directory';

    skip $Identity::WHY_NOT, 3 if $Identity::WHY_NOT;
    chmod 0700, "$dir/above";
    my ($ours, $theirs) = spipe();
    opendir my $here, "$dir/above/here" or die $!;
    send_file($ours, $here) or die $! for 1, 2;
    ok as_user($ALICE, sub { !-e "$dir/above/here" && chdir recv_fh($theirs) and -e 'one' }),
        'a directory is passed to who could not get there';
    chmod 0700, "$dir/above/here";
    is as_user($ALICE, sub { chdir recv_fh($theirs) or $! + 0 }), EACCES,
        '... who needs permission on the directory itself';
    chmod 0755, "$dir/above/here";
}

# ---- a file in memory

SKIP: {
    skip 'no memfd, or no /proc', 2 if $^O ne 'linux' || !memfd('x', 'y') || !-d '/proc/self/fd';
    my ($table) = recipe('A file in memory', $dir);
    my $run = run($^X, $table);
    is join('', sort split /^/, $run->{out}), "1\t1\n1000\t1000000\n100000\t10000000000\n",
        'three processes read the same table at the same time';
    is $run->{err}, '', '... nobody complained';
}

# ---- a handle that does not block

my ($lines) = recipe('A handle that does not block', $dir);
for my $blocking (0, 1) {
    pipe my $reader, my $writer or die "pipe: $!";
    $reader->blocking($blocking);
    my $listener = endp_create($path) or die $!;
    my $client   = start($^X, $lines, $path);
    my $conn     = serv_accept_fh($listener) or die $!;
    syswrite $writer, "first\nsec";
    send_file($conn, $reader) or die $!;
    is $client->line, "line: first\n", 'a line, ' . ($blocking ? 'blocking' : 'non-blocking');
    syswrite $writer, "ond\n\nlast";
    is $client->line, "line: second\n", '... a second one, in pieces';
    is $client->line, "line: \n", '... an empty one';
    close $writer;
    my $run = $client->end;
    is $run->{out}, 'line: last', '... one without an end';
    is $run->{err}, $blocking ? '' : "it does not block\n", '... it says what it got';
    is !(my_getfl($reader) & O_NONBLOCK), !!$blocking, '... and leaves it so';
}

# ---- a batch that does not fit

# Leaves a program room for descriptors up to a number.
sub limit {
    my ($pid, $number) = @_;
    my $limits = pack_64($number) . pack_64(256);
    defined system_call('prlimit64', $pid, constant('RLIMIT_NOFILE'), $limits, 0) or die "prlimit: $!";
}

sub first_free {
    my ($pid) = @_;
    my $number = 0;
    $number++ while defined readlink "/proc/$pid/fd/$number";
    return $number;
}

SKIP: {
    skip 'no batches over streams', 7 if transport() ne 'socket';
    skip 'no prlimit, or no /proc', 7 if !has_system_call('prlimit64') || !-d '/proc/self/fd';
    my ($batches) = recipe('A batch that does not fit', $dir);
    my $listener  = endp_create($path) or die $!;
    my $client    = start($^X, $batches, $path);
    my $conn      = serv_accept_fh($listener) or die $!;
    open my $fh, '<', '/dev/null' or die $!;
    my $sends = sub {
        my ($number) = @_;
        write_fd($conn, "\0\0", ($fh) x $number) or die "write_fd: $!";
        return $client->line;
    };
    is $sends->(3),   "3 descriptors\n",          'a batch is received';
    is $sends->(150), "a batch is thrown away\n", '... one that is too long is not';
    limit($client->pid, first_free($client->pid));
    is $sends->(60), "a batch is thrown away\n", '... nor one for which there is no room';
    is $sends->(2),  "a batch is thrown away\n", '... and another one';
    limit($client->pid, 256);
    is $sends->(5), "5 descriptors\n", '... which are not in the way of the next';
    undef $conn;
    my $run = $client->end;
    is $run->{err}, '', '... nobody complained';
    is $run->{status}, 0, '... until the end';
}

no_leak();
done_testing;
