# examples/zero-downtime/server.pl under real load, from wrk and ab: 20 orderly
# restarts without a failed request, and deaths that cost what the dead one had
# in hand. For maintainers and CI: prove -bv xt/zero_downtime.t

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use Situation;
use Load;

use IO::Socket::INET;

my $RESTARTS = 20;
my $DEATHS   = 6;

BEGIN {
    eval { require HTTP::Daemon }
        or plan skip_all => 'HTTP::Daemon is not installed (libhttp-daemon-perl)';
}

watchdog(300);
my $dir = workdir();
$ENV{PERL5LIB} = join ':', grep { !ref } @INC;

# start($port, @arguments): a server that is ready; nothing if it can't be.
sub start {
    my ($port, @arguments) = @_;
    my $pid = open my $out, '-|', $^X, 'examples/zero-downtime/server.pl',
        "$dir/endpoint", "127.0.0.1:$port", @arguments;
    ($port) = (readline($out) || '') =~ m{ ready at http://127\.0\.0\.1:(\d+)/$}
        or return;
    return { pid => $pid, out => $out, port => $port };
}

sub finish {
    my ($server) = @_;
    my @lines = readline $server->{out};
    close $server->{out};
    return join '', @lines;
}

sub get {
    my ($port) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or return '';
    print {$socket} "GET / HTTP/1.0\r\n\r\n";
    return join '', readline $socket;
}

for my $name (generators()) {
    my $server = start(0) or die 'no server';
    my $port   = $server->{port};
    my $stop   = gate();
    my $load   = in_child { under_load($name, $port, $stop) };
    my $ended  = 0;
    for my $restart (1 .. $RESTARTS) {
        get($port) for 1 .. 20;
        my $heir = start($port) or die 'no heir';
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

for my $name (generators()) {
    my @servers = start(0) or die 'no server';
    my $port    = $servers[0]{port};
    push @servers, start($port, 'beside') || die 'no second server';
    my $stop    = gate();
    my $load    = in_child { under_load($name, $port, $stop) };
    my $in_hand = 0;
    for my $death (1 .. $DEATHS) {
        get($port) for 1 .. 100;
        my $victim = shift @servers;    # the one that has the endpoint
        stop_process($victim->{pid});
        $in_hand += in_hand($victim->{pid}, $port);
        kill KILL => $victim->{pid};
        finish($victim);
        my $next;
        for (1 .. 100) {                # until the endpoint has been taken
            last if $next = start($port, 'beside');
        }
        push @servers, $next || die 'nobody has taken the endpoint';
    }
    $stop->open;
    deaths_cost_what_was_in_hand($name, $DEATHS, $load->result, $in_hand);
    kill TERM => $_->{pid} for @servers;
    finish($_) for @servers;
}

done_testing;
