package Race;

# Races that only many rounds can win: the tests in t/ run some, those in xt/
# many more.
#
#     use Race;
#
#     restarts(100);                       # takeovers under clients
#     starters(50);                        # two exclusive ones at a time
#     nodes(500);                          # a process that watches the mode
#
# FDPASSER_ROUNDS in the environment is the number, whatever the test says.

use strict;
use warnings;

use Exporter 'import';
use Fcntl qw(:mode);
use Files;
use File::FDpasser;
use Meeting qw(arrives knock);
use Situation;
use Test::More;

our @EXPORT = qw(restarts starters nodes);

sub rounds {
    my ($count) = @_;
    return $ENV{FDPASSER_ROUNDS} || $count;
}

# restarts($count): one server after the other takes the name over, each in a
# process of its own; the listeners of all stay open, held by us. Two clients
# connect all the time, one of them without this module.
sub restarts {
    my $count     = rounds(@_);
    my $dir       = workdir();
    my $path      = "$dir/server";
    my @listeners = scalar endp_create($path);
    my %connect   = (
        'endp_connect' => sub { endp_connect($path, timeout => 0.001) },
        'connect'      => sub { knock($path) },
    );
    my %client    = map { $_ => client($connect{$_}) } keys %connect;
    my $started = 0;
    for (1 .. $count) {
        push @listeners, scalar restarted($path);
        $started++ if $listeners[-1];
        shift @listeners if @listeners > 800;    # a usual table has 1,024
    }
    $_->{stop}->open for values %client;
    is $started, $count, "$count restarts, each takes over";
    for my $name (sort keys %client) {
        my ($tries, @failed) = $client{$name}{child}->result;
        cmp_ok $tries, '>', $count / 10, "$tries times $name meanwhile";
        is "@failed", '', '... and finds a server';
    }
    is names("$dir"), 'server', 'nothing else is left';
    return;
}

sub client {
    my ($connect) = @_;
    my ($ready, $stop) = (gate(), gate());
    my $child = in_child {
        watchdog(600);
        my ($tries, %failed) = (0);
        until ($tries && $stop->is_open) {
            $! = 0;
            # A full queue is that of a listener: the name was there.
            $failed{ errno_name($!) }++
                if !$connect->() && !$!{EAGAIN} && !$!{ETIMEDOUT};
            $ready->open if !$tries++;
        }
        return ($tries, %failed);
    };
    $ready->wait;
    return { child => $child, stop => $stop };
}

# The listener of a server that has started and left it to us.
sub restarted {
    my ($path) = @_;
    my ($ours, $theirs) = spipe();
    my $child = in_child {
        my $listener = endp_create($path) or return errno_name($!);
        return send_file($theirs, $listener) ? '' : errno_name($!);
    };
    close $theirs;
    my $listener = recv_fh($ours);
    my $failed   = $child->result;
    diag "a server failed: $failed" if $failed;
    return $listener;
}

# starters($count): two exclusive servers start over a stale node at the same
# moment: one wins, and it is the one that answers.
sub starters {
    my $count = rounds(@_);
    my $dir   = workdir();
    my $path  = "$dir/server";
    my %outcome;
    for (1 .. $count) {
        { my $stale = endp_create($path) }
        pipe my $start, my $writer or die "pipe: $!";
        my @starters = map { starter($path, $start, $writer) } 1, 2;
        close $writer;    # both go now
        $_->{tried}->wait for @starters;
        my $conn = endp_connect($path);
        my ($serving) = $conn ? File::FDpasser::peer_cred($conn) : ();
        $_->{leave}->open for @starters;
        my %got = map { $_->{child}->pid => scalar $_->{child}->result }
            @starters;
        my ($winner) = grep { $got{$_} eq 'won' } keys %got;
        my $outcome = join ' ', sort values %got;
        $outcome .= ', who does not serve'
            if !$winner || !$serving || $winner != $serving;
        $outcome{$outcome}++;
        unlink $path;
    }
    is_deeply \%outcome, { 'EADDRINUSE won' => $count },
        "of two exclusive starters one wins, and serves, $count times";
    is names("$dir"), '', '... and nothing is left behind';
    return;
}

sub starter {
    my ($path, $start, $writer) = @_;
    my ($tried, $leave) = (gate(), gate());
    my $child = in_child {
        close $writer;
        sysread $start, my $nothing, 1;
        $! = 0;
        my $listener = endp_create($path, exclusive => 1);
        my $errno    = errno_name($!);
        $tried->open;
        serv_accept_fh($listener)
            if $listener && arrives($listener, $leave->{reader});
        $leave->wait;
        return $listener ? 'won' : $errno;
    };
    return { child => $child, tried => $tried, leave => $leave };
}

# nodes($count): nodes of mode 0600, made and taken over with a umask that
# forbids nothing, while another process looks at them all the time.
sub nodes {
    my $count = rounds(@_);
    my $dir   = workdir();
    my @names = ("$dir/server", "$dir/.fdp-$$-0");
    my ($looks, $stop) = (gate(), gate());
    my $child = in_child {
        watchdog(600);
        my ($done, %seen);
        $looks->open;
        until ($done) {
            $done = $stop->is_open;
            for my $name ((@names) x 50) {
                my $mode = (lstat $name)[2];
                $seen{ sprintf '%04o', S_IMODE($mode) }++ if defined $mode;
            }
        }
        return %seen;
    };
    $looks->wait;
    my $umask = umask 0;
    for (1 .. $count) {
        my $listener = endp_create($names[0], mode => 0600);
        unlink $names[0] if $_ % 2;
    }
    umask $umask;
    $stop->open;
    my %seen = $child->result;
    cmp_ok $seen{'0600'}, '>', $count / 10,
        "$count nodes, seen $seen{'0600'} times with mode 0600";
    is join(' ', keys %seen), '0600', '... never with another';
    return;
}

1;
