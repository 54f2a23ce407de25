# What a File::FDpasser::Queue asks of a loop: no more than it needs, so that
# no loop spins, and no less, so that none hangs. While it sends and receives it
# wants to be called again at once, should anything die then.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use Errno ();
use File::FDpasser qw(:all);
use File::FDpasser::Loop ();
use File::FDpasser::Queue;
use IO::Handle;
use Scalar::Util qw(weaken);

my @told;

sub told {
    my @now = splice @told;
    return join ', ', @now;
}

sub is_at_work {
    my ($timeout) = @_;
    return defined $timeout && $timeout == 0;
}

sub queue {
    my ($conn) = @_;
    return File::FDpasser::Queue->new($conn, on_wants => sub {
        my ($queue, $read, $write, $timeout) = @_;
        is_deeply [ 0 + $queue->wants_read, 0 + $queue->wants_write,
            $queue->timeout ], [ $read, $write, $timeout ],
            'what is told is what can be asked for' if !is_at_work($timeout);
        push @told, ('-', 'read')[$read] . ('-', 'write')[$write]
            . (defined $timeout ? $timeout : '-');
    });
}

sub readable {
    my ($fh) = @_;
    vec(my $bits = '', fileno $fh, 1) = 1;
    return select $bits, undef, undef, 0;
}

# Nothing, until something is pushed; once.
{
    my ($us, $peer) = pair();
    my $queue = queue($us);
    is told(), '', 'a new queue wants nothing';
    $queue->ready;
    is told(), '', '... and says so only where it was told something else';
    $queue->push_recv_fh(sub { }) for 1 .. 3;
    is told(), 'read--', 'three callbacks: read, said once';
    $queue->push_send_fh($us) for 1 .. 3;
    is told(), 'readwrite-', 'three sends: write as well, said once';
    $queue->ready;
    is told(), 'readwrite0, read--', 'they have gone';
    send_file($peer, $us) for 1 .. 3;
    $queue->ready;
    is told(), 'read-0, ---', 'and come';
}

# A full connection is one to wait for.
{
    my ($us, $peer) = pair();
    my $queue = queue($us);
    my $file = tagged('full');
    my $sent = 0;
    $queue->push_send_fh($file, sub { $sent++ }) for 1 .. 2000;
    $queue->ready;
    is told(), '-write-, -write0, -write-', 'a full connection: to be written, and no timer';
    cmp_ok $sent, '<', 2000, '... not all went';
    $peer->blocking(0);
    my $rounds = 0;
    while (1) {
        1 while recv_fh($peer);
        $queue->ready;
        last if $sent == 2000 || ++$rounds == 100;
    }
    is $sent, 2000, '... and then it does';
    is told(), ('-write0, -write-, ' x $rounds) . '-write0, ---',
        '... without more being said meanwhile';
}

# Where there is room and yet none, it is waited for by time.
for my $errno (qw(ENFILE ENOBUFS ENOMEM ETOOMANYREFS)) {
    my ($us, $peer) = pair();
    my @sent;
    my $queue = queue($us);
    $queue->push_send_fh($us, sub { push @sent, shift });
    told();
    {
        no warnings 'redefine';
        local *File::FDpasser::_send_files_from = sub { $! = Errno->can($errno)->(); return 0 };
        $queue->ready;
    }
    is told(), '-write0, --0.1', "$errno: a timer, not readiness";
    $queue->ready;
    is "@sent", 1, '... and it goes';
    told();
}

# Of several that wait by time the loop without a loop keeps to the shortest.
{
    my ($us, $peer) = pair();
    my ($pauses, $is_due) = map { File::FDpasser::Queue->new($_) } $us, $peer;
    $_->push_recv_fh(sub { }) for $pauses, $is_due;
    send_file($peer, $us);
    {
        no warnings 'redefine';
        local *File::FDpasser::_receive_into = sub { $! = Errno::ENFILE(); return 0 };
        $pauses->ready;
    }
    close $peer;
    is_deeply [ map { $_->timeout } $pauses, $is_due ], [ 0.1, 0 ], 'one soon, one at once';
    is_deeply [ map { (File::FDpasser::Loop::_sets(@$_))[2] } [ $pauses, $is_due ], [ $is_due, $pauses ] ],
        [ 0, 0 ], '... at once, in either order';
}

# Half a message is no reason to spin: it was read, and the rest is waited for.
{
    my ($us, $peer) = pair();
    my $queue = queue($us);
    my @got;
    $queue->push_recv_fh(sub { push @got, $! + 0 });
    syswrite $peer, "\0";
    told();
    $queue->ready;
    is told(), 'read-0, read--', 'half a message: to be read, no timer';
    ok !readable($us), '... of which nothing is left to be read';
    syswrite $peer, "\x0d";
    $queue->ready;
    is "@got", '13', '... its other half makes it whole';
    is told(), 'read-0, ---', '... and nothing more is wanted';
}

# A handle is flushed when it is pushed; one that can't be is not sent, and that
# says nothing about the connection.
{
    my ($us, $peer) = pair();
    my $queue = queue($us);
    pipe my $reader, my $writer or die "pipe: $!";
    $writer->blocking(0);
    $writer->autoflush(0);
    1 while syswrite $writer, 'x' x 4096;
    1 while syswrite $writer, 'x';
    print {$writer} 'pending';
    my @sent;
    $queue->push_send_fh($writer, sub { push @sent, $_[0] || errno_name($!) });
    $queue->push_send_fh($us, sub { push @sent, $_[0] });
    told();
    $queue->ready;
    is "@sent", 'EAGAIN 1', 'a full pipe behind a handle: the others go';
    is told(), '-write0, ---', '... and nothing is waited for';
    # There is room for it in the end, or perl complains as it closes.
    $reader->blocking(0);
    1 while sysread $reader, my $got, 65536;
    $writer->clearerr;
    close $writer or die "close: $!";
}

# A connection that the program closes without a word.
{
    my ($us, $peer) = pair();
    my $queue = queue($us);
    my @got;
    close $us;
    $queue->push_recv_fh(sub { push @got, errno_name($!) });
    $queue->push_send_fh($peer, sub { push @got, errno_name($!) });
    is told(), '--0', 'no connection: there is nothing to watch';
    $queue->ready;
    is "@got", 'EBADF EBADF', '... and all is over';
    is $queue->timeout, undef, '... and well';
}

# Closing: what was watched is not any more.
{
    my ($us, $peer) = pair();
    my $queue = queue($us);
    my @got;
    $queue->push_recv_fh(sub { push @got, errno_name($!) }) for 1 .. 2;
    $queue->push_send_fh($us, sub { push @got, errno_name($!) });
    told();
    $queue->close;
    is "@got", 'ECANCELED ECANCELED ECANCELED', 'all hear of a close';
    is told(), 'readwrite0, --0, ---',
        '... and the closed one is not watched, and wants nothing in the end';
    $queue->close;
    is "@got", 'ECANCELED ECANCELED ECANCELED', 'once';
    is told(), '', '... and for all';
}

# Who is told something and changes it hears of that when it has come back; and of
# nothing that an exception has left.
{
    my ($us, $peer) = pair();
    my @heard;
    my $queue = File::FDpasser::Queue->new($us, on_wants => sub {
        my ($queue, @wants) = @_;
        push @heard, "[$wants[0]$wants[1]";
        $queue->push_send_fh($us, sub { die "sent\n" }) if @heard == 1;
        push @heard, ']';
    });
    $queue->push_recv_fh(sub { });
    is join('', @heard), '[10][11]', 'an on_wants that changes what is wanted';
    ok !eval { $queue->ready; 1 }, 'a callback dies';
    $queue->on_wants(sub { @heard = map { defined $_ ? $_ : '-' } @_[ 1 .. 3 ] });
    is "@heard", '1 0 -', '... another loop is told what is wanted, and no more';
    $queue->close;
}

# One that dies is told the same again.
{
    my ($us, $peer) = pair();
    my @heard;
    my $queue = File::FDpasser::Queue->new($us, on_wants => sub {
        push @heard, "@_[ 1, 2 ]";
        die "not now\n" if @heard == 1;
    });
    ok !eval { $queue->push_recv_fh(sub { }); 1 }, 'an on_wants that dies';
    is $queue->pending, 0, '... leaves a push that has taken nothing';
    $queue->push_recv_fh(sub { });
    is_deeply \@heard, [ ('1 0') x 2 ], '... is told again';
    $queue->close;
}

# What it holds may be the queue.
{
    my ($us, $peer) = pair();
    my $queue = do {
        my $held;
        $held = File::FDpasser::Queue->new($us, on_wants => sub { return $held });
    };
    weaken(my $still_there = $queue);
    $queue->push_recv_fh(sub { });
    $queue->close;
    undef $queue;
    is $still_there, undef, 'a queue that its own on_wants holds is let go when it is closed';
}

# Another on_wants, set while the one before it is told.
{
    my ($us, $peer) = pair();
    my @heard;
    my $queue = File::FDpasser::Queue->new($us, on_wants => sub {
        my ($queue, @wants) = @_;
        push @heard, "old @wants[ 0, 1 ]";
        $queue->on_wants(sub { push @heard, "new @_[ 1, 2 ]" });
    });
    $queue->push_recv_fh(sub { });
    is join(', ', @heard), 'old 1 0, new 1 0', 'an on_wants that sets another: that is told, too';
    $queue->close;
    is $heard[-1], 'new 0 0', '... and of the end, alone';
}

no_leak();
done_testing;
