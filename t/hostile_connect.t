# Deadlines of a connect count whatever the other side does: lets it wait in a
# full queue, takes it without a word, or says what nobody asked for.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Meeting;
use Outside;
use Peer;
use Signals;
use Situation;

use File::FDpasser qw(:all);
use Socket;
use Time::HiRes ();

my $dir = workdir();
my $over_streams = File::FDpasser::transport() ne 'socket';
Situation::new_baseline();

sub connects {
    my ($path, $timeout) = @_;
    my ($answer) = returns {
        my $conn = endp_connect($path, timeout => $timeout);
        return defined $conn ? 'connected' : errno_name($!);
    };
    return $answer;
}

{
    my ($listener, @waiting) = full_listener("$dir/full");
    is connects("$dir/full", $_), 'ETIMEDOUT', "a full queue, $_ seconds" for 0, 0.001, 0.3;

    # A handler that dies, and one that does not.
    my $child = waits { endp_connect("$dir/full") };
    waits_quietly($child, 'a full queue, without a deadline');
    $child = waits { endp_connect("$dir/full", timeout => 60) };
    waits_quietly($child, 'a full queue, a deadline far away');
    for my $timeout ('none', 60) {
        my @option = $timeout eq 'none' ? () : (timeout => $timeout);
        for my $kind (kinds()) {
            my @seen = returns { interrupted($kind, sub { endp_connect("$dir/full", @option) }) };
            is_deeply \@seen, [ undef, 'EINTR', 1 ], "$kind, timeout $timeout: a signal ends it";
        }
    }
}

# Who had to wait has a connection like any other: without the time of the wait.
if (!$over_streams) {
    my ($listener, @waiting) = full_listener("$dir/room");
    my $child = in_child {
        watchdog(10);
        my $conn = endp_connect("$dir/room", timeout => 60);
        return $conn ? unpack 'l! l!', getsockopt $conn, SOL_SOCKET, SO_SNDTIMEO : errno_name($!);
    };
    1 until is_blocked($child->pid);
    accept(my $client, $listener);
    is_deeply [ $child->result ], [ 0, 0 ], 'a connection that was waited for has no timeout';
    $child = in_child { watchdog(10); survives_exec(cli_conn("$dir/room")) };
    1 until is_blocked($child->pid);
    accept(my $another, $listener);
    is_deeply [ $child->result ], [1], '... and its number survives exec';
}

# A server that takes its clients and then does what $code says.
sub server {
    my ($path, $code) = @_;
    my $listener = foreign_listener($path, 5);
    return in_child {
        watchdog(30);
        my @clients;
        while (accept my $client, $listener) {
            push @clients, $client;
            $code->($client);
        }
    };
}

my %says = (
    'nothing'             => sub { },
    'descriptors without end' => sub {
        $_[0]->blocking(0);
        1 while send_raw($_[0], 'x', \*STDIN);
    },
    'packets without end' => sub {
        my ($client) = @_;
        return if fork;
        flood($client, $over_streams ? '' : 'x');
        POSIX::_exit(0);
    },
);
for my $what (sort keys %says) {
    my $server = server("$dir/server", $says{$what});
    my $expected = $over_streams ? qr/\A(?:ETIMEDOUT|connected|ENXIO)\z/ : qr/\Aconnected\z/;
    like connects("$dir/server", 0.5), $expected, "a server that says $what";
    is connects("$dir/server", 0.5), 'ETIMEDOUT', '... again'
        if $over_streams && $what eq 'nothing';
    kill KILL => $server->pid;
    $server->status;
    unlink "$dir/server";
}

no_leak();
done_testing;
