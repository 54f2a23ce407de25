# Handles follow $^F on perls before 5.28, too, which do not see to that when a
# descriptor is opened as a handle: here perl's own attempts come to nothing.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Preload;
use Script;
use Situation;

my $library = library(<<'END');
#define F_SETFD 2
#define SET(name) \
    int name(int fd, int command, long argument) \
    { \
        REAL(int, name, (int, int, long)); \
        return command == F_SETFD && !IS_OURS ? 0 : real(fd, command, argument); \
    }
SET(fcntl)
SET(fcntl64)
END

# Which handles would survive an exec.
my $script = script(<<'END');
use strict;
use warnings;
use Fcntl;
use File::FDpasser qw(:all);

sub survive { return join ' ', map { fcntl($_, F_GETFD, 0) & FD_CLOEXEC ? 0 : 1 } @_ }
my ($one, $two) = spipe();
sub received { send_file($one, \*STDIN); return scalar recv_fh($two) }

print 'below: ', survive($one, $two, my $first = received()), "\n";
{
    local $^F = fileno received();    # free again
    my @handles = map { received() } 1 .. 3;
    my @numbers = map { fileno($_) <=> $^F } @handles;
    print "@numbers: ", survive(@handles), "\n";
    close $handles[0];
    local $^F = 1000;
    print 'ends: ', survive(spipe()), "\n";
}
sub read_with { write_fd($one, $_[0], \*STDIN); return (read_fd($two, 10, 5))[1] }
print 'read: ', survive(read_with('bytes'), read_with("\0\0")), "\n";
END

local $ENV{LD_PRELOAD} = $library->path;
my $run = $script->run;
is $run->{err}, '', 'nothing is complained of';
is $run->{out}, <<'END', 'up to $^F they survive, above it they do not';
below: 0 0 0
0 1 1: 1 0 0
ends: 1 1
read: 0 0
END

no_leak();
done_testing;
