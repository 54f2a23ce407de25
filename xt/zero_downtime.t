# examples/zero-downtime/server.pl under real load, from wrk and ab: 20 orderly
# restarts without a failed request, and deaths that cost what the dead one had
# in hand. For maintainers and CI: prove -bv xt/zero_downtime.t

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;

use IO::Socket::INET;
use POSIX qw(WNOHANG);

my $RESTARTS = 20;
my $DEATHS   = 6;
my $CLIENTS  = 8;

BEGIN {
    for my $program (qw(wrk ab)) {
        plan skip_all => "$program is not installed (wrk, apache2-utils)"
            if !grep { -x "$_/$program" } split /:/, $ENV{PATH};
    }
    eval { require HTTP::Daemon }
        or plan skip_all => 'HTTP::Daemon is not installed (libhttp-daemon-perl)';
}

watchdog(300);
my $dir = workdir();
$ENV{PERL5LIB} = join ':', grep { !ref } @INC;

sub start {
    my $pid = open my $out, '-|', $^X, 'examples/zero-downtime/server.pl',
        "$dir/endpoint", '127.0.0.1:0', @_;
    my ($port) = (readline($out) || '') =~ m{ ready at http://127\.0\.0\.1:(\d+)/$}
        or return;
    return { pid => $pid, out => $out, port => $port };
}

sub finish {
    my ($server) = @_;
    my @lines = readline $server->{out};
    close $server->{out};
    return join '', @lines;
}

# Runs in a child while the gate is shut; what the generator counted, in all.
sub load {
    my ($count, $stop) = @_;
    my %sum;
    until ($stop->is_open) {
        my %run = $count->();
        $sum{$_} += $run{$_} for keys %run;
    }
    return \%sum;
}

# Keeps its connections.
sub wrk {
    my ($port) = @_;
    my $said = `wrk -t1 -c$CLIENTS -d2 http://127.0.0.1:$port/ 2>&1`;
    my ($connect, $read, $write, $timeout) = $said =~
        /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/;
    return (
        answered => $said =~ /(\d+) requests in/         ? "$1" : die($said),
        other    => $said =~ /Non-2xx or 3xx.*: (\d+)/   ? "$1" : 0,
        refused  => $connect || 0,
        broken   => ($read || 0) + ($write || 0) + ($timeout || 0),
    );
}

# A connection a request.
sub ab {
    my ($port) = @_;
    my $said = `ab -q -l -r -s 10 -c $CLIENTS -n 3000 http://127.0.0.1:$port/ 2>&1`;
    my ($connect, $receive, $length, $exceptions) = $said =~
        /\(Connect: (\d+), Receive: (\d+), Length: (\d+), Exceptions: (\d+)\)/;
    return (
        answered => $said =~ /Complete requests:\s+(\d+)/ ? "$1" : die($said),
        other    => $said =~ /Non-2xx responses:\s+(\d+)/ ? "$1" : 0,
        refused  => $connect || 0,
        broken   => $said =~ /Failed requests:\s+(\d+)/   ? "$1" : die($said),
    );
}

sub get {
    my ($port) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or return '';
    print {$socket} "GET / HTTP/1.0\r\n\r\n";
    return join '', readline $socket;
}

# The clients' connections in the hands of a process, by proc(5).
sub in_hand {
    my ($pid, $port) = @_;
    my %inode = map { /^socket:\[(\d+)\]$/ ? ($1 => 1) : () }
        map { readlink($_) || '' } glob "/proc/$pid/fd/*";
    open my $table, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!";
    my $local = sprintf ':%04X', $port;
    return scalar grep { my @f = split; $f[1] =~ /$local$/ && $f[3] ne '0A' && $inode{ $f[9] } }
        readline $table;
}

my %generator = (wrk => \&wrk, ab => \&ab);

for my $name (sort keys %generator) {
    my $server = start() or die 'no server';
    my $port   = $server->{port};
    my $stop   = gate();
    my $load   = in_child { watchdog(250); load(sub { $generator{$name}->($port) }, $stop) };
    my $ended  = 0;
    for my $restart (1 .. $RESTARTS) {
        get($port) for 1 .. 20;
        my $heir = start() or die 'no heir';
        $ended++ if finish($server) eq "$server->{pid} done\n";
        $server = $heir;
    }
    $stop->open;
    my $sum = $load->result;
    is $ended, $RESTARTS, "$name: $RESTARTS orderly restarts";
    diag sprintf '%s: %d restarts, %d requests, %d failed', $name, $ended,
        $sum->{answered}, $sum->{refused} + $sum->{broken} + $sum->{other};
    cmp_ok $sum->{answered}, '>', 1000, '... under load';
    is $sum->{$_}, 0, "... $_: none" for qw(refused broken other);
    kill TERM => $server->{pid};
    finish($server);
}

for my $name (sort keys %generator) {
    my @servers = (start(), start('beside'));
    my $port    = $servers[0]{port};
    my $stop    = gate();
    my $load    = in_child { watchdog(250); load(sub { $generator{$name}->($port) }, $stop) };
    my $in_hand = 0;
    for my $death (1 .. $DEATHS) {
        get($port) for 1 .. 100;
        my $victim = shift @servers;    # the one that has the endpoint
        kill STOP => $victim->{pid};
        waitpid $victim->{pid}, WNOHANG;
        $in_hand += in_hand($victim->{pid}, $port);
        kill KILL => $victim->{pid};
        finish($victim);
        my $next;
        for (1 .. 100) {                # until the endpoint has been taken
            last if $next = start('beside');
        }
        push @servers, $next || die 'nobody has taken the endpoint';
    }
    $stop->open;
    my $sum = $load->result;
    diag sprintf '%s: %d deaths, %d requests, %d refused, %d failed, %d in hand',
        $name, $DEATHS, @$sum{qw(answered refused broken)}, $in_hand;
    cmp_ok $sum->{answered}, '>', 1000, "$name: $DEATHS deaths, under load";
    is $sum->{refused}, 0, '... refused: none';
    cmp_ok $sum->{broken}, '<=', $in_hand, '... failed: not more than were in hand';
    is $sum->{other}, 0, '... and no odd answers';
    kill TERM => $_->{pid} for @servers;
    finish($_) for @servers;
}

done_testing;
