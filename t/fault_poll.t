# The system has no memory to wait with: the call says so, and neither waits nor
# tries for ever. What comes meanwhile is the next call's.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Preload;
use Script;
use Situation;

my $library = library(<<'END');
int ppoll(void *fds, unsigned long n, const void *timeout, const void *mask)
{
    REAL(int, ppoll, (void *, unsigned long, const void *, const void *));
    if (!IS_OURS || !getenv("NO_MEMORY"))
        return real(fds, n, timeout, mask);
    errno = ENOMEM;
    return -1;
}
END

# perl's %ENV is the C library's environment.
my $script = script(<<'END');
use strict;
use warnings;
use Errno ();
use Fcntl ':flock';
use File::FDpasser qw(:all);
use File::Temp ();

$| = 1;
alarm 20;    # what goes on for ever ends here

sub told {
    my ($name, $code) = @_;
    local $ENV{NO_MEMORY} = 1;
    $! = 0;
    my @got = grep {defined} $code->();
    print "$name: ", @got ? 'succeeds' : $!{ENOMEM} ? 'ENOMEM' : "$!", "\n";
}

my $dir = File::Temp->newdir(TMPDIR => 1);
for my $handler ('no handler', 'a handler') {
    local $SIG{USR1} = sub { } if $handler eq 'a handler';
    my ($us, $peer) = spipe();
    told("recv_fh, $handler",  sub { scalar recv_fh($us) });
    told("recv_fhs, $handler", sub { recv_fhs($us) });
    told("read_fd, $handler",  sub { read_fd($us, 1, 1) });
    send_file($peer, \*STDIN);
    print defined recv_fh($us) ? "it comes\n" : "$!\n";

    $us->blocking(0);
    1 while write_fd($us, 'x' x 4000) || send_file($us, \*STDIN);
    $us->blocking(1);
    told("send_file, $handler", sub { send_file($us, \*STDIN) });
    told("write_fd, $handler",  sub { write_fd($us, 'x' x 4000) });

    my $listener = endp_create("$dir/endpoint");
    told("serv_accept_fh, $handler", sub { scalar serv_accept_fh($listener) });
    open my $lock, '<', $dir or die "$dir: $!";
    flock $lock, LOCK_EX or die "flock: $!";
    told("endp_create, $handler", sub { endp_create("$dir/other", exclusive => 1) });
}
END

Situation::wait_for(30);
my $run = do { local $ENV{LD_PRELOAD} = $library->path; $script->run };
is $run->{err}, '', 'nothing is complained of';
my $expected = '';
for my $handler ('no handler', 'a handler') {
    $expected .= "$_, $handler: ENOMEM\n" for qw(recv_fh recv_fhs read_fd);
    $expected .= "it comes\n";
    $expected .= "$_, $handler: ENOMEM\n" for qw(send_file write_fd serv_accept_fh endp_create);
}
is $run->{out}, $expected, 'each wait ends with ENOMEM';

no_leak();
done_testing;
