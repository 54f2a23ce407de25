# A stop and a continuation (SIGSTOP, Ctrl-Z and fg, a debugger) are no signal
# with a handler: every wait goes on, and what is waited for still comes.

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
use POSIX ();
use Socket;

my $dir  = workdir();
my $file = tagged('after all');
$File::FDpasser::on_text = sub { };
Situation::new_baseline();

sub state_of {
    my ($pid) = @_;
    open my $stat, '<', "/proc/$pid/stat" or return '';
    return (readline($stat) =~ /\) (\S)[^)]*\z/)[0];
}

plan skip_all => 'no proc(5) here' if state_of($$) eq '';

# Until it waits, or is done.
sub settles {
    my ($child) = @_;
    1 until state_of($child->pid) =~ /\A[SZ]?\z/;
    return;
}

# Stopped and continued in its wait, several times.
sub stops {
    my ($child) = @_;
    for (1 .. 3) {
        settles($child);
        kill STOP => $child->pid;
        1 until state_of($child->pid) =~ /\A[TtZ]?\z/;
        kill CONT => $child->pid;
        1 while state_of($child->pid) =~ /\A[Tt]\z/;
    }
    settles($child);
    return;
}

sub full {
    my ($us) = @_;
    $us->blocking(0);
    1 while send_file($us, \*STDIN);
    $us->blocking(1);
    return;
}

my %receive = (
    recv_fh    => sub { answered(scalar recv_fh($_[0])) },
    recv_fd    => sub { answered(scalar recv_fd($_[0])) },
    recv_fhs   => sub { answered((recv_fhs($_[0]))[0]) },
    'recv_fhs with a number' => sub { answered((recv_fhs($_[0], 5))[0]) },
    recv_fds   => sub { answered((recv_fds($_[0]))[0]) },
    my_recv_fd => sub { answered(File::FDpasser::my_recv_fd(fileno $_[0])) },
    # On streams the descriptor may come behind the two bytes.
    read_fd => sub {
        my ($bytes, $fh) = read_fd($_[0], 2, 1);
        (undef, $fh) = read_fd($_[0], 2, 1) if !$fh && OverStreams::are_asked_for();
        answered($fh);
    },
);
for my $name (sort keys %receive) {
    my %before = (nothing => '', half => "\0", text => 'text', 'text and half' => "text\0");
    %before = (nothing => '') if $name eq 'read_fd';
    for my $before (sort keys %before) {
        my ($us, $peer) = pair();
        syswrite $peer, $before{$before} if length $before{$before};
        my $child = in_child { watchdog(10); close $peer; $receive{$name}->($us) };
        stops($child);
        send_raw($peer, $before =~ /half/ ? "\0" : "\0\0", $file);
        is eval { $child->result } || 'hangs', 'after all', "$name, $before before";
    }
}

my %send = (
    send_file  => sub { send_file($_[0], $file) },
    send_files => sub { send_files($_[0], $file) },
    write_fd   => sub { write_fd($_[0], "\0\0", $file) },
    send_err   => sub { send_err($_[0], 13, 'text') },
    my_send_fd => sub { File::FDpasser::my_send_fd(fileno $_[0], fileno $file) + 1 },
);
for my $name (sort keys %send) {
    my ($us, $peer) = spipe();
    full($us);
    my $child = in_child { watchdog(10); close $peer; $! = 0; $send{$name}->($us) || "$!" };
    stops($child);
    my $taken = 0;
    $peer->blocking(0);
    until (state_of($child->pid) eq 'Z' || $taken > 1000) {
        POSIX::close(recv_fd($peer) // 1023);
        $taken++;
    }
    like eval { $child->result } || 'hangs', qr/\A[12]\z/, $name;
}

{
    my $listener = endp_create("$dir/accept");
    for my $name (qw(serv_accept_fh serv_accept_fd)) {
        my $child = in_child {
            watchdog(10);
            $! = 0;
            return defined File::FDpasser->can($name)->($listener) ? 'accepted' : "$!";
        };
        stops($child);
        my $client = elsewhere { endp_connect("$dir/accept") };
        is eval { $child->result } || 'hangs', 'accepted', $name;
        $client->end;
    }
}

# Connecting, where the backlog is full, or (streams) nobody accepts yet.
my %connect = (
    endp_connect               => sub { endp_connect($_[0]) ? 'connected' : "$!" },
    'endp_connect in a minute' => sub { endp_connect($_[0], timeout => 60) ? 'connected' : "$!" },
    cli_conn                   => sub { cli_conn($_[0]) >= 0 ? 'connected' : "$!" },
);
for my $name (sort keys %connect) {
    my $path = "$dir/" . ($name =~ tr/a-z/-/cr);
    my ($listener, @waiting) = full_listener($path);
    my $child = in_child { watchdog(10); $! = 0; $connect{$name}->($path) };
    stops($child);
    my @served;
    until (state_of($child->pid) eq 'Z') {
        push @served, scalar serv_accept_fh($listener) if is_ready($listener);
    }
    is eval { $child->result } || 'hangs', 'connected', $name;
}

# The deadline stays where it was.
{
    my ($listener, @waiting) = full_listener("$dir/deadline");
    my $child = in_child {
        watchdog(10);
        my $conn = endp_connect("$dir/deadline", timeout => 1);
        return defined $conn ? 'connected' : errno_name($!);
    };
    my $stopper = in_child {
        for (1 .. 100) {
            kill STOP => $child->pid;
            select undef, undef, undef, 0.005;
            kill CONT => $child->pid;
            select undef, undef, undef, 0.015;
        }
    };
    is eval { $child->result } || 'hangs', 'ETIMEDOUT', 'stopped again and again: the time runs out';
    kill KILL => $stopper->pid;
    $stopper->status;
}

undef $file;
no_leak();
done_testing;
