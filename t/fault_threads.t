# Batches beside a thread that takes and gives back every free number, and the
# module loaded before the threads, after them and in one of them: whatever it
# knows of them, no descriptor is lost.

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
use Situation;
use Peer;

use POSIX ();

watchdog(60);    # some of it takes long beside other work

# The module is loaded in the children: how, is what they are about.
my $MESSAGES = 2000;

# What each call brings as numbers and handles.
my %receive = (
    recv_fd  => sub { grep {defined} File::FDpasser::recv_fd($_[0]) },
    recv_fhs => sub { File::FDpasser::recv_fhs($_[0]) },
    recv_fds => sub { File::FDpasser::recv_fds($_[0], 3) },
    read_fd  => sub {
        my ($bytes, @got) = File::FDpasser::read_fd($_[0], 2, 3);
        $! = POSIX::ENOTCONN() if defined $bytes && $bytes eq '';
        return @got;
    },
);

# What the other thread does: waits, takes and gives, ends.
my $phase :shared = 'wait';

sub enter {
    my ($next) = @_;
    lock $phase;
    $phase = $next;
    return cond_broadcast $phase;
}

sub await {
    my ($wanted) = @_;
    lock $phase;
    cond_wait $phase until $phase eq $wanted;
    return;
}

sub take_and_give {
    await('take');
    until ($phase eq 'end') {
        my @numbers;
        while (defined(my $number = POSIX::dup(0))) { push @numbers, $number }
        POSIX::close($_) for @numbers;
        enter('taken') if $phase eq 'take';
    }
    return;
}

# Receives to the end with just so many numbers free, which the other thread
# takes: why it ended, how many came, how many of them wrong.
sub receive_all {
    my ($socket, $receive, $free) = @_;
    my $limit  = descriptor_limit(400);
    my @filler = fill_table();
    POSIX::close(pop @filler) for 1 .. $free;
    enter('take');
    await('taken');
    my ($received, $wrong) = (0, 0);
    for (;;) {
        my @got = $receive->($socket);
        last if !@got && !$!{EMFILE};
        for my $got (@got) {
            $wrong++ if tag_of($got) ne 'file ' . $received++ % 6;
            POSIX::close($got) if !ref $got;
        }
    }
    my $errno = errno_name($!);
    enter('end');
    empty_table(@filler);
    descriptor_limit($limit);
    return join ', ', $errno, $received, $wrong;
}

my %load = (
    'loaded before the threads' => sub {
        require File::FDpasser;
        my $other = threads->create(\&take_and_give);
        return ($other, receive_all(@_));
    },
    'loaded after the threads' => sub {
        my $other = threads->create(\&take_and_give);
        require File::FDpasser;
        return ($other, receive_all(@_));
    },
    'loaded in a thread' => sub {
        my @arguments = @_;
        my $other     = threads->create(\&take_and_give);
        my $reader    = threads->create({ context => 'scalar' }, sub {
            require File::FDpasser;
            return receive_all(@arguments);
        });
        return ($other, $reader->join);
    },
);

sub beside_a_thread {
    my ($load, $how, $batch, $free) = @_;
    my ($us, $peer) = pair();
    my @files  = map { tagged("file $_") } 0 .. 5;
    my $sender = in_child {
        close $us;
        for my $round (0 .. $MESSAGES - 1) {
            my $first = $round * $batch % 6;
            send_raw($peer, "\0\0", @files[ $first .. $first + $batch - 1 ])
                or die "sendmsg: $!";
        }
        return;
    };
    my $reader = in_child {
        close $peer;
        my ($other, $seen) = $load{$load}->($us, $receive{$how}, $free);
        $other->join;
        return $seen;
    };
    close $_ for $us, $peer;
    my $sent = $MESSAGES * $batch;
    is $reader->result, "ENOTCONN, $sent, 0", "$load, $how, $free free: each came";
    $sender->result;
    return;
}

for my $load (sort keys %load) {
    beside_a_thread($load, 'recv_fd',  1, 2);
    beside_a_thread($load, 'recv_fds', 3, 4);
}
for my $free (4, 300) {
    beside_a_thread('loaded before the threads', $_, 3, $free) for 'recv_fhs', 'read_fd';
}

no_leak();
done_testing;
