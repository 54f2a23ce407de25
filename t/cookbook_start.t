# The recipes of programs that are started with descriptors: with one end of a
# pair, with sockets.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Errno qw(EACCES EISDIR ENOENT);
use IO::Socket::INET;
use IO::Socket::UNIX;
use Cookbook;
use Files;
use NeedsTcp;
use Program;
use Situation;

use File::FDpasser qw(:all);

my $dir = workdir();

sub text { local $! = shift; return "$!" }

# ---- with one end of a pair

my ($show, $opener) = recipe('Start a program with one end', $dir);
write_file("$dir/poem", "one line\nand another\n");
my $bytes = join '', map { chr $_ % 256 } 0 .. 200_000;
write_file("$dir/bytes", $bytes);
my $odd = "$dir/a name\nwith 'everything' \$in it";
write_file($odd, 'odd');

my $run = run($^X, $show, "$dir/poem", "$dir/bytes", $odd);
ok $run->{out} eq "one line\nand another\n${bytes}odd", 'three files are printed, byte for byte';
is $run->{err}, '', '... without a complaint';
is $run->{status}, 0, '... which is a success';
$run = run($^X, $show, "$dir/nowhere", "$dir/poem", $dir);
is $run->{out}, "one line\nand another\n", 'what can be opened is printed';
is $run->{err}, "$dir/nowhere: " . text(ENOENT) . "\n$dir: " . text(EISDIR) . "\n", '... the rest is named, and why';
is $run->{status} >> 8, 1, '... which is a failure';

SKIP: {
    skip 'root may read everything', 1 if $> == 0;
    chmod 0, "$dir/bytes";
    is run($^X, $show, "$dir/bytes")->{err}, "$dir/bytes: " . text(EACCES) . "\n", 'an unreadable file';
}
unlink $opener;
like run($^X, $show, "$dir/poem")->{err}, qr/^\Q$dir\E\/poem: /m, 'without the opener nothing is';

# ---- with sockets

my ($activated) = recipe('Socket activation', $dir);
is run($^X, $activated)->{err}, "not started with sockets\n", 'no sockets';
{
    local @ENV{qw(LISTEN_PID LISTEN_FDS)} = ($$, 2);
    is run($^X, $activated)->{err}, "not started with sockets\n", 'sockets for another process';
}

# As systemd does: from 3 on, and who they are for is known after the fork.
my $AS_SYSTEMD = <<'END';
use POSIX ();
my @listener = splice @ARGV, 0, 2;
POSIX::dup2($listener[0], 20) and POSIX::dup2($listener[1], 21) or die $!;
POSIX::dup2(20, 3) and POSIX::dup2(21, 4) or die $!;
@ENV{qw(LISTEN_PID LISTEN_FDS LISTEN_FDNAMES)} = ($$, 2, 'files:web');
exec @ARGV or die $!;
END
my $web   = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $@;
my $files = IO::Socket::UNIX->new(Listen => 1, Local => "$dir/files")    or die $!;
{
    local $^F = 1000;    # those two survive exec
    open my $web_fh,   '+<&', $web   or die $!;
    open my $files_fh, '+<&', $files or die $!;
    my $server = start($^X, '-e', $AS_SYSTEMD, fileno $files_fh, fileno $web_fh, $^X, $activated, "$dir/poem");
    close $_ for $web_fh, $files_fh;
    is visits($web->sockport, "$dir/files"), "there are files\none line\nand another\n",
        'a server that is started with two sockets, by name';
    is $server->end('TERM')->{err}, '', '... nobody complained';
}
close $_ for $web, $files;
unlink "$dir/files";

sub visits {
    my ($port, $path) = @_;
    my $web  = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or return "web: $@";
    my $text = readline $web;
    my $conn = IO::Socket::UNIX->new(Peer => $path) or return "files: $!";
    my $fh   = recv_fh($conn)                       or return "recv_fh: $!";
    return join '', $text, readline $fh;
}

no_leak();
done_testing;
