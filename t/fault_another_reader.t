# Another reader of the endpoint takes a message between two looks at it, and the
# next comes: that is no out-of-band data in the way, to be thrown away without
# room for what is behind it. A library between us and the system plays that.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Peer;
use Preload;
use Situation;

use Errno ();
use File::FDpasser;

plan skip_all => 'streams are looked at in another way' if OverStreams::are_asked_for();

my $library = library(<<'END');
#include <sys/socket.h>

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
    static int looks;
    REAL(ssize_t, recvmsg, (int, struct msghdr *, int));

    if (IS_OURS && flags & MSG_PEEK && looks++ < 3) {
        errno = EAGAIN;
        return -1;
    }
    return real(fd, m, flags);
}
END
local $ENV{LD_PRELOAD} = $library->path;

my $script = <<'END';
use strict;
use warnings;
use lib 't/lib';
use File::FDpasser qw(:all);
use POSIX ();
use Syscall;
my %receive = (recv_fhs => sub { recv_fhs($_[0]) }, read_fd => sub { (read_fd($_[0], 2))[1] });
my ($us, $peer) = spipe();
$us->blocking(0);
send_file($peer, \*STDIN) or die "send_file: $!\n";
Syscall::descriptor_limit(64);
my @filler;
while (defined(my $number = POSIX::dup(0))) { push @filler, $number }
my @said;
for (1 .. 4) { push @said, $receive{ $ARGV[0] }->($us) ? 'came' : $! + 0 }
POSIX::close(pop @filler);
push @said, grep { defined } $receive{ $ARGV[0] }->($us);
print "@said[0 .. 3] ", scalar @said;
END

my ($again, $full) = map { $_ + 0 } Errno::EAGAIN(), Errno::EMFILE();
for my $receive (qw(recv_fhs read_fd)) {
    is run_perl('-e', $script, $receive), "$again $again $again $full 5",
        "$receive: what comes next waits until there is room";
}

no_leak();
done_testing;
