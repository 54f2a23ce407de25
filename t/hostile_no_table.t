# RLIMIT_NOFILE 0, as sandboxes have it: nothing can be opened or received. What
# is promised for a full table holds, and waits work.

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
use POSIX ();
use Socket;

my $dir  = workdir();
my $file = tagged('later');
$File::FDpasser::on_text = sub { };
Situation::new_baseline();

my %receive = (
    recv_fh    => sub { answered(scalar recv_fh($_[0])) },
    recv_fd    => sub { answered(scalar recv_fd($_[0])) },
    recv_fhs   => sub { answered((recv_fhs($_[0]))[0]) },
    'recv_fhs with a number' => sub { answered((recv_fhs($_[0], 5))[0]) },
    recv_fds   => sub { answered((recv_fds($_[0]))[0]) },
    my_recv_fd => sub {
        my $got = File::FDpasser::my_recv_fd(fileno $_[0]);
        return $got < -1 ? errno_name(-$got) : answered($got == -1 ? undef : $got);
    },
);

# With a table of no numbers, and with one as it was.
sub without_table {
    my ($code) = @_;
    my $limit  = descriptor_limit(0);
    my @got    = $code->();
    descriptor_limit($limit);
    return @got;
}

sub message { my ($peer) = @_; return send_file($peer, $file) }

for my $name (sort keys %receive) {
    for my $blocking (1, 0) {
        my @seen = returns {
            my ($us, $peer) = spipe();
            $us->blocking($blocking);
            message($peer);
            my @answers = without_table(sub { map { $receive{$name}->($us) } 1 .. 3 });
            push @answers, $receive{$name}->($us);
            close $_ for $us, $peer;
            return @answers, leaked();
        };
        is "@seen", 'EMFILE EMFILE EMFILE later',
            "$name, " . ($blocking ? 'blocking' : 'non-blocking');
    }
    my @seen = returns {
        my ($us, $peer) = spipe();
        $us->blocking(0);
        send_err($peer, 13, 'text');
        my @answers = without_table(sub { map { $receive{$name}->($us) } 1 .. 2 });
        close $peer;
        push @answers, without_table(sub { $receive{$name}->($us) });
        return @answers;
    };
    is "@seen", 'EACCES EAGAIN ENOTCONN', "$name: a status, nothing, the end";
}

# Names and halves.
for my $bytes ('name', "text\0\0", "\0") {
    my @seen = returns {
        my ($us, $peer) = pair();
        $us->blocking(0);
        send_raw($peer, $bytes, $file);
        my @answers = without_table(sub { map { answered(scalar recv_fh($us)) } 1 .. 2 });
        return @answers, answered(scalar recv_fh($us));
    };
    is "@seen", 'EMFILE EMFILE later', 'a message of ' . length($bytes) . ' bytes';
}
{
    my @seen = returns {
        my ($us, $peer) = pair();
        $us->blocking(0);
        syswrite $peer, "text\0";
        my @answers = without_table(sub { answered(scalar recv_fh($us)) });
        send_raw($peer, "\0", $file);
        push @answers, without_table(sub { map { answered(scalar recv_fh($us)) } 1 .. 2 });
        return @answers, answered(scalar recv_fh($us));
    };
    is "@seen", 'EAGAIN EMFILE EMFILE later', 'half and half';
}

# Waits wait, without the processor, and end.
my %waiting = map {
    my $name = $_;
    my ($us, $peer) = spipe();
    ($name => [ waits { without_table(sub { $receive{$name}->($us) }) }, $us, $peer ]);
} keys %receive;
waits_quietly($waiting{$_}[0], "$_ waits") for sort keys %waiting;
%waiting = ();
for my $name (sort keys %receive) {
    my ($us, $peer) = spipe();
    my $child = in_child {
        watchdog(10);
        close $peer;
        return without_table(sub { $receive{$name}->($us) });
    };
    1 until is_blocked($child->pid);
    send_err($peer, 13);
    is eval { $child->result } || 'hangs', 'EACCES', "$name waits, and something comes";
}
{
    my ($us, $peer) = spipe();
    my $child = in_child {
        watchdog(10);
        close $peer;
        return without_table(sub { read_fd($us, 10, 1) });
    };
    1 until is_blocked($child->pid);
    syswrite $peer, 'bytes';
    is eval { $child->result } || 'hangs', 'bytes', 'read_fd waits, and something comes';
}

# Sending, and waiting for room.
{
    my ($us, $peer) = spipe();
    my $child = in_child {
        watchdog(10);
        close $peer;
        return without_table(sub {
            $us->blocking(0);
            my $sent = 0;
            $sent++ while send_file($us, $file);
            $us->blocking(1);
            $sent++ for grep { send_file($us, $file) } 1 .. 10;
            return $sent;
        });
    };
    1 until is_blocked($child->pid);
    my $received = 0;
    close $us;
    $received++ while recv_fh($peer);
    is eval { $child->result } || 'hangs', $received, 'as many arrive as were sent';
}

# Accepting.
{
    my $listener = endp_create("$dir/endpoint");
    my $client   = in_child { watchdog(10); endp_connect("$dir/endpoint") ? 'connected' : "$!" };
    my @seen     = returns {
        1 until is_ready($listener);
        my @answers = without_table(sub {
            map { $! = 0; serv_accept_fh($listener) ? 'accepted' : errno_name($!) } 1 .. 2;
        });
        return @answers, serv_accept_fh($listener) ? 'accepted' : errno_name($!);
    };
    is "@seen", 'EMFILE EMFILE accepted', 'accepting';
    is eval { $client->result } || 'hangs', 'connected', '... the client did not notice';
}

{
    my $listener = endp_create("$dir/nobody");
    $listener->blocking(0);
    my @seen = returns {
        without_table(sub { serv_accept_fh($listener) ? 'accepted' : errno_name($!) });
    };
    is "@seen", 'EAGAIN', '... where nobody waits';
    $listener->blocking(1);
    waits_quietly(waits { without_table(sub { serv_accept_fh($listener) }) }, '... until somebody comes');
}

# A queue pauses, and goes on.
{
    my @seen = returns {
        my ($us, $peer) = spipe();
        my @got;
        my $queue = File::FDpasser::Queue->new($us);
        $queue->push_recv_fh(sub { push @got, answered($_[0]) });
        message($peer);
        my @wants = without_table(sub {
            $queue->ready;
            return !!$queue->wants_read, $queue->timeout > 0;
        });
        $queue->ready;
        return @wants, @got;
    };
    is_deeply \@seen, [ '', 1, 'later' ], 'a queue';
}

undef $file;
no_leak();
done_testing;
