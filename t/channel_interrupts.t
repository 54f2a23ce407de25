# A signal ends what a blocking File::FDpasser::Channel waits for, at once, however
# its handler was installed, and nothing is lost; nor wherever a handler runs.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;
use Signals;

use Errno ();
use File::FDpasser::Channel;

for my $kind (kinds()) {
    my ($us, $peer) = pair();
    my $channel = File::FDpasser::Channel->new($us);
    syswrite $peer, 'half';
    is_deeply [ interrupted($kind, sub { $channel->read_line }) ],
        [ undef, 'EINTR', 1 ], "$kind: a read";
    syswrite $peer, "\n";
    is $channel->read_line, "half\n", '... loses nothing';

    is_deeply [ interrupted($kind, sub { $channel->write('x' x 1_000_000) }) ],
        [ undef, 'EINTR', 1 ], '... a write, half of which has gone';
    cmp_ok $channel->pending_bytes, '>', 0, '... the rest of it waits';
    my $child = in_child {
        close $us;
        my $read = 0;
        while ((my $more = sysread $peer, my $bytes, 65536) // 0) { $read += $more }
        return $read;
    };
    close $peer;
    is $channel->flush, 1, '... and goes';
    $channel->close;
    is $child->result, 1_000_000, '... once';
}

# A handler that writes to a channel whose write waits, or dies there.
for my $dies (0, $] < 5.018 ? () : 1) {    # those run handlers as blocks end
    my ($us, $peer) = pair();
    my $channel = File::FDpasser::Channel->new($us);
    my $proceed = gate();
    local $SIG{USR1} = sub { $dies ? die "left\n" : $channel->write('short') };
    my $child = in_child {
        close $us;
        vec(my $begun = '', fileno $peer, 1) = 1;
        select $begun, undef, undef, undef;
        1 until is_blocked(getppid);
        kill USR1 => getppid;
        $proceed->wait;
        my $all = '';
        1 while sysread $peer, $all, 65536, length $all;
        my $behind = $all =~ s/\Ax+//r;
        return length($all) - length($behind) . " $behind";
    };
    close $peer;
    my ($written, $errno) = eval { ($channel->write('x' x 1_000_000), errno_name($!)) };
    if ($dies) { is $@, "left\n", 'a handler that dies while a write waits' }
    else       { is_deeply [ $written, $errno ], [ undef, 'EINTR' ], 'one that writes' }
    $proceed->open;
    is $channel->flush, 1, '... the rest can be flushed';
    is $channel->pending_bytes, 0, '... all of it';
    $channel->close;
    undef $us;
    is $child->result, '1000000 ' . ($dies ? '' : 'short'), '... and comes, in order';
}

# The rest has a handler run at a moment of its own choice, on every perl: as a call
# of the native layer returns. It is given what that call has done.
sub with_handler {
    my ($function, $handler, $step) = @_;
    my $name   = "File::FDpasser::$function";
    my $native = \&$name;
    my $call   = sub {
        my $done = &$native;
        { local $!; $handler->($done) }
        return $done;
    };
    no strict 'refs';
    no warnings 'redefine';
    local *$name = $call;
    return $step->();
}

sub dying { my ($step) = @_; return !eval { $step->(); 1 } && $@ }

sub dies_where_nothing_is_done { my ($done) = @_; die "left\n" if !$done }

sub full {
    my ($us) = @_;
    $us->blocking(0);
    for my $length (4096, 1) { 1 while syswrite $us, 'x' x $length }
    return;
}

# A channel in a loop, what it is told, and what the callbacks say.
my (@told, @said);

sub told { my $last = $told[-1]; @told = (); return $last }
sub said { my @now = splice @said; return "@now" }

sub in_loop {
    my ($us, %option) = @_;
    return File::FDpasser::Channel->new($us, blocking => 0,
        on_wants => sub { push @told, join ',', map { $_ // '-' } @_[ 1 .. 3 ] },
        on_input => sub {
            while (defined(my $line = $_[0]->read_line)) { push @said, $line =~ s/\n//r }
        },
        on_end   => sub { push @said, 'end' },
        on_error => sub { push @said, errno_name($!) },
        on_drain => sub { push @said, 'drained' },
        %option);
}

# A write that an exception has left.
{
    my ($us, $peer) = pair();
    my $channel = File::FDpasser::Channel->new($us, blocking => 0);
    full($us);
    is with_handler(_write_from => \&dies_where_nothing_is_done,
        sub { dying(sub { $channel->write('untaken') }) }), "left\n",
        'a write is left before any of it has gone';
    is $channel->pending_bytes, 0, '... nothing waits: it was not taken';
}
{
    my ($us, $peer) = pair();
    $peer->blocking(0);
    my $channel = File::FDpasser::Channel->new($us, blocking => 0);
    is with_handler(_write_from => \&dies_where_nothing_is_done,
        sub { dying(sub { $channel->write('x' x 1_000_000) }) }), "left\n",
        'a write is left when some of it has gone';
    my $came = '';
    for (1 .. 2000) {
        1 while sysread $peer, $came, 65536, length $came;
        last if length $came == 1_000_000;
        $channel->ready;
    }
    is length $came, 1_000_000, '... ready, alone, sends the rest';
}

# A wait is cut short, and there is room by the time of the next attempt.
{
    my ($us, $peer) = pair();
    my $channel = File::FDpasser::Channel->new($us);
    my $native  = \&File::FDpasser::_write_from;
    my $is_cut  = sub {
        my ($connection, $piece, undef, @begin) = @_;
        my $done = $native->($connection, $piece, 0, @begin);
        sysread $peer, my $bytes, 65536;
        $! = Errno::ENOENT();    # handlers leave it as they like
        return $done;
    };
    no warnings 'redefine';
    local *File::FDpasser::_write_from = $is_cut;
    fails { $channel->write('x' x 1_000_000) } undef, 'EINTR', 'a handler makes room';
    cmp_ok $channel->pending_bytes, '>', 0, '... what found none waits';
}

# A handler writes as the last of what waits has gone.
{
    my ($us, $peer) = pair();
    $peer->blocking(0);
    my $channel = in_loop($us);
    full($us);
    $channel->write("waits\n");
    my ($all, $writes, @warnings) = ('', 1);
    1 while sysread $peer, $all, 65536, length $all;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    with_handler(_write_quietly_from => sub { $channel->write("more\n") if $writes-- > 0 },
        sub { $channel->ready });
    1 while sysread $peer, $all, 65536, length $all;
    is $all =~ s/\Ax+//r, "waits\nmore\n", 'a write as the last of what waits has gone';
    is said(), 'drained', '... drains with it';
    is "@warnings", '', '... and nobody is warned';
}

# What came before an exception is told of before what came after.
{
    my ($us, $peer) = pair();
    my $channel = in_loop($us, on_input => sub { push @said, 'input' });
    syswrite $peer, "line\n";
    is with_handler(_read_into => sub { die "left\n" },
        sub { dying(sub { $channel->ready }) }), "left\n", 'a ready that reads is left';
    is told(), '1,0,0', '... and is to be called again, at once';
    close $peer;
    is $channel->read_line, "line\n", '... the program reads it';
    is $channel->read_some, undef,    '... and to the end';
    $channel->ready;
    is said(), 'input end', '... of which it is told afterwards, in order';
}

# The timer has rung; what it was for is left.
{
    my ($us, $peer) = pair();
    my $channel = in_loop($us);
    no warnings 'redefine';
    {
        my $refuses = sub { $! = Errno::ETOOMANYREFS(); return 0 };
        local *File::FDpasser::_write_from         = $refuses;
        local *File::FDpasser::_write_quietly_from = $refuses;
        $channel->write('waits');
        $channel->ready;
        is told(), '1,0,0.1', 'too much is in flight: a timer';
        local *File::FDpasser::_write_quietly_from = sub { die "left\n" };
        is dying(sub { $channel->ready }), "left\n", '... it rings, and ready is left';
    }
    is told(), '1,1,0', '... which is to be called again, at once';
    $channel->ready;
    is said(), 'drained', '... and all goes';
}

# ready within a callback has told the loop that it is done; the other is not.
{
    my ($us, $peer) = pair();
    my ($dies, @more) = (0, 'two');
    my $channel = in_loop($us, on_input => sub {
        my ($channel) = @_;
        push @said, $channel->read_some;
        $channel->ready;
        $dies = @more && syswrite $peer, shift @more;
    });
    syswrite $peer, 'one';
    is with_handler(_read_into => sub { die "left\n" if $dies },
        sub { dying(sub { $channel->ready }) }), "left\n", 'left after a ready in a callback';
    is told(), '1,0,0', '... and is to be called again, at once';
    $dies = 0;
    $channel->ready;
    is said(), 'one two', '... for what had come';
}

# A handler that calls ready leaves the work to the one that is at it.
{
    my ($us, $peer) = pair();
    my $channel = in_loop($us, on_input => sub { push @said, $_[0]->read_some });
    my @more    = qw(two three);
    syswrite $peer, 'one';
    my $is_in = 0;
    with_handler(_read_into => sub {
        return if $is_in++;
        syswrite $peer, shift @more if @more;
        push @said, '(';
        $channel->ready;
        push @said, ')';
        $is_in = 0;
    }, sub { $channel->ready });
    is said(), '( ) one ( ) two ( ) three ( )',
        'a ready that a handler calls, before a callback and after it';
}

# A handler closes the handle as there is nothing to be read.
{
    my ($us, $peer) = pair();
    my $channel = in_loop($us);
    with_handler(_read_into => sub { close $us }, sub { $channel->ready });
    is told(), '0,0,0.1', 'a handle that a handler closes: there is nothing to watch';
    $channel->ready;
    is said(), 'EBADF', '... which is found by time';
}

no_leak();
done_testing;
