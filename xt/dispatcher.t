# examples/dispatcher/dispatcher.pl under real load: workers that are killed cost
# what they had in hand. For maintainers and CI: prove -bv xt/dispatcher.t

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use Situation;
use Load;

use IO::Socket::INET;

my $DEATHS = 10;

watchdog(200);
$ENV{PERL5LIB} = join ':', grep { !ref } @INC;

for my $name (generators()) {
    my $dispatcher = open my $out, '-|', $^X, 'examples/dispatcher/dispatcher.pl',
        '127.0.0.1:0', 2 or die "dispatcher: $!";
    my ($port) = readline($out) =~ /^$dispatcher ready at port (\d+)$/;
    my $stop = gate();
    my $load = in_child { under_load($name, $port, $stop) };
    my $in_hand = 0;
    for my $death (1 .. $DEATHS) {
        my $worker;
        $worker = who($port) for 1 .. 100;    # the last of them is alive
        stop_process($worker);
        $in_hand += in_hand($worker, $port);
        kill KILL => $worker;
    }
    who($port) for 1 .. 100;
    $stop->open;
    deaths_cost_what_was_in_hand($name, $DEATHS, $load->result, $in_hand);
    kill TERM => $dispatcher;
    close $out;
}

sub who {
    my ($port) = @_;
    while (1) {
        my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or next;
        print {$socket} "GET / HTTP/1.0\r\n\r\n";
        return $1 if join('', readline $socket) =~ /^worker (\d+)/m;
    }
}

done_testing;
