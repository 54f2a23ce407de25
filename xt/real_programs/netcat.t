# nc -F of netcat-openbsd, to a web server's stand-in.

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use RealProgram nc => '-h';
use Cookbook;
use Program;
use Situation;

use IO::Socket::INET;

plan skip_all => 'the nc here knows no -F' if run('nc', '-h')->{err} !~ /Pass socket/;

my $dir     = workdir();
my ($fetch) = recipe('Let netcat connect', $dir);

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die "no port: $@";
my $fetches  = start($^X, $fetch, '127.0.0.1', $listener->sockport);
my $client   = $listener->accept;
is readline $client, "GET / HTTP/1.0\r\n", 'the request comes over the connection that nc has made';
print {$client} "a page\n";
close $client;
my $run = $fetches->end;
is $run->{out}, "a page\n", '... and the answer goes back' or diag $run->{err};

my $port = $listener->sockport;
close $listener;
is run($^X, $fetch, '127.0.0.1', $port)->{err}, "nc: not connected\n", 'nobody listens';

no_leak();
done_testing;
