# File::FDpasser::Queue at a full table of descriptors: it waits, asks for what
# it needs only, and goes on without having lost anything.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:all);
use File::FDpasser::Loop qw(run);
use File::FDpasser::Queue;
use IO::Handle;
use POSIX qw(setgid setuid);

my ($us, $peer) = pair();
my (@told, @got);
my $queue = File::FDpasser::Queue->new($us, on_wants => sub {
    my ($queue, $read, $write, $timeout) = @_;
    push @told, join ' ', $read, $write, defined $timeout ? $timeout : 'never';
});

sub told { my @now = @told; @told = (); return \@now }

sub take { push @got, $_[0] ? tag_of($_[0]) : errno_name($!) }

# One descriptor.
{
    $queue->push_recv_fh(\&take);
    is_deeply told(), ['1 0 never'], 'a callback wants the connection read';
    send_file($peer, tagged('one'));
    my @filler = fill_table();
    $queue->ready;
    is "@got", '', 'no room: nothing comes';
    is_deeply told(), [ '1 0 0', '0 0 0.1' ],
        '... readability is no news now, time is';
    ok !$queue->wants_read, '... ask the queue itself: not to be read';
    is $queue->timeout, 0.1, '... but looked at again';
    is $queue->pending, 1, '... and the callback waits';
    $queue->ready for 1 .. 100;
    is "@got", '', 'a hundred times later there is still no room';
    is told()->[-1], '0 0 0.1', '... each time the timer is asked for anew';
    POSIX::close(pop @filler);
    $queue->ready;
    is "@got", 'one', 'with room for one it comes, at once';
    is told()->[-1], '0 0 never', '... and nothing more is wanted';
    empty_table(@filler);
}

# Sends do not wait for receives.
{
    @got = ();
    my $file = tagged('sent');
    $queue->push_recv_fh(\&take);
    send_file($peer, tagged('late'));
    my @filler = fill_table();
    $queue->push_send_fh($file, sub { push @got, "went $_[0]" });
    $queue->ready;
    is "@got", 'went 1', 'with a full table it sends';
    empty_table(@filler);
    $queue->ready;
    is "@got", 'went 1 late', '... and then receives';
    is tag_of(scalar recv_fh($peer)), 'sent', '... the peer has what was sent';
    told();
}

# Without a loop, too: time is all that it wants until there is room.
{
    @got = ();
    my ($us, $peer) = pair();
    my $queue = File::FDpasser::Queue->new($us);
    $queue->push_recv_fh(\&take);
    send_file($peer, tagged('in time'));
    my @filler  = fill_table();
    my $timeout = \&File::FDpasser::Watchable::timeout;
    my $asked   = 0;
    no warnings 'redefine';
    local *File::FDpasser::Watchable::timeout = sub {
        my $seconds = &$timeout;
        $asked++ if defined $seconds;
        empty_table(splice @filler) if $asked == 4;
        die "is only asked for the time\n" if $asked > 40;
        return $seconds;
    };
    is eval { run($queue); 'ends' } || $@, 'ends', 'run goes on when the time has come';
    is "@got", 'in time', '... and what was waited for is there';
    empty_table(@filler);
}

# Thirty come, into room for four that is made again and again: by callbacks
# that drop what they get, and by the program.
for my $kept (0, 1) {
    @got = ();
    send_file($peer, tagged($_)) for 1 .. 30;
    my @filler = fill_table();
    POSIX::close(pop @filler) for 1 .. 4;
    my @held;
    for (1 .. 30) {
        $queue->push_recv_fh(sub { take(@_); push @held, @_ if $kept });
    }
    my $rounds = 0;
    while ($queue->pending) {
        $queue->ready;
        cmp_ok scalar @held, '<=', 4, 'no more than there is room for' if $kept;
        @held = ();
        last if ++$rounds > 100;
    }
    is_deeply \@got, [ 1 .. 30 ], $kept ? 'kept four at a time, thirty come'
        : 'dropped at once, thirty come';
    is $rounds, $kept ? 8 : 1, '... in as few rounds as that takes';
    empty_table(@filler);
    told();
}

# A batch waits until there is room for all of it.
{
    @got = ();
    send_files($peer, map { tagged($_) } 1 .. 20);
    my @filler = fill_table();
    POSIX::close(pop @filler) for 1 .. 19;
    $queue->push_recv_fh(\&take) for 1 .. 20;
    $queue->ready;
    is "@got", '', 'room for 19 of 20: none comes';
    POSIX::close(pop @filler);
    $queue->ready;
    is_deeply \@got, [ 1 .. 20 ], 'room for 20: all of them';
    empty_table(@filler);
    told();
}

# The limit is lowered under the queue, and raised.
{
    @got = ();
    my $limit = descriptor_limit();
    send_file($peer, tagged('limited'));
    $queue->push_recv_fh(\&take);
    descriptor_limit(3);
    $queue->ready;
    is "@got", '', 'beyond the limit nothing comes';
    descriptor_limit($limit);
    $queue->ready;
    is "@got", 'limited', '... and within it comes';
    told();
}

# What is pushed is kept under a number of its own: none of the three that programs
# take for their own.
{
    my ($free, $errno) = (in_child {
        my ($one, $other) = spipe();
        my $pushed = File::FDpasser::Queue->new($one);
        my $file   = tagged('kept');
        POSIX::close(0);
        $pushed->push_send_fh($file, sub { });
        my $is_free = !Situation::is_open(0);
        descriptor_limit(3);
        my $pushes = $pushed->push_send_fh($peer, sub { });
        return ($is_free, defined $pushes ? 'pushed' : errno_name($!));
    })->result;
    ok $free, 'what is pushed does not become standard input';
    is $errno, 'EMFILE', '... and is refused where there is no other number';
}

# The end of a connection needs no room.
{
    @got = ();
    my ($one, $other) = pair();
    my $ending = File::FDpasser::Queue->new($one);
    close $other;
    $ending->push_recv_fh(\&take);
    my @filler = fill_table();
    $ending->ready;
    is "@got", 'ENOTCONN', 'the end is heard of with a full table';
    empty_table(@filler);
}

# More in flight than this user may have.
SKIP: {
    skip 'only root can become a user whose count is known', 3 if $> != 0;
    my $result = in_child {
        descriptor_limit(64);
        my ($uid) = grep { defined } scalar getpwnam('nobody'), 65534;
        $) = "$uid $uid";
        setgid($uid);
        setuid($uid) or die "setuid: $!";
        my ($full, $far) = pair();
        my ($in, $out) = pair();
        my $file = tagged('in flight');
        my $flying = 0;
        $flying++ while $flying < 1000 && send_file($full, $file);
        return { flying => $flying } if errno_name($!) ne 'ETOOMANYREFS';

        my @sent;
        my $sends = File::FDpasser::Queue->new($in);
        $sends->push_send_fh($file, sub { push @sent, $_[0] || errno_name($!) });
        $sends->ready;
        my @before = (scalar @sent, $sends->wants_write, $sends->timeout);
        recv_fh($far) for 1 .. $flying;
        $sends->ready;
        return { before => \@before, sent => \@sent,
            came => tag_of(scalar recv_fh($out)) };
    }->result;
    skip "all of $result->{flying} went", 3 if $result->{flying};
    is_deeply $result->{before}, [ 0, '', 0.1 ], 'too many in flight: it waits';
    is_deeply $result->{sent}, [1], '... until they have landed';
    is $result->{came}, 'in flight', '... and then it goes';
}

undef $queue;
close $_ for $us, $peer;
no_leak();
done_testing;
