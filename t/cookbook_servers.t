# The recipes of servers: work for the idlest, restarts, clients that end in all
# ways, and a name at the end.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Errno qw(EBUSY);
use IO::Socket::INET;
use Cookbook;
use Files;
use NeedsTcp;
use Program;
use Situation;

use File::FDpasser qw(:all);

my $dir  = workdir();
my $path = "$dir/endpoint";
$SIG{PIPE} = sub { };    # which the programs do not inherit

sub client_of {
    my ($port) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 20)
        || die "port $port: $@";
}

# ---- the idlest worker

my ($dispatcher) = recipe('Give work to whoever has least', $dir);
my $server       = start($^X, $dispatcher);
my ($port)       = $server->line =~ /\Aport (\d+)\n\z/ or die 'no port';

# Who answers, and has said that it is idle; nothing if the client is lost.
sub worker_of {
    my ($client) = @_;
    $client->print("who?\n");
    my ($pid) = readline $client;
    return defined $pid ? $pid =~ s/\n//r : ();
}

my @clients = map { client_of($port) } 1 .. 3;
my %at      = map { worker_of($_) => 1 } reverse @clients;    # the first holds on
is scalar keys %at, 3, 'three clients have a worker each';
SKIP: {
    my ($dead) = sort { $a <=> $b } keys %at;
    skip 'no /proc', 3 if !-e "/proc/$dead/stat";
    kill KILL => $dead;
    select undef, undef, undef, 0.01 while -e "/proc/$dead/stat" && content("/proc/$dead/stat") !~ /\) Z /;
    my @then = map { worker_of(client_of($port)) } 1 .. 3;
    ok @then == 3 && !grep({ $_ == $dead } @then), 'a worker is killed: the others serve';
    my $waits = client_of($port);
    my %now   = map { $_ => 1 } map { worker_of(client_of($port)) } 1 .. 3;
    is scalar keys %now, 1, 'one waits for its client: all go to the other';
    ok !$now{ worker_of($waits) }, '... which was not the one that waits';
}
@clients = ();
like $server->end('TERM')->{err}, qr/\A\z/, '... nobody complained';

# ---- a restart

my ($renewed) = recipe('Restart without losing a client', $dir);
my $first = start($^X, $renewed, $path, '127.0.0.1:0');
is $first->line, "ready\n", 'the first server';
my $listening = recv_fh(endp_connect($path));
$port = (unpack_sockaddr_in(getsockname $listening))[0];
undef $listening;
is client_of($port)->getline, $first->pid . "\n", '... serves';
is client_of($port)->getline, $first->pid . "\n", '... also when a successor has failed';

kill STOP => $first->pid;
my $early = client_of($port);
my $second = start($^X, $renewed, $path, 'ignored');
kill CONT => $first->pid;
is $second->line, "ready\n", 'the second one is ready';
is $first->end->{status}, 0, '... the first has ended';
like $early->getline, qr/\A(?:${\$first->pid}|${\$second->pid})\n\z/, 'a client that came before is served';
is client_of($port)->getline, $second->pid . "\n", '... and who comes after';
my $third = start($^X, $renewed, $path, 'ignored');
is $third->line, "ready\n", 'a third';
is $second->end->{status}, 0, '... the second has ended';
is client_of($port)->getline, $third->pid . "\n", '... and the third serves';
undef $early;
is $third->end('TERM')->{err}, '', '... nobody complained';
unlink $path;

# ---- until the client has ended

SKIP: {
    my ($ours) = spipe();
    peer_pidfd($ours) or skip "peer_pidfd: $!", 6;
    my ($leaser, $lessee) = recipe('Serve until the client has ended', $dir);
    mkdir "$dir/lent" or die $!;
    write_file("$dir/lent/$_", "$_\n") for 1, 2;
    my $server = start($^X, $leaser, $path, "$dir/lent/1", "$dir/lent/2");
    is $server->line, "ready\n", 'a server that lends two files';
    is run($^X, $lessee, $path)->{out}, "1\n", 'a client has one';
    my $held = gate();
    pipe my $until_we_end, my $open or die "pipe: $!";
    my $holder = in_child {
        close $open;
        my $fh = recv_fh(endp_connect($path)) or die "recv_fh: $!\n";
        $held->open;
        sysread $until_we_end, my $nothing, 1;
    };
    $held->wait;
    is run($^X, $lessee, $path)->{out}, "1\n", 'another holds the second, without a connection';
    my @two = map { recv_fh(endp_connect($path)) } 1, 2;
    is get_fopen_mode($two[0]), 'w+', 'we have one';
    is $two[1], undef, '... and no second one';
    kill KILL => $holder->pid;
    $holder->status;
    my ($third, $errno);
    for (1 .. 500) {
        $third = recv_fh(endp_connect($path)) and last;
        $errno = $! + 0;
        last if $errno != EBUSY;
        select undef, undef, undef, 0.02;
    }
    is $third && readline $third, "2\n", '... until the other is killed';
    is $server->end('TERM')->{err}, '', '... nobody complained';
    unlink $path;
}

# ---- a name at the end

my ($tidy) = recipe('Remove the name of an endpoint', $dir);
for my $signal (qw(TERM INT)) {
    my $server = start($^X, $tidy, $path);
    $server->line;
    ok -S $path, 'a server has a name';
    is $server->end($signal)->{status}, 0, "... it ends, by $signal";
    ok !-e $path, '... and the name is gone';
}
my $old = start($^X, $tidy, $path);
$old->line;
my $new = start($^X, $tidy, $path);
$new->line;
is $old->end('TERM')->{err}, '', 'a server whose name was taken over ends';
ok -S $path && recv_fh(endp_connect($path)), '... and its successor is still found';
$new->end('TERM');
ok !-e $path, '... until it ends';

no_leak();
done_testing;
