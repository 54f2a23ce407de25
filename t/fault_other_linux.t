# Systems that pass for Linux and know less. A library between us and the system
# plays them:
#
# - one that does not know all flags of sendmsg(2) and all levels of control
#   messages, and says EINVAL of what it does not know, as gVisor does
# - one that writes control messages itself, and says EFAULT of a look that cannot
#   be written, and aborts in select(2) of a number beyond FD_SETSIZE, as qemu-user

use strict;
use warnings;

use lib 't/lib';
use Errno ();
use Test::More;
use Preload;
use Script;
use Situation;

my $no_flags = library(<<'END');
#include <sys/socket.h>

/* The flag is MSG_FASTOPEN: libraries older than Linux 3.7 have no name for it. */
ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    REAL(ssize_t, sendmsg, (int, const struct msghdr *, int));
    struct cmsghdr *c;

    errno = EINVAL;
    if (IS_OURS && flags & 0x20000000)
        return -1;
    for (c = IS_OURS ? CMSG_FIRSTHDR(m) : NULL; c; c = CMSG_NXTHDR((struct msghdr *)m, c))
        if (c->cmsg_level != SOL_SOCKET)
            return -1;
    return real(fd, m, flags);
}
END
my $no_looks = library(<<'END');
#include <sys/random.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Not by the function, which may write in the program itself. */
static int is_read_only(void *room)
{
    return syscall(SYS_getrandom, room, 1, GRND_NONBLOCK) < 0;
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
    REAL(ssize_t, recvmsg, (int, struct msghdr *, int));
    int i;

    if (IS_OURS && m->msg_controllen && is_read_only(m->msg_control)) {
        errno = EFAULT;
        return -1;
    }
    for (i = 0; IS_OURS && i < m->msg_iovlen; i++)
        if (is_read_only(m->msg_iov[i].iov_base)) {
            errno = EFAULT;
            return -1;
        }
    return real(fd, m, flags);
}

int select(int n, fd_set *in, fd_set *out, fd_set *other, struct timeval *time)
{
    REAL(int, select, (int, fd_set *, fd_set *, fd_set *, struct timeval *));

    if (IS_OURS && n > FD_SETSIZE)
        abort();
    return real(n, in, out, other, time);
}
END

my $script = <<'END';
use strict;
use warnings;
use File::FDpasser qw(:all);
my ($us, $peer) = spipe();
sub inode { return (stat $_[0])[1] }
my @sent = map { open my $fh, '+>', undef or die $!; $fh } 1 .. 3;
my @got;
send_file($us, $sent[0]) or die "send_file: $!\n";
push @got, recv_fh($peer) || die "recv_fh: $!\n";
send_files($us, @sent[1, 2]) or die "send_files: $!\n";
push @got, recv_fhs($peer) while @got < 3;
write_fd($us, 'b', $sent[0]) or die "write_fd: $!\n";
my ($bytes, $fh) = read_fd($peer, 1);
push @got, $fh;
send_err($us, 5) or die "send_err: $!\n";
recv_fh($peer) and die "no error\n";
print $! + 0, ' ', join ' ', map { inode($got[$_]) == inode($sent[ $_ % 3 ]) } 0 .. 3;
END
for my $library ($no_flags, $no_looks) {
    local $ENV{LD_PRELOAD} = $library->path;
    is run_perl('-e', $script), '5 1 1 1 1', 'all that is sent comes';
}

# What is there is looked at.
$script = <<'END';
use strict;
use warnings;
use lib 't/lib';
use File::FDpasser qw(:all);
use POSIX ();
use Syscall;
my ($us, $peer) = spipe();
open my $file, '+>', undef or die "open: $!\n";
send_file($us, $file) or die "send_file: $!\n";
send_err($us, 5) or die "send_err: $!\n";
Syscall::descriptor_limit(64);
my @filler;
while (defined(my $number = POSIX::dup(0))) { push @filler, $number }
my @said = map { recv_fd($peer); $! + 0 } 1, 2;
POSIX::close($_) for splice @filler, 0, 2;
my $number = recv_fd($peer);
push @said, (stat $file)[1] == (stat '/proc/self/fd/' . $number)[1], 0 + defined recv_fd($peer), $! + 0;
print "@said";
END
{
    local $ENV{LD_PRELOAD} = $no_looks->path;
    my $full = Errno::EMFILE();
    is run_perl('-e', $script), "$full $full 1 0 5", 'a full table: all stays queued';
}

no_leak();
done_testing;
