# A handler that dies, with alarm or any other signal: the call is left, and
# nothing with it.

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

my $dir  = workdir();
my $file = tagged('still there');
$File::FDpasser::on_text = sub { };

# The idiom, word for word.
{
    my ($us, $peer) = pair();
    my $child = in_child {
        my $got = eval {
            local $SIG{ALRM} = sub { die "timeout\n" };
            alarm 1;
            my $fh = recv_fh($us);
            alarm 0;
            return $fh;
        };
        my $exception = $@;
        watchdog();
        send_file($peer, $file);
        my $tag = tag_of(scalar recv_fh($us));
        return ($exception, $tag, leaked());
    };
    is_deeply [ $child->result ], [ "timeout\n", 'still there' ],
        'alarm and die: the next call has the message';
}

my %wait = (
    'nothing there' => sub { },
    'text' => sub { syswrite $_[0], 'text' },
    'half a message' => sub { syswrite $_[0], "\0" },
    'text and half a message' => sub { syswrite $_[0], "text\0" },
    'long text' => sub { syswrite $_[0], 'text' x 4000 },
);

# What is a message where nothing more is there: it is taken, and then there is
# something to wait for.
my %whole = (
    'a message' => sub { send_raw($_[0], "\0\0", $file) },
    'text with a descriptor' => sub { send_raw($_[0], 'text', $file) },
    'text and a zero with a descriptor' =>
        sub { send_raw($_[0], "text\0", $file) },
    'text with 253 descriptors' =>
        sub { send_raw($_[0], 'text', ($file) x 253) },
    'long text with a descriptor' =>
        sub { send_raw($_[0], 'text' x 4000, $file) },
);

delete @wait{ grep {/half/} keys %wait } if OverStreams::lack('halves');
delete @whole{ 'text and a zero with a descriptor', grep {/253/} keys %whole }
    if OverStreams::lack('a surplus');

for my $kind (kinds()) {
    for my $name (sort keys %wait, keys %whole) {
        my $child = in_child {
            my ($us, $peer) = pair();
            my ($other, $other_peer) = pair();
            $wait{$name}->($peer) if $wait{$name};
            my @seen;
            for my $receive (\&recv_fh, \&recv_fd) {
                no warnings 'File::FDpasser';
                if ($whole{$name}) {
                    $whole{$name}->($peer);
                    my $got = $receive->($us);
                    push @seen, tag_of($got);
                    POSIX::close($got) if !ref $got;
                }
                eval {
                    signalled($kind, sub { die "now\n" },
                        sub { $receive->($us) });
                };
                push @seen, $@;
            }
            send_raw($other_peer, "\0\0", $file);
            push @seen, tag_of(scalar recv_fh($other));
            close $_ for $us, $peer, $other, $other_peer;
            return (@seen, leaked());
        };
        my @taken = $whole{$name} ? 'still there' : ();
        is_deeply [ $child->result ],
            [ @taken, "now\n", @taken, "now\n", 'still there' ],
            @taken ? "$kind, $name: taken, and the wait for the next left by die"
            : "$kind, $name: left by die, none left over";
    }

    my $child = in_child {
        my ($us, $peer) = pair();
        $us->blocking(0);
        1 while send_file($us, $file);
        $us->blocking(1);
        eval {
            signalled($kind, sub { die "now\n" },
                sub { send_file($us, $file) });
        };
        my $exception = $@;
        $peer->blocking(0);
        1 while recv_fh($peer);
        my $sent = send_file($us, $file);
        my $tag  = tag_of(scalar recv_fh($peer));
        close $_ for $us, $peer;
        return ($exception, $sent, $tag, leaked());
    };
    is_deeply [ $child->result ], [ "now\n", 1, 'still there' ],
        "$kind: send_file left by die";

    $child = in_child {
        my $listener = endp_create("$dir/endpoint");
        my $uid = 'untouched';
        eval {
            signalled($kind, sub { die "now\n" },
                sub { serv_accept_fh($listener, $uid) });
        };
        my $exception = $@;
        my ($client, $served) = meet($listener, "$dir/endpoint");
        my $ok = defined $served;
        close $_ for $listener, $client, $served;
        return ($exception, $uid, $ok, leaked());
    };
    is_deeply [ $child->result ], [ "now\n", 'untouched', 1 ],
        "$kind: serv_accept_fh left by die";
}

# Again and again, in one process.
{
    my $child = in_child {
        my ($us, $peer) = pair();
        my ($died, $received) = (0, 0);
        for my $round (1 .. 40) {
            send_raw($peer, 'text', $file, $file) if $round % 2;
            no warnings 'File::FDpasser';
            eval {
                signalled('%SIG', sub { die "now\n" },
                    sub { $received++ while recv_fh($us) });
            };
            $died++ if $@ eq "now\n";
        }
        close $_ for $us, $peer;
        return ($died, $received, leaked());
    };
    is_deeply [ $child->result ], [ 40, OverStreams::lack('batches') ? 40 : 20 ],
        'left by die 40 times, and no message is lost';
}

# Half a message is remembered, however often the wait for the other half is
# left, and whichever call left it.
for my $kind (kinds()) {
    last if OverStreams::lack('halves');
    my $child = in_child {
        my ($us, $peer) = pair();
        my @seen;
        for my $half ("\0", "text\0") {
            syswrite $peer, $half;
            for my $receive (\&recv_fh, \&recv_fd, \&recv_fh) {
                eval {
                    signalled($kind, sub { die "now\n" },
                        sub { $receive->($us) });
                };
                push @seen, $@;
            }
            send_raw($peer, "\0", $file);
            push @seen, tag_of(scalar recv_fh($us));
        }
        close $_ for $us, $peer;
        return (@seen, leaked());
    };
    is_deeply [ $child->result ], [ ((("now\n") x 3), 'still there') x 2 ],
        "$kind: half a message is remembered where its wait was left by die";
}

# A daemon's loop: the handler only says that it is time to stop.
{
    my ($us, $peer) = pair();
    my $ready = gate();
    my $daemon = in_child {
        close $peer;
        my ($stop, $served) = (0, 0);
        $SIG{TERM} = sub { $stop = 1 };
        until ($stop) {
            if (recv_fh($us)) { $served++; $ready->open }
        }
        return ($served, leaked());
    };
    close $us;
    send_file($peer, $file);
    $ready->wait;
    # The signal may come before the daemon waits again, so it comes often.
    my $ticker = in_child {
        my $gone = 0;
        ticking(sub { $gone = !kill TERM => $daemon->pid },
            sub { POSIX::pause() until $gone });
        return;
    };
    is_deeply [ $daemon->result ], [1], 'SIGTERM ends a daemon';
    $ticker->result;
}

undef $file;
no_leak();
done_testing;
