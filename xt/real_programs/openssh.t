# ssh with ProxyUseFdpass, to an sshd of our own.

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use RealProgram ssh => '-V', sshd => '-V';
use Cookbook;
use Files;
use Program;
use Situation;

my ($password, $shell) = (getpwuid $>)[ 1, 8 ];
plan skip_all => 'sshd lets nobody in whose account is locked' if $password =~ /\A!/;
run($shell, '-c', 'true')->{status} == 0 or plan skip_all => "$shell lets nobody in";

my $dir  = workdir();
my $port = free_port();

for my $key (qw(host user)) {
    my $made = run('ssh-keygen', qw(-q -t ed25519 -N), '', '-f', "$dir/$key");
    is $made->{status}, 0, "a key of the $key" or diag $made->{err};
}
mkdir '/run/sshd' if $> == 0;    # where sshd drops its privileges
write_file("$dir/config", <<"END");
Port $port
ListenAddress 127.0.0.1
HostKey $dir/host
AuthorizedKeysFile $dir/user.pub
StrictModes no
PidFile none
UsePAM no
END
my $server = serving($port, path_of('sshd'), '-D', '-e', '-f', "$dir/config");

my ($connect) = recipe('Connect for ssh', $dir);

sub ssh {
    my ($proxy, @command) = @_;
    return run(
        'ssh', '-F', 'none', '-i', "$dir/user", '-p', $port,
        (map { ('-o', $_) } 'BatchMode=yes', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null',
            'ProxyUseFdpass=yes', "ProxyCommand=$proxy"),
        '127.0.0.1', @command
    );
}

my $run = ssh("$^X $connect %h %p", 'echo this is', '$SSH_CLIENT');
like $run->{out}, qr/\Athis is 127\.0\.0\.1 \d+ $port\n\z/, 'ssh speaks over the socket that it was sent'
    or diag $run->{err};
is $run->{status}, 0, '... and succeeds';

write_file("$dir/talks.pl", "syswrite STDOUT, 'connecting';\n" . content($connect));
isnt ssh("$^X $dir/talks.pl %h %p", 'true')->{status}, 0, 'what is printed before makes it fail';

my $refused = ssh("$^X $connect 127.0.0.1 " . free_port(), 'true');
isnt $refused->{status}, 0, 'a program that cannot connect';
like $refused->{err}, qr/^127\.0\.0\.1, port \d+: .*refused/m, '... says why';

$server->end('TERM');
no_leak();
done_testing;
