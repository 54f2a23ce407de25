# Peers that do not read: a sender waits for room no longer than it may, hears that
# nobody will read any more, and is not told that what has not gone went.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Outside;
use Peer;
use Signals qw(is_blocked);
use Situation;

use Errno qw(EACCES);
use File::FDpasser qw(:all);
use File::FDpasser::Channel;
use File::FDpasser::Queue;
use Socket;

my $file = tagged('passed');
Situation::new_baseline();

sub fill {
    my ($conn) = @_;
    $conn->blocking(0);
    1 while send_file($conn, $file);
    1 while send_err($conn, EACCES);    # over streams there was room for that yet
    $conn->blocking(1);
    return;
}

# The other end is shut down for reading while a call waits. poll(2) does not say
# so of a full socket.
my %packets = packets();
my %type    = (SOCK_STREAM => SOCK_STREAM, map { $_ => $packets{$_} } grep {/SEQ/} keys %packets);
$type{'as the transport makes them'} = undef;
my %waiting = (
    send_file  => sub { send_file($_[0], $file) },
    send_files => sub { send_files($_[0], ($file) x 3) },
    send_err   => sub { send_err($_[0], EACCES, 'no') },
    write_fd   => sub { write_fd($_[0], 'bytes', $file) },
);
for my $type (sort keys %type) {
    for my $call (sort keys %waiting) {
        my ($us, $peer) = defined $type{$type} ? pair($type{$type}) : spipe();
        fill($us);
        my $child = in_child {
            close $peer;
            watchdog(5);
            local $SIG{PIPE} = 'IGNORE';
            $! = 0;
            my $got = $waiting{$call}->($us);
            return defined $got ? "success $got" : errno_name($!);
        };
        select undef, undef, undef, 0.001 until is_blocked($child->{pid});
        shutdown $peer, 0;
        is_deeply [ eval { $child->result } ], ['EPIPE'], "$type: $call: nobody will read";
        local $SIG{PIPE} = 'IGNORE';
        $us->blocking(0);
        fails { $waiting{$call}->($us) } undef, 'EPIPE', '... non-blocking too';
    }
}

# The deadline of a channel, over the transport's own pair.
for my $what ([ 'x' x 1_000_000 ], [ 'x', $file ], [ "\0\0", $file ]) {
    my ($us, $peer) = spipe();
    fill($us);
    my $channel = File::FDpasser::Channel->new($us, timeout => 0.01);
    my ($bytes, @fh) = @$what;
    fails { $channel->write($bytes, @fh) } undef, 'ETIMEDOUT',
        'a channel: its time is over: ' . length($bytes) . ' bytes, descriptors: ' . @fh;
}
{
    my ($us, $peer) = spipe();
    my $channel = File::FDpasser::Channel->new($us, timeout => 0.01);
    fails { $channel->read_some } undef, 'ETIMEDOUT', '... nothing to read';
    send_file($peer, $file);
    close $peer;
    is length $channel->read_some, 2, '... what comes then is read';
}

# A queue whose peer has gone.
{
    my ($us, $peer) = spipe();
    my $queue = File::FDpasser::Queue->new($us);
    close $peer;
    my @got;
    my $said = sub { push @got, defined $_[0] ? "went $_[0]" : errno_name($!) };
    $queue->push_send_err(EACCES, 'no', $said);
    $queue->push_send_err(EACCES, undef, $said);
    $queue->push_send_fh($file, $said);
    $queue->push_send_fhs([ ($file) x 3 ], $said);
    $queue->ready while $queue->pending;
    is_deeply \@got, [ ('EPIPE') x 4 ], 'a queue: none has gone, and each callback hears so';
}

# Where there is room to write, but not for all that belongs together, it is waited
# for quietly.
if (File::FDpasser::transport() eq 'streams (emulated)') {
    my ($us, $peer) = spipe();
    setsockopt $us, SOL_SOCKET, SO_SNDBUF, 100_000 or die "SO_SNDBUF: $!";
    send_file($us, $file) for 1 .. 20;
    waits_quietly(waits { write_fd($us, 'x', ($file) x 190) }, 'room for some of a write');
}

no_leak();
done_testing;
