# A signal handler that dies anywhere in start_with_end: it is heard, and there is a
# child only if there is an end to speak to it.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Steps;

use File::FDpasser qw(start_with_end);
use POSIX ();

start_with_end(sub { exit 1 });    # loads the rest of the module

sub left_over {
    my $held = POSIX::SigSet->new;
    POSIX::sigprocmask(POSIX::SIG_BLOCK(), POSIX::SigSet->new, $held);
    return (
        waitpid(-1, 0) == -1 ? () : 'a child is left over',
        (grep { $held->ismember($_) } POSIX::SIGUSR1(), POSIX::SIGCHLD())
            ? 'signals are held back' : (),
    );
}

left_anywhere('a program', sub {
    my ($conn, $pid);
    my $start = sub { ($conn, $pid) = start_with_end(sub { exec '/bin/cat' }) };
    return (
        [ start_with_end => $start, sub { } ],
        sub {
            return left_over() if !$conn;
            close $conn;
            kill TERM => $pid;
            return waitpid($pid, 0) == $pid ? left_over() : 'it is not our child';
        },
    );
});

left_anywhere('a program that is not there', sub {
    my @started;
    my $start = sub {
        no warnings 'exec';
        @started = start_with_end(sub { exec '/nonexistent' });
    };
    return (
        [ start_with_end => $start, sub { } ],
        sub { return @started ? 'it has started' : left_over() },
    );
});

no_leak();
done_testing;
