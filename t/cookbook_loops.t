# The recipe of a server on every event loop.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Errno qw(ENOTCONN);
use Cookbook;
use Files;
use Program;
use Situation;

use File::FDpasser;

my $dir  = workdir();
my $path = "$dir/endpoint";
my ($any_loop) = recipe('On every event loop', $dir);
write_file("$dir/file", 'x' x 12_345);
open my $fh, '<', "$dir/file" or die $!;

for my $loop (qw(AnyEvent IO::Async::Loop Mojo::IOLoop POE)) {
    SKIP: {
        my $there = run($^X, '-e', "require $loop");
        skip "$loop is not here", 6 if $there->{status};
        my $server = start($^X, $any_loop, $path, $loop);
        is $server->line, "ready\n", "$loop: the server listens";
        my @clients = map { endp_connect($path) || die $! } 1 .. 3;
        send_file($clients[1], $fh) or die $!;
        is $server->line, "12345\n", '... a client sends a file, another one nothing yet';
        is sysread($clients[1], my $answer, 10), 0, '... and that is all';
        close $clients[0];
        is $server->line, do { local $! = ENOTCONN; "$!\n" }, '... which is gone';
        send_file($clients[2], \*STDIN) or die $!;
        is $server->line, "0\n", '... and a third one sends one that is empty';
        undef @clients;
        is $server->end('TERM')->{err}, '', '... nobody complained';
    }
}

close $fh;
no_leak();
done_testing;
