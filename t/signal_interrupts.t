# A signal ends every wait with EINTR, also where its handler was installed
# with SA_RESTART. Perl's handlers have run by then, and nothing is lost.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Meeting;
use Situation;
use Peer;
use Signals;

use File::FDpasser;
use POSIX ();
use Socket;

watchdog(60);    # some of it takes long beside other work

my $dir  = workdir();
my $file = tagged('not lost');
my $text = '';
$File::FDpasser::on_text = sub { $text .= $_[0] };

sub full {
    my ($us) = @_;
    $us->blocking(0);
    1 while syswrite $us, 'x' x 1000;
    1 while syswrite $us, 'x';
    $us->blocking(1);
}

sub received {
    my ($us, $peer) = @_;
    send_raw($peer, "\0\0", $file);
    return tag_of(scalar recv_fh($us));
}

# What is waited for, and then what shows that nothing was lost: returns
# [ code that waits, its failure value, code that goes on, what that returns ].
my %wait = (
    'recv_fh' => sub {
        my ($us, $peer) = pair();
        return [ sub { recv_fh($us) }, undef,
            sub { received($us, $peer) }, 'not lost' ];
    },
    'recv_fd' => sub {
        my ($us, $peer) = pair();
        return [ sub { recv_fd($us) }, undef,
            sub { received($us, $peer) }, 'not lost' ];
    },
    'my_recv_fd' => sub {
        my ($us, $peer) = pair();
        return [ sub { File::FDpasser::my_recv_fd(fileno $us) }, -1,
            sub { received($us, $peer) }, 'not lost' ];
    },
    'recv_fh, a packet' => sub {
        my ($us, $peer) = pair(SOCK_SEQPACKET);
        return [ sub { recv_fh($us) }, undef,
            sub { received($us, $peer) }, 'not lost' ];
    },
    'recv_fh, a datagram' => sub {
        my ($us, $peer) = pair(SOCK_DGRAM);
        return [ sub { recv_fh($us) }, undef,
            sub { received($us, $peer) }, 'not lost' ];
    },
    'recv_fh after text' => sub {
        my ($us, $peer) = pair();
        syswrite $peer, 'some text';
        return [ sub { recv_fh($us) }, undef,
            sub { received($us, $peer) . " $text" }, 'not lost some text' ];
    },
    'recv_fh in half a message' => sub {
        my ($us, $peer) = pair();
        syswrite $peer, "\0";
        return [
            sub { recv_fh($us) }, undef,
            sub {
                send_raw($peer, "\0", $file);
                return tag_of(scalar recv_fh($us));
            },
            'not lost'
        ];
    },
    'recv_fh after text and half a message' => sub {
        my ($us, $peer) = pair();
        syswrite $peer, "some text\0";
        return [
            sub { recv_fh($us) }, undef,
            sub {
                send_raw($peer, "\0", $file);
                return tag_of(scalar recv_fh($us)) . " $text";
            },
            'not lost some text'
        ];
    },
    'recv_fh in half a message, SO_PASSCRED' => sub {
        my ($us, $peer) = pair();
        note_credentials($us);
        syswrite $peer, "\0";
        return [
            sub { recv_fh($us) }, undef,
            sub {
                send_raw($peer, "\0", $file);
                return tag_of(scalar recv_fh($us));
            },
            'not lost'
        ];
    },
    'send_file' => sub {
        my ($us, $peer) = pair();
        full($us);
        return [
            sub { send_file($us, $file) }, undef,
            sub {
                $peer->blocking(0);
                1 while sysread $peer, my $bytes, 65536;
                return 'something went' if !$!{EAGAIN};
                return send_file($us, $file)
                    && tag_of(scalar recv_fh($peer));
            },
            'not lost'
        ];
    },
    'my_send_fd' => sub {
        my ($us, $peer) = pair();
        full($us);
        return [ sub { File::FDpasser::my_send_fd(fileno $us, fileno $file) },
            -1, sub { fileno $peer ? 1 : 0 }, 1 ];
    },
    'my_send_fd with a status' => sub {
        my ($us, $peer) = pair();
        full($us);
        return [ sub { File::FDpasser::my_send_fd(fileno $us, -13) },
            -1, sub { fileno $peer ? 1 : 0 }, 1 ];
    },
    'send_file, packets' => sub {
        my ($us, $peer) = pair(SOCK_SEQPACKET);
        $us->blocking(0);
        my $sent = 0;
        $sent++ while send_file($us, $file);
        $us->blocking(1);
        return [
            sub { send_file($us, $file) }, undef,
            sub {
                $peer->blocking(0);
                my $received = 0;
                $received++ while recv_fh($peer);
                return $received - $sent;
            },
            0
        ];
    },
    'serv_accept_fh' => sub {
        my $listener = endp_create("$dir/own");
        return [
            sub { serv_accept_fh($listener) }, undef,
            sub {
                return meet($listener, "$dir/own") ? 1 : 0;
            },
            1
        ];
    },
    'serv_accept_fd' => sub {
        my $listener = endp_create("$dir/own");
        return [ sub { serv_accept_fd($listener) }, undef, sub { 1 }, 1 ];
    },
    'my_serv_accept' => sub {
        my $listener = endp_create("$dir/own");
        return [
            sub { File::FDpasser::my_serv_accept(fileno $listener, my $uid) },
            -1, sub { 1 }, 1
        ];
    },
    'serv_accept_fh on a foreign listener' => sub {
        my $listener = foreign_listener("$dir/foreign", 5);
        return [
            sub { serv_accept_fh($listener) }, undef,
            sub {
                return meet($listener, "$dir/foreign") ? 1 : 0;
            },
            1
        ];
    },
    'endp_connect' => sub {
        my ($listener, @waiting) = full_listener("$dir/full");
        return [
            sub { endp_connect("$dir/full") }, undef,
            sub {
                accept my $served, $listener or die "accept: $!" for @waiting;
                return meet($listener, "$dir/full") ? 1 : 0;
            },
            1
        ];
    },
    'cli_conn' => sub {
        my ($listener, @waiting) = full_listener("$dir/full");
        return [
            sub { cli_conn("$dir/full") }, -1,
            sub { "$listener@waiting" ? 1 : 0 }, 1
        ];
    },
);

delete @wait{ grep {/half a message/} keys %wait } if OverStreams::lack('halves');

for my $name (sort keys %wait) {
    for my $kind (kinds()) {
        my $child = in_child {
            $text = '';
            my ($waits, $failure, $goes_on, $expected) = @{ $wait{$name}->() };
            my @rounds = map { [ interrupted($kind, $waits) ] } 1, 2;
            my $afterwards = $goes_on->();
            undef $_ for $waits, $goes_on;
            return ($failure, \@rounds, [ $expected, $afterwards ], leaked());
        };
        my ($failure, $rounds, $afterwards, @leaked) = $child->result;
        is_deeply [ map { [ @$_[ 0, 1 ] ] } @$rounds ],
            [ ([ $failure, 'EINTR' ]) x 2 ], "$name, $kind: EINTR";
        is scalar(grep { $_->[2] } @$rounds), 2,
            "$name, $kind: the handler has run";
        is $afterwards->[1], $afterwards->[0],
            "$name, $kind: nothing is lost";
        is_deeply \@leaked, [], "$name, $kind: none left over";
    }
}

# Signals all the time, and a peer that sends all the time: each message once.
{
    my ($us, $peer) = pair();
    my $sender = in_child {
        close $us;
        my $ran = 0;
        my $sent = ticking(sub { $ran++ }, sub {
            my $sent = 0;
            while ($sent < 3000) {
                if    (send_file($peer, tagged($sent))) { $sent++ }
                elsif (!$!{EINTR})                      { die "send_file: $!" }
            }
            return $sent;
        });
        return $sent;
    };
    close $peer;
    my $receiver = in_child {
        return ticking(sub { }, sub {
            my $next = 0;
            for (;;) {
                my $got = recv_fh($us);
                if    ($got)        { tag_of($got) eq $next++ or return "lost" }
                elsif (!$!{EINTR})  { last }
            }
            return ($next, errno_name($!), leaked());
        });
    };
    close $us;
    is $sender->result, 3000, '3000 messages sent under signals';
    is_deeply [ $receiver->result ], [ 3000, 'ENOTCONN' ],
        '3000 received, in order, and none left over';
}

# A signal that is ignored, or that has no handler of Perl's, ends nothing.
{
    my ($us, $peer) = pair();
    my $child = in_child {
        close $us;
        my $parent = getppid;
        kill WINCH => $parent for 1 .. 20;
        return send_raw($peer, "\0\0", $file);
    };
    local $SIG{WINCH} = 'IGNORE';
    is tag_of(scalar recv_fh($us)), 'not lost', 'an ignored signal';
    $child->result;
}

# Nor does a stop, which is no signal to the program.
{
    my ($us, $peer) = pair();
    my $child = in_child { tag_of(scalar recv_fh($us)) };
    1 until is_blocked($child->pid);
    kill STOP => $child->pid;
    waitpid $child->pid, POSIX::WUNTRACED();
    kill CONT => $child->pid;
    1 until is_blocked($child->pid);
    send_raw($peer, "\0\0", $file);
    is $child->result, 'not lost', 'stopped and continued';
}

undef $file;
no_leak();
done_testing;
