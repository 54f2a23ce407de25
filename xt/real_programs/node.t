# Node's child_process, from both sides.

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use RealProgram node => '--version';
use Cookbook;
use Files;
use Program;
use Situation;

use IO::Select;

my $dir = workdir();

{
    my ($serves, $script) = recipe('Let Node serve at our listener', $dir);
    my $port  = free_port();
    my $perl  = start($^X, $serves, "127.0.0.1:$port", $script);
    is $perl->line, qq(node: {"now":"serving"}\n), 'Node has the listener';
    my ($node) = answer($port, "GET / HTTP/1.0\r\n\r\n") =~ /process (\d+)\n\z/;
    ok $node && $node != $perl->pid, '... and serves' and kill TERM => $node;
    is $perl->end->{status}, 0, 'Node ends, and so do we';
}

{
    my ($worker, $accepts) = recipe('Serve clients that Node accepts', $dir);
    my $port = free_port();
    my $node = serving($port, 'node', $accepts, $port, $worker);
    my $said = qr/\Aprocess (\d+): \{"from":"node"\}\n\z/;
    like answer($port, ''), $said, "client $_ is served by the worker" for 1 .. 3;
    my ($pid) = answer($port, '') =~ $said;
    $node->end('TERM');
    soon { !kill 0 => $pid } 'the worker ends';
    pass 'Node ends, and so does the worker';

    write_file("$dir/mute.pl", content($worker) =~ s/\$node->write.*/1;/r);
    $node = serving($port, 'node', $accepts, $port, "$dir/mute.pl");
    my $second = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
    ok !IO::Select->new($second)->can_read(1), 'without an answer Node sends no second handle';
    $node->end('TERM');
}

no_leak();
done_testing;
