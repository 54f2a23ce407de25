# A system that does not know all flags of sendmsg(2) and all levels of control
# messages, and says EINVAL of what it does not know, as gVisor does. A library
# between us and the system plays that.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Preload;
use Script;
use Situation;

my $library = library(<<'END');
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
local $ENV{LD_PRELOAD} = $library->path;

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
is run_perl('-e', $script), '5 1 1 1 1', 'all that is sent comes';

no_leak();
done_testing;
