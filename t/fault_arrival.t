# A message that comes in the midst of a call, between any two of its system calls,
# where the table is full: nothing is lost.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Preload;
use Script;
use Situation;

use Config;

# ARRIVES: before which system call of ours, and on which descriptor is sent which;
# then a byte says so.
my $library = library(<<'END');
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void send_message(int connection, int descriptor)
{
    char bytes[2] = { 0, 0 }, control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec vector = { bytes, sizeof bytes };
    struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control,
        .msg_controllen = sizeof control };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    sendmsg(connection, &message, 0);
}

static void before_call(void)
{
    static char seen[100];
    static int left;
    int connection, descriptor, said;
    const char *when = getenv("ARRIVES");

    if (!when)
        when = "";
    if (strcmp(when, seen)) {
        strncpy(seen, when, sizeof seen - 1);
        left = atoi(when);
    }
    if (left == 0 || --left > 0)
        return;
    sscanf(when, "%*d %d %d %d", &connection, &descriptor, &said);
    send_message(connection, descriptor);
    write(said, "x", 1);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    REAL(ssize_t, recvmsg, (int, struct msghdr *, int));
    if (IS_OURS)
        before_call();
    return real(fd, message, flags);
}

int poll(void *fds, unsigned long n, int timeout)
{
    REAL(int, poll, (void *, unsigned long, int));
    if (IS_OURS)
        before_call();
    return real(fds, n, timeout);
}
END

my $script = script(<<'END');
use strict;
use warnings;
use Peer;
use Situation;
use File::FDpasser qw(:all);
use Socket;

if (@ARGV) { require threads; threads->create(sub { 1 })->join }
my %receive = (
    recv_fh => sub { grep {defined} recv_fh($_[0]) },
    recv_fhs => sub { recv_fhs($_[0]) },
    'recv_fhs of one' => sub { recv_fhs($_[0], 1) },
    'read_fd of one'  => sub { (read_fd($_[0], 2, 1))[1] },
    'read_fd of more' => sub { (read_fd($_[0], 2, 2))[1] },
);
my $file = tagged('kept');
pipe my $told, my $teller or die "pipe: $!";
$told->blocking(0);
for my $name (sort keys %receive) {
    for my $type (SOCK_STREAM, SOCK_SEQPACKET) {
        for my $moment (1 .. 20) {
            my ($us, $peer) = pair($type);
            $us->blocking(0);
            my $why = join ' ', with_free 0, sub {
                local $ENV{ARRIVES} = join ' ', $moment, map { fileno $_ } $peer, $file, $teller;
                my @none = grep {defined} $receive{$name}->($us);
                errno_name($!);
            };
            sysread $told, my $byte, 1 or last;
            my ($got) = $receive{$name}->($us);
            print "$name, type $type, moment $moment: $why, ", defined $got ? tag_of($got) : "lost, $!", "\n";
        }
    }
}
END

for my $threads ($Config{useithreads} ? (0, 1) : 0) {
    my $run = do {
        local $ENV{LD_PRELOAD} = $library->path;
        $script->run(arguments => [ (1) x $threads ]);
    };
    my @moments = split /\n/, $run->{out};
    cmp_ok scalar @moments, '>', 10, 'messages in the midst of a call' . ($threads ? ', with threads' : '');
    is_deeply [ grep { !/: E(?:AGAIN|MFILE), kept\z/ } @moments ], [], '... none is lost';
    is $run->{err}, '', '... and nothing is complained of';
}
no_leak();
done_testing;
