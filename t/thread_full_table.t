# While another thread opens and closes files a full descriptor table loses
# nothing either: free numbers that were seen may be gone a moment later.

use strict;
use warnings;

use Config;

BEGIN {
    if (!$Config{useithreads}) {
        require Test::More;
        Test::More::plan(skip_all => 'this perl has no threads');
    }
}
use threads;
use threads::shared;

use lib 't/lib';
use Test::More;
use Outside qw(is_ready);
use Situation;
use Peer;
use Syscall;

use File::FDpasser;
use POSIX ();
use Socket qw(SOCK_STREAM);

watchdog(60);    # some of it takes long beside other work

my $MESSAGES = 5000;

# Takes and gives back the numbers that are free, until it is told to stop.
my $stop    :shared = 0;
my $started :shared = 0;

sub take_and_give {
    my $taken = 0;
    until ($stop) {
        my @numbers;
        while (defined(my $number = POSIX::dup(0))) { push @numbers, $number }
        $taken += @numbers;
        POSIX::close($_) for @numbers;
        next if $started;
        lock $started;
        $started = 1;
        cond_signal $started;
    }
    return $taken;
}

# FD_CLOEXEC: the flag of a number.
sub close_on_exec { my ($number) = @_; return system_call('fcntl', $number + 0, 1, 0) & 1 }

my %receive = (
    recv_fd  => \&recv_fd,
    recv_fh  => \&recv_fh,
    recv_fds => sub { scalar File::FDpasser::recv_fds($_[0]) },
);
for my $how (sort keys %receive) {
    my ($us, $peer) = pair();
    my @files = map { tagged("file $_") } 0 .. 6;
    my $sender = in_child {
        close $us;
        for my $number (0 .. $MESSAGES - 1) {
            send_file($peer, $files[ $number % 7 ]) or die "send_file: $!";
        }
        close $_ for @files;
        return $MESSAGES;
    };
    close $peer;

    $stop = $started = 0;
    my $limit  = descriptor_limit(64);
    my @filler = fill_table();
    POSIX::close(pop @filler) for 1, 2;
    my $other = threads->create(\&take_and_give);
    {
        lock $started;
        cond_wait $started until $started;
    }

    my ($received, $full, $wrong, $inherited) = (0, 0, 0, 0);
    for (;;) {
        my $got = $receive{$how}->($us);
        if (defined $got) {
            my $number = ref $got ? fileno $got : $got;
            $inherited++ if !close_on_exec($number);
            my $expected = 'file ' . $received++ % 7;
            $wrong++ if tag_of($got) ne $expected;
            POSIX::close($got) if !ref $got;
        }
        elsif ($!{EMFILE}) { $full++ }
        else               { last }
    }
    my $errno = errno_name($!);
    close $us;
    $stop = 1;
    $other->join;
    empty_table(@filler);
    descriptor_limit($limit);

    is $errno, 'ENOTCONN', "$how: received to the end";
    is $received, $MESSAGES, "$how: as many as were sent";
    is $wrong, 0, "$how: each in its turn";
    is $inherited, $how eq 'recv_fd' ? $MESSAGES : 0, "$how: what survives exec";
    note "$full times there was no room";
    is $sender->result, $MESSAGES, "$how: the sender";
}

# Out-of-band data is in the way of a look, which is what a receive begins with
# beside threads.
{
    my ($us, $peer) = pair(SOCK_STREAM);
    $us->blocking(0);
    my $file = tagged('behind it');
    ($stop, $started) = (0, 0);
    my $other = threads->create(\&take_and_give);
    {
        lock $started;
        cond_wait $started until $started;
    }
    send_oob($peer, 'x');
    recv_fh($us);
    my $ready = is_ready($us);
    send_file($peer, $file);
    my $got;
    for (1 .. 1000) { $got = recv_fh($us) and last }
    $stop = 1;
    $other->join;
    is $ready, 0, 'recv_fh beside threads: a byte out of band is thrown away';
    is tag_of($got), 'behind it', '... and what is behind it comes';
}

no_leak();
done_testing;
