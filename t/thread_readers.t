# Several threads read one endpoint while the table is nearly full: each descriptor
# comes once. What one has looked at another could take, and have the same again.

use strict;
use warnings;

use Config;

BEGIN {
    if (!$Config{useithreads}) {
        require Test::More;
        Test::More::plan(skip_all => 'this perl has no threads');
    }
}
use lib 't/lib';
use Test::More;
use Peer;
use Preload;
use Situation;

# A thread that has looked waits for another to look as well, but not for ever.
my $library = library(<<'END');
#include <sys/socket.h>
#include <unistd.h>

static int looks;

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
    REAL(ssize_t, recvmsg, (int, struct msghdr *, int));
    ssize_t got = real(fd, m, flags);
    int i, errnum = errno;

    if (IS_OURS && flags & MSG_PEEK && got > 0) {
        __atomic_add_fetch(&looks, 1, __ATOMIC_SEQ_CST);
        for (i = 0; i < 100 && __atomic_load_n(&looks, __ATOMIC_SEQ_CST) % 2; i++)
            usleep(1000);
    }
    errno = errnum;
    return got;
}
END
local $ENV{LD_PRELOAD} = $library->path;

my $script = <<'END';
use strict;
use warnings;
use lib 't/lib';
use threads;
use threads::shared;
use File::FDpasser qw(:all);
use POSIX ();
use Syscall;
my ($receive, $send) = @ARGV;
my %receive = (
    recv_fd  => sub { recv_fd($_[0]) },
    recv_fh  => sub { scalar recv_fh($_[0]) },
    recv_fds => sub { scalar recv_fds($_[0]) },
    read_fd  => sub { (read_fd($_[0], 2, 1))[1] },
);
my ($us, $peer) = spipe();
my @files = map { open my $fh, '+>', undef or die $!; $fh } 1, 2;
$send eq 'files' ? send_file($peer, $_) || die : syswrite $peer, "\0" . chr 5 for @files;
my $go :shared = 0;
my @threads = map {
    threads->create(sub {
        { lock $go; $go++; cond_broadcast $go; cond_wait $go until $go > 2 }
        my $got = $receive{$receive}->($us);
        return 'errno ' . ($! + 0) if !defined $got;
        return (stat '/proc/self/fd/' . (ref $got ? fileno $got : $got))[1];
    });
} 1, 2;
{ lock $go; cond_wait $go until $go == 2 }
Syscall::descriptor_limit(64);
my @filler;
while (defined(my $number = POSIX::dup(0))) { push @filler, $number }
POSIX::close(pop @filler) for 1, 2;
{ lock $go; $go++; cond_broadcast $go }
my @got  = map { $_->join } @threads;
my %name = map { (stat $files[$_])[1] => $_ } 0, 1;
print join ' ', sort map { exists $name{$_} ? $name{$_} : $_ } @got;
END

# Over streams read_fd takes two messages, and another may come between.
my @receive = (qw(recv_fd recv_fh recv_fds), OverStreams::are_asked_for() ? () : 'read_fd');
for my $receive (@receive) {
    is run_perl('-e', $script, $receive, 'files'), '0 1', "$receive: each once";
}
is run_perl('-e', $script, 'recv_fh', 'replies'), 'errno 5 errno 5', 'error replies';

no_leak();
done_testing;
