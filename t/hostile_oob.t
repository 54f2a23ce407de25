# Out-of-band bytes (MSG_OOB) are no part of a message: they are thrown away,
# make no call wait, and use no processor.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Outside;
use Peer;
use Signals;
use Situation;

use File::FDpasser qw(:all);
use File::FDpasser::Queue;
use Socket;

{
    my ($us, $peer) = pair();
    plan skip_all => "no out-of-band bytes here: $!" if !send_oob($peer, 'x');
}

my $file = tagged('in band');
Situation::new_baseline();
my $text = '';
$File::FDpasser::on_text = sub { $text .= $_[0] };

my %receive = (
    recv_fh    => sub { answered(scalar recv_fh($_[0])) },
    recv_fd    => sub { answered(scalar recv_fd($_[0])) },
    recv_fhs   => sub { answered((recv_fhs($_[0]))[0]) },
    'recv_fhs with a number' => sub { answered((recv_fhs($_[0], 253))[0]) },
    'recv_fhs with a small number' => sub { answered((recv_fhs($_[0], 28))[0]) },
    recv_fds   => sub { answered((recv_fds($_[0]))[0]) },
    my_recv_fd => sub {
        my $got = File::FDpasser::my_recv_fd(fileno $_[0]);
        return $got < -1 ? errno_name(-$got) : answered($got == -1 ? undef : $got);
    },
);

# What the peer does; then what the calls of a non-blocking reader give.
my @situations = (
    'text, a zero byte and one out of band' =>
        sub { send_oob($_[0], "a\0x") } => ['EAGAIN'], 'a',
    '... then the status' =>
        sub { send_oob($_[0], "a\0x"); syswrite $_[0], "\x0d" } => ['EACCES'], 'a',
    '... then one with a descriptor' =>
        sub { send_oob($_[0], "a\0x"); send_raw($_[0], "\0", $file) } => ['in band'], 'a',
    '... then the end' =>
        sub { send_oob($_[0], "a\0x"); close $_[0] } => [ 'EPROTO', 'ENOTCONN' ], 'a',
    'nothing else' => sub { send_oob($_[0], 'x') } => ['EAGAIN'], '',
    'nothing else but the end' =>
        sub { send_oob($_[0], 'x'); close $_[0] } => ['ENOTCONN'], '',
    'one before a message' =>
        sub { send_oob($_[0], 'x'); send_raw($_[0], "\0\0", $file) } => ['in band'], '',
    'one behind a message' =>
        sub { send_raw($_[0], "\0\0", $file); send_oob($_[0], 'x') }
        => [ 'in band', 'EAGAIN' ], '',
    'one between two' => sub {
        send_raw($_[0], "\0\0", $file);
        send_oob($_[0], 'x');
        send_raw($_[0], "\0\0", $file);
    } => [ 'in band', 'in band', 'EAGAIN' ], '',
    'a zero byte out of band' =>
        sub { send_oob($_[0], "\0"); syswrite $_[0], "\0\x0d" } => ['EACCES'], '',
    'a status that has one behind it' =>
        sub { send_oob($_[0], "\0\x0dx") } => [ 'EACCES', 'EAGAIN' ], '',
    'a message whose descriptor comes along' =>
        sub { send_oob($_[0], "\0\0x", $file) } => [ 'in band', 'EAGAIN' ], '',
    'a name with a descriptor' =>
        sub { send_raw($_[0], 'name', $file); send_oob($_[0], 'x') }
        => [ 'in band', 'EAGAIN' ], 'name',
);

for my $name (sort keys %receive) {
    my @left = @situations;
    while (my ($title, $act, $expected, $said) = splice @left, 0, 4) {
        my @seen = returns {
            my ($us, $peer) = pair();
            $us->blocking(0);
            $act->($peer);
            $text = '';
            my @answers = map { $receive{$name}->($us) } @$expected;
            my $ready = $answers[-1] eq 'EAGAIN' && is_ready($us);
            close $us;
            return [@answers], $text, !!$ready;
        };
        is_deeply \@seen, [ $expected, $said, '' ], "$name: $title";
    }
}

# Its status had no room between; then it comes.
{
    my ($us, $peer) = pair();
    $us->blocking(0);
    my @seen = returns {
        my @answers;
        for my $byte (split //, "te\0\x0d") {
            syswrite $peer, $byte;
            send_oob($peer, 'x');
            push @answers, answered(scalar recv_fh($us));
        }
        return @answers;
    };
    is_deeply \@seen, [ ('EAGAIN') x 3, 'EACCES' ], 'one behind each byte';
}

# read_fd gives what is in band.
{
    my @seen = returns {
        my ($us, $peer) = pair();
        $us->blocking(0);
        send_oob($peer, 'abx', $file);
        my @first = read_fd($us, 100, 1);
        my @then  = read_fd($us, 100, 1);
        my $errno = errno_name($!);
        syswrite $peer, 'cd';
        my @last = read_fd($us, 100, 1);
        return [ $first[0], tag_of($first[1]) ], "@then", $errno, "@last";
    };
    is_deeply \@seen, [ [ 'ab', 'in band' ], '', 'EAGAIN', 'cd' ], 'read_fd';
}

# One that is alone is taken away, or an event loop would be told of it for ever;
# also where the table has little room, or none.
my %reading = (
    %receive,
    'read_fd of one'  => sub { answered((read_fd($_[0], 100, 1))[1]) },
    'read_fd of more' => sub { answered((read_fd($_[0], 100, 2))[1]) },
);
for my $name (sort keys %reading) {
    my @seen = map {
        my ($us, $peer) = pair();
        $us->blocking(0);
        send_oob($peer, 'x');
        with_free $_, sub { ($reading{$name}->($us), scalar is_ready($us)) };
    } 0, 3, 300;
    is_deeply \@seen, [ ('EAGAIN', 0) x 3 ], "$name: one alone";
}

# A blocking reader sleeps beside them, and wakes for what counts.
my %blocking = (%receive, read_fd => sub { read_fd($_[0], 100, 1) });
my %waiting;
for my $name (sort keys %blocking) {
    for my $sent ("\0x", 'x') {
        next if $name eq 'read_fd' && $sent ne 'x';
        my ($us, $peer) = pair();
        send_oob($peer, $sent);
        my $title = sprintf '%s, blocking, %d bytes', $name, length $sent;
        $waiting{$title} = [ waits { $blocking{$name}->($us) }, $us, $peer ];
    }
}
waits_quietly($waiting{$_}[0], $_) for sort keys %waiting;
%waiting = ();

for my $name (sort keys %receive) {
    my ($us, $peer) = pair();
    my $child = in_child { watchdog(10); close $peer; $receive{$name}->($us) };
    1 until is_blocked($child->pid);
    send_oob($peer, 'x') for 1 .. 3;
    1 until is_blocked($child->pid);
    send_raw($peer, "\0\0", $file);
    # Of several the kernel counts only the last as out of band.
    like eval { $child->result } || 'hangs', qr/\A(?:in band|ETXTBSY)\z/,
        "$name: some come while it waits";
}

# A queue asks its loop for nothing that would be there for ever.
{
    my @seen = returns {
        my ($us, $peer) = pair();
        my @got;
        my $queue = File::FDpasser::Queue->new($us);
        $queue->push_recv_fh(sub { push @got, answered($_[0]) });
        my $turns = 0;
        my $turn  = sub {
            return if !$queue->wants_read || !is_ready($us);
            $turns++;
            $queue->ready;
            return 1;
        };
        send_oob($peer, "a\0x");
        1 while $turn->() && $turns < 100;
        my $seen = $turns;
        syswrite $peer, "\x0d";
        $queue->ready if defined $queue->timeout;
        1 while $turn->() && $turns < 200;
        return [@got], $seen < 4 ? 'few' : $seen;
    };
    is_deeply \@seen, [ ['EACCES'], 'few' ], 'a queue';
}

undef $file;
no_leak();
done_testing;
