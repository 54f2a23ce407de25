# A system that refuses descriptors though there is room, as SELinux does: the
# call fails with EACCES, at once and not for ever, the message is gone, and
# what came of it is closed. A library between us and the system plays that.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Files;
use Peer;
use Script;

use Config;

my $dir = workdir();

# Of the descriptors in each message those from number $REFUSED_FROM on are
# closed, and MSG_CTRUNC says so: recvmsg(2).
write_file("$dir/refuse.c", <<'END');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
    ssize_t (*real)(int, struct msghdr *, int) = dlsym(RTLD_NEXT, "recvmsg");
    ssize_t got = real(fd, m, flags);
    const char *from = getenv("REFUSED_FROM");
    struct cmsghdr *c;

    for (c = got < 0 ? NULL : CMSG_FIRSTHDR(m); from && c; c = CMSG_NXTHDR(m, c)) {
        size_t count, i, kept = strtoul(from, NULL, 10);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (count <= kept)
            continue;
        for (i = kept; i < count; i++) {
            int number;

            memcpy(&number, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            close(number);
        }
        c->cmsg_len = CMSG_LEN(kept * sizeof(int));
        m->msg_flags |= MSG_CTRUNC;
        if (!kept)
            m->msg_controllen = (char *)c - (char *)m->msg_control;
        break;
    }
    return got;
}
END
system("$Config{cc} -shared -fPIC -o $dir/refuse.so $dir/refuse.c -ldl >$dir/log 2>&1") == 0
    or plan skip_all => 'cannot compile: ' . content("$dir/log");
plan skip_all => 'LD_PRELOAD does nothing for this perl'
    if $^O ne 'linux' || !$Config{usedl};

my $program = <<'END';
use strict;
use warnings;
use Situation;
use Peer;
use File::FDpasser qw(:all);
use Socket;

my ($refused_from, $with_threads) = @ARGV;
if ($with_threads) { require threads; threads->create(sub { 1 })->join }
my ($us, $peer) = pair();
my ($by_name, $namer)  = pair();
my ($packets, $sender) = pair(SOCK_SEQPACKET);
my @file = map { tagged($_) } 'a' .. 'c';
$SIG{__WARN__} = sub { print "warning: $_[0]" };
Situation::new_baseline();

sub say_outcome {
    my ($what, @got) = @_;
    my $errno = errno_name($!);
    print "$what: ", @got ? join(' ', map { ref $_ ? tag_of($_) : $_ } @got)
        : $errno, "\n";
}
sub numbers { map { my $tag = tag_of($_); POSIX::close($_); $tag } @_ }

send_raw($peer, "\0\0", @file[ 0 .. $refused_from ]) for 1 .. 3;
send_raw($peer, 'bytes', @file);
send_raw($peer, "\0\x05");
send_raw($namer, 'name', @file[ 0 .. $refused_from ]) for 1 .. 2;
send_raw($sender, 'p', @file[ 0 .. $refused_from ]);
$ENV{REFUSED_FROM} = $refused_from;
say_outcome('recv_fh',  grep {defined} recv_fh($us));
say_outcome('recv_fds', numbers(recv_fds($us)));
say_outcome('recv_fhs', recv_fhs($us, 3));
say_outcome('read_fd',  read_fd($us, 100, 3));
say_outcome('and then', grep {defined} recv_fh($us));
$File::FDpasser::on_text = sub { print "text: $_[0]\n" };
say_outcome('a name',   grep {defined} recv_fh($by_name)) for 1, 2;
say_outcome('a packet', grep {defined} recv_fh($packets));
print map {"left: $_\n"} leaked();
END

# What the first and the others of a message's descriptors meet.
my %expected = (
    0 => <<'END',
recv_fh: EACCES
recv_fds: EACCES
recv_fhs: EACCES
read_fd: bytes
and then: EIO
text: name
a name: EACCES
text: name
a name: EACCES
a packet: EACCES
END
    1 => <<'END',
warning: at least 1 more descriptor than asked for came with the message and was closed
recv_fh: a
recv_fds: EACCES
recv_fhs: EACCES
read_fd: bytes a
and then: EIO
text: name
warning: at least 1 more descriptor than asked for came with the message and was closed
a name: a
text: name
warning: at least 1 more descriptor than asked for came with the message and was closed
a name: a
warning: at least 1 more descriptor than asked for came with the message and was closed
a packet: a
END
);

for my $threads ($Config{useithreads} ? (0, 1) : 0) {
    for my $from (sort keys %expected) {
        my $run = script($program)->run(
            shell     => qq{export LD_PRELOAD="\$LD_PRELOAD $dir/refuse.so"},
            arguments => [ $from, $threads ],
        );
        (my $out = $run->{out}) =~ s/ at \S+ line \d+\.?$//mg;
        my $name = "from number $from on" . ($threads ? ', with threads' : '');
        is $out, $expected{$from}, $name;
        is_deeply [ @$run{qw(err status)} ], [ '', 0 ], '... and nothing else';
    }
}
# Over streams, where it was announced: what comes next is not taken for it.
my $over_streams = <<'END';
use strict;
use warnings;
use Situation;
use Peer;
use File::FDpasser qw(:all);

my $file = tagged('a');
my %receive = (
    recv_fh  => sub { grep {defined} recv_fh($_[0]) },
    recv_fds => sub { map { my $tag = tag_of($_); POSIX::close($_); $tag } recv_fds($_[0]) },
    recv_fhs => sub { recv_fhs($_[0], 3) },
    read_fd  => sub { my @got = read_fd($_[0], 10, 3); @got ? (length shift @got, @got) : () },
);
Situation::new_baseline();

sub outcome {
    my ($receive, $us) = @_;
    $! = 0;
    my @got = $receive->($us);
    return @got ? join ' ', map { ref $_ ? tag_of($_) : $_ } @got : errno_name($!);
}

for my $name (sort keys %receive) {
    my ($us, $peer) = spipe();
    send_file($peer, $file);
    local $ENV{REFUSED_FROM} = 0;
    my @got = outcome($receive{$name}, $us);
    delete $ENV{REFUSED_FROM};
    write_fd($peer, 'bytes', $file) if $name eq 'read_fd';
    push @got, outcome($receive{$name}, $us) if $name eq 'read_fd';
    close $peer;
    print "$name: @got, ", outcome($receive{$name}, $us), "\n";
}
{
    my ($us, $peer) = spipe();
    syswrite $peer, "\0\0";
    my @got = outcome($receive{read_fd}, $us);
    local $ENV{REFUSED_FROM} = 0;
    send_control($peer, "\0", rights($file));
    push @got, outcome($receive{read_fd}, $us);
    delete $ENV{REFUSED_FROM};
    write_fd($peer, 'bytes', $file);
    print "read_fd, later: @got ", outcome($receive{read_fd}, $us), "\n";
}
print map {"left: $_\n"} leaked();
END
{
    my $run = script($over_streams)->run(
        shell => qq{export FDPASSER_TRANSPORT=streams LD_PRELOAD="\$LD_PRELOAD $dir/refuse.so"});
    is $run->{out}, <<'END', 'over streams';
read_fd: 2 5 a, 0
recv_fds: EACCES, ENOTCONN
recv_fh: EACCES, ENOTCONN
recv_fhs: EACCES, ENOTCONN
read_fd, later: 2 EACCES 5 a
END
    is_deeply [ @$run{qw(err status)} ], [ '', 0 ], '... and nothing else';
}
# In a queue it is the one receive that fails.
my $queued = script(<<'END');
use strict;
use warnings;
use Situation;
use Peer;
use File::FDpasser qw(:all);
use File::FDpasser::Queue;

my $file  = tagged('a');
my ($us, $peer) = spipe();
my $queue = File::FDpasser::Queue->new($us);
my @got;
$queue->push_recv_fh(sub { push @got, $_[0] ? tag_of($_[0]) : errno_name($!) }) for 1, 2;
send_file($peer, $file);
{
    local $ENV{REFUSED_FROM} = 0;
    $queue->ready;
}
send_file($peer, $file);
$queue->ready;
print "@got";
END
for my $transport (qw(socket streams)) {
    my $run = $queued->run(shell =>
        qq{export FDPASSER_TRANSPORT=$transport LD_PRELOAD="\$LD_PRELOAD $dir/refuse.so"});
    is_deeply [ @$run{qw(out err status)} ], [ 'EACCES a', '', 0 ], "a queue, $transport";
}
no_leak();
done_testing;
