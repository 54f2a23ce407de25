# The recipe of a protocol of lines: files by name, for good clients and bad.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Errno qw(EACCES EADDRINUSE ECONNREFUSED ENOENT);
use Cookbook;
use Files;
use Program;
use Situation;

use File::FDpasser qw(:all);
use File::FDpasser::Channel;

my $dir  = workdir();
my $path = "$dir/endpoint";
my ($files, $get) = recipe('A protocol of lines', $dir);
mkdir $_ or die $! for "$dir/public", "$dir/public/folder";
write_file("$dir/public/poem", "one line\nand another\n");
my $bytes = join '', map { chr $_ % 256 } 0 .. 200_000;
write_file("$dir/public/bytes", $bytes);
write_file("$dir/secret", 'secret');

sub text { local $! = shift; return "$!" }

is run($^X, $get, $path, 'poem')->{err}, "$path: " . text(ENOENT) . "\n", 'a client where no server ever was';

my $server = start($^X, $files, $path, "$dir/public");
is $server->line, "ready\n", 'the server listens';
is run($^X, $files, $path, "$dir/public")->{err}, "$path: " . text(EADDRINUSE) . "\n", '... there is but one';

my $silent = endp_connect($path) or die $!;
my $half   = endp_connect($path) or die $!;
syswrite $half, 'poe';
is run($^X, $get, $path, 'poem')->{out}, "one line\nand another\n", 'two clients ask for nothing: a third is served';

my $client = run($^X, $get, $path, 'missing', '../secret', 'folder', '.', '', 'poem', 'bytes');
is $client->{err}, join('', "missing: " . text(ENOENT) . "\n",
    map { "$_: " . text(EACCES) . "\n" } '../secret', 'folder', '.', ''), 'what is no file there is refused';
ok $client->{out} eq "one line\nand another\n$bytes", '... and what is comes';

syswrite $half, "m\nbytes\n";
my $channel = File::FDpasser::Channel->new($half);
is $channel->read_line, "ok\n", 'the rest of a request';
is join('', readline(($channel->take_fhs(1))[0])), "one line\nand another\n", '... is answered';
is $channel->read_line, "ok\n", 'and one that has come along with it';
is -s ($channel->take_fhs(1))[0], length $bytes, '... too';
$channel->write("po\0em\n");
is $channel->read_line, text(EACCES) . "\n", 'a name with a NUL in it is refused';

syswrite $silent, 'x' x 2_000;
ok !sysread($silent, my $answer, 10), 'a name without an end: the client is dropped';
my @clients = map { start($^X, $get, $path, qw(poem bytes poem)) } 1 .. 5;
my $poem = "one line\nand another\n";
is scalar(grep { $_->end->{out} eq "$poem$bytes$poem" } @clients), 5, 'five clients at once';

$channel->close;
close $silent;
is $server->end('KILL')->{err}, '', '... the server never complained';
is run($^X, $get, $path, 'poem')->{err}, "$path: " . text(ECONNREFUSED) . "\n", 'a client where a server was killed';

no_leak();
done_testing;
