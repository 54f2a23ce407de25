# A sandbox that allows no renameat2: its filter says EPERM. What it would have
# done is done without.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Socket;

my $dir = workdir();

plan skip_all => 'the call is that of Linux' if $^O ne 'linux';
{
    no warnings 'exec';    # there may be no strace
    plan skip_all => 'there is no strace, or it may not trace'
        if system('strace', '-o', "$dir/trace", $^X, '-e0') != 0;
}

# Takes the name over, and connects by it.
open my $script, '>', "$dir/script" or die "script: $!";
print {$script} <<'SCRIPT';
use strict;
use warnings;
use File::FDpasser;
my ($path, %option) = @ARGV;
my $listener = endp_create($path, %option) or die "endp_create: $!\n";
my $pid = fork;
if (!$pid) { exit(endp_connect($path) ? 0 : 1) }
serv_accept_fh($listener) or die "serv_accept_fh: $!\n";
waitpid $pid, 0;
exit $? >> 8;
SCRIPT
close $script;

for my $errno (qw(EPERM ENOSYS EINVAL)) {
    for my $old ('a stale socket', 'an empty file', 'a link') {
        for my $option ([], [ exclusive => 1 ]) {
            my $path = "$dir/endpoint";
            if    ($old =~ /socket/) { make_stale($path) }
            elsif ($old =~ /file/)   { open my $file, '>', $path or die "$path: $!" }
            else                     { symlink 'nowhere', $path or die "$path: $!" }
            my $status = system 'strace', '-f', '-o', "$dir/trace", '-e',
                'trace=renameat2', '-e', "inject=renameat2:error=$errno", $^X,
                (map {"-I$_"} @INC), "$dir/script", $path, @$option;
            is $status, 0, "$errno, over $old, @$option: it listens there";
            ok -S $path, '... at the name';
            opendir my $listing, $dir or die "$dir: $!";
            is join(' ', sort grep {/\A[.]fdp/} readdir $listing), '', '... and nothing is beside it';
            unlink $path;
        }
    }
}

sub make_stale {
    my ($path) = @_;
    socket my $socket, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!";
    bind $socket, pack_sockaddr_un($path) or die "bind: $!";
    close $socket or die "close: $!";
}

no_leak();
done_testing;
