# Callbacks of a File::FDpasser::Channel: each exactly once, in order, whatever
# they do.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:all);
use File::FDpasser::Channel;
use Scalar::Util qw(weaken);
use Socket;

my @said;

sub said { my @now = splice @said; return join ' ', @now }

# A channel that notes what it is told, and reads lines.
sub channel {
    my ($conn, %option) = @_;
    return File::FDpasser::Channel->new($conn, blocking => 0,
        on_input => sub {
            my ($channel) = @_;
            while (defined(my $line = $channel->read_line)) { chomp $line; push @said, $line }
        },
        on_end   => sub { push @said, 'end' },
        on_error => sub { push @said, errno_name($!) },
        on_drain => sub { push @said, 'drained' },
        %option);
}

# What comes, and the end of it.
{
    my ($us, $peer) = pair();
    my $channel = channel($us);
    ok $channel->wants_read,   'a channel wants to be read';
    ok !$channel->wants_write, '... and nothing else';
    is $channel->timeout, undef, '... at any time';
    $channel->ready;
    is said(), '', 'nothing there: nothing is called';
    syswrite $peer, "a\nb\nhal";
    $channel->ready;
    is said(), 'a b', 'what has come';
    syswrite $peer, "f\n";
    close $peer;
    $channel->ready for 1 .. 3;
    is said(), 'half end', 'the rest, and the end, once';
    ok !$channel->wants_read, '... nothing more is wanted';
}

# What has to wait to go.
{
    my ($us, $peer) = pair();
    my $channel = channel($us);
    my $file    = tagged('kept');
    is $channel->write('x' x 1_000_000, $file), 1, 'more than the socket takes';
    ok $channel->wants_write, '... the rest is to be written';
    is $channel->write('y', $file), 1, '... something behind it';
    close $file;
    open $file, '<', '/dev/null' or die "/dev/null: $!";
    my $other = File::FDpasser::Channel->new($peer);
    for (1 .. 2000) { last if !$channel->wants_write; $other->read_some; $channel->ready }
    $channel->ready;
    is said(), 'drained', 'it goes, which is told once';
    $other->blocking(0);
    1 while defined $other->read_some;
    is join(' ', map { tag_of($_) } $other->take_fhs), 'kept kept',
        '... with what was open when it was written';
}

# Each way to wait is told when it is over: some of it went, or nothing did.
for my $is_full (0, 1) {
    my ($us, $peer) = pair();
    my $channel = channel($us);
    $_->blocking(0) for $us, $peer;
    if ($is_full) {
        for my $length (4096, 1) { 1 while syswrite $us, 'x' x $length }
    }
    $channel->write('x' x 1_000_000);
    while ($channel->pending_bytes) { sysread $peer, my $bytes, 65536; $channel->ready }
    is said(), 'drained', 'drained, of a write ' . ($is_full ? 'that found no room' : 'of which some went');
}

# Where there is room and yet none, a loop waits by time.
{
    my ($us, $peer) = pair();
    my $channel = channel($us);
    $_->blocking(0) for $us, $peer;
    {
        no warnings 'redefine';
        my $refuses = sub { $! = Errno::ETOOMANYREFS(); return 0 };
        local *File::FDpasser::_write_from         = $refuses;
        local *File::FDpasser::_write_quietly_from = $refuses;
        is $channel->write('waits'), 1, 'too much is in flight: it waits';
        $channel->ready;
        is $channel->timeout, 0.1, '... for a while';
        ok !$channel->wants_write, '... and not for room';
    }
    $channel->ready;
    is said(), 'drained', '... and goes';
}

# A peer that is gone.
{
    my ($us, $peer) = pair();
    my $channel = channel($us);
    my $pipes   = 0;
    local $SIG{PIPE} = sub { $pipes++ };
    $channel->write('x' x 1_000_000, tagged('lost'));
    close $peer;
    $channel->ready for 1 .. 3;
    like said(), qr/\A(?:EPIPE end|end EPIPE)\z/, 'writing fails, and there is the end';
    is $pipes, 0, '... without a signal';
    is $channel->pending_bytes, 0, '... and nothing waits';
    fails { $channel->write('x') } undef, 'EPIPE', 'a write by the program';
    is $pipes, 1, '... raises it';
}
{
    my ($us, $peer) = pair();
    my $channel = channel($us);
    local $SIG{PIPE} = 'IGNORE';
    $channel->write('x' x 1_000_000);
    close $peer;
    fails { $channel->flush } undef, 'EPIPE', 'what waits fails in a call of the program';
    $channel->ready for 1, 2;
    is said(), 'end', '... which on_error does not repeat';
}
{
    my ($us, $peer) = pair();
    my $channel = channel($us);
    close $peer;
    fails { $channel->read_some } undef, 'ENOTCONN', 'the end in a call of the program';
    $channel->close;
    $channel->ready;
    is said(), '', '... and closed: on_end has nothing to say any more';
}

# Callbacks that die.
{
    my ($us, $peer) = pair();
    my $channel = channel($us, on_input => sub {
        my $line = $_[0]->read_line;
        chomp $line;
        push @said, $line;
        die "$line\n";
    }, on_end => sub { push @said, 'end'; die "end\n" });
    syswrite $peer, "one\n";
    ok !eval { $channel->ready; 1 }, 'on_input dies';
    is $@, "one\n", '... and is heard';
    syswrite $peer, "two\n";
    close $peer;
    ok !eval { $channel->ready; 1 }, '... again';
    is $channel->timeout, undef, '... nothing is due: the end was not looked for';
    ok !eval { $channel->ready; 1 }, 'on_end dies';
    $channel->ready;
    is said(), 'one two end', '... each was called once';
}

# Closing, dropping, ready again.
{
    my ($us, $peer) = pair();
    my $channel = channel($us, on_input => sub { push @said, 'in'; $_[0]->close });
    syswrite $peer, "one\n";
    close $peer;
    $channel->ready;
    is said(), 'in', 'closed in a callback: that was the last';
    fails { $channel->read_line } undef, 'EBADF', '... reading fails';
    fails { $channel->write($_) } undef, 'EBADF', '... and writing' for 'x', '';
    ok $channel->is_closed && $channel->is_over, '... it is over';
}
{
    my ($us, $peer) = pair();
    my $channel;
    $channel = channel($us, on_input => sub { push @said, 'in'; undef $channel });
    weaken(my $still_there = $channel);
    send_raw($peer, "one\n", tagged('lost'));
    close $peer;
    $channel->ready;
    is said(), 'in', 'dropped in a callback: that was the last';
    is $still_there, undef, '... and it is gone';
}
{
    my ($us, $peer) = pair();
    my $channel = channel($us, on_input => sub {
        my ($channel) = @_;
        my $line = $channel->read_line;
        chomp $line;
        push @said, "in $line";
        $channel->ready;
        push @said, "out $line";
    });
    syswrite $peer, "one\n";
    $channel->ready;
    is said(), 'in one out one', 'ready within a callback';
}

# Closed twice: the handle may be something else by then.
{
    my ($us, $peer) = pair();
    my $channel = channel($us);
    $channel->close;
    open $us, '<', '/dev/null' or die "/dev/null: $!";
    $channel->close;
    ok defined fileno $us, 'a second close leaves alone what the handle is now';
}

# A packet at a time.
{
    my ($us, $peer) = pair(SOCK_DGRAM);
    my $take    = 0;
    my $channel = channel($us, on_input => sub {
        push @said, 'news';
        push @said, scalar $_[0]->read_message if $take;
    });
    syswrite $peer, $_ for qw(one two three);
    $channel->ready;
    is said(), 'news', 'a packet that is not taken';
    ok !$channel->wants_read, '... nothing more is read';
    is $channel->read_message, 'one', '... until it is';
    ok $channel->wants_read, '... then the next';
    $take = 1;
    $channel->ready;
    is said(), 'news two news three', '... each is told of';
}

# Whoever tells the loop has an errno of his own.
{
    my ($us, $peer) = pair();
    my @told;
    my $channel = channel($us, on_input => sub { $_[0]->close },
        on_wants => sub { push @told, join ',', map { $_ // '-' } @_[ 1 .. 3 ]; $! = 5 });
    $! = 7;
    $channel->write('x');
    is $! + 0, 7, 'an on_wants that changes the errno: a success does not show it';
    $channel->read_some;
    is errno_name($!), 'EAGAIN', '... a failure has its own';
    is $channel->write('x' x 1_000_000), 1, '... also where something waits';
    fails { $channel->read_exactly(2_000_000) } undef, 'EMSGSIZE', '... or is refused';
    syswrite $peer, "x";
    $channel->ready;
    is $told[-1], '0,0,-', '... and after a close in a callback nothing is wanted';
}
{
    my ($us, $peer) = pair();
    my $channel = channel($us, on_wants => sub { $! = 5 });
    local $SIG{PIPE} = 'IGNORE';
    close $peer;
    fails { $channel->write('x') } undef, 'EPIPE', '... nor does a write that fails';
    $channel->close;
}

# A packet that is taken bit by bit.
{
    my ($us, $peer) = pair(SOCK_DGRAM);
    my $channel = channel($us);
    syswrite $peer, $_ for "one\ntwo\n", "three\n";
    $channel->ready;
    is said(), 'one two three', 'lines of a packet, and then the next';
    $channel = channel($us, on_input => sub { push @said, $_[0]->read_some });
    syswrite $peer, $_ for qw(four five);
    $channel->ready;
    is said(), 'four five', '... or all of one, as bytes';
}

# What a loop is told.
{
    my ($us, $peer) = pair();
    my @told;
    my $channel = channel($us, on_wants => sub {
        my (undef, @wants) = @_;
        push @told, join ',', map { defined $_ ? $_ : '-' } @wants;
    });
    $channel->ready;
    is $told[-1], '1,0,-', 'a channel is to be read';
    $channel->write('x' x 1_000_000);
    is $told[-1], '1,1,-', '... and written, when something waits';
    $channel->close;
    is $told[-1], '0,0,-', '... and nothing when it is closed';
    my $times = @told;
    $channel->ready;
    is scalar @told, $times, '... of which no more is said';
}

# Who is told that all is done may call ready at once.
{
    my ($us, $peer) = pair();
    my @more    = ("two\n");
    my $channel = channel($us, on_wants => sub {
        my ($channel, undef, undef, $timeout) = @_;
        return if defined $timeout || !@said || !@more;
        syswrite $peer, shift @more;
        $channel->ready;
    });
    syswrite $peer, "one\n";
    $channel->ready;
    is said(), 'one two', 'an on_wants that calls ready, which is over';
}

# A loop hears of what a read changes: that there is room, and that there is an end.
{
    my ($us, $peer) = pair();
    my @told;
    my $channel = channel($us, max_bytes => 5, on_input => sub { },
        on_wants => sub { push @told, join ',', map { $_ // '-' } @_[ 1 .. 3 ] });
    syswrite $peer, 'x' x 11;
    $channel->ready;
    $channel->ready;
    is $told[-1], '0,0,-', 'no room: nothing is wanted';
    $channel->read_some;
    is $told[-1], '1,0,-', '... a read makes room, which the loop is told';
    $channel->read_some;
    close $peer;
    fails { $channel->read_some } undef, 'ENOTCONN', 'a read that meets the end';
    is $told[-1], '0,0,0', '... the loop is told to come back for on_end';
    $channel->ready;
    is said(), 'end', '... and does';
}

# One that never stops does not keep ready.
{
    my ($us, $peer) = pair();
    my $times   = 0;
    my $channel = channel($us, on_input => sub {
        $_[0]->read_some;
        syswrite $peer, 'more' if ++$times < 1000;
    });
    syswrite $peer, 'more';
    $channel->ready;
    cmp_ok $times, '<', 100, 'input without an end: ready comes back';
}

# A close, or a failure, with more to be told.
{
    my ($us, $peer) = pair();
    my $channel = channel($us, on_input => sub { $_[0]->close });
    $channel->write('x' x 1_000_000);
    syswrite $peer, "one\n";
    $peer->blocking(0);
    while (!$channel->is_closed) { sysread $peer, my $bytes, 65536; $channel->ready }
    $channel->ready;
    is said(), '', 'closed with bytes that wait: nothing drains';
}

undef @said;
no_leak();
done_testing;
