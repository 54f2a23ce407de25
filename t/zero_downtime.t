# examples/zero-downtime/server.pl: restarts, and a death, under clients that
# never stop asking. xt/zero_downtime.t does the same with real load generators.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use NeedsTcp;
use Situation;

use File::FDpasser;
use IO::Socket::INET;

watchdog(60);    # some of it takes long beside other work

BEGIN {
    eval { require HTTP::Daemon }
        or plan skip_all => 'HTTP::Daemon is not installed (libhttp-daemon-perl)';
}

my $dir = workdir();
$ENV{PERL5LIB} = join ':', grep { !ref } @INC;
my $port = 0;    # any; then the one that the first server has got

# A server that is ready: { pid, out }
sub start {
    my $pid = open my $out, '-|', $^X, 'examples/zero-downtime/server.pl',
        "$dir/endpoint", "127.0.0.1:$port", @_;
    Situation::Process::watch($pid);
    my $line = readline $out;
    ($port) = ($line || '') =~ m{ ready at http://127\.0\.0\.1:(\d+)/$}
        or die 'not ready: ', defined $line ? $line : 'nothing', "\n";
    return { pid => $pid, out => $out };
}

# The rest of what it prints, when it has ended.
sub finish {
    my ($server) = @_;
    my @lines = readline $server->{out};
    close $server->{out};
    Situation::Process::reaped($server->{pid});
    return join '', @lines;
}

# Asks until the gate is open: how often it was answered, and what went wrong.
sub client {
    my ($keep_alive, $stop) = @_;
    my ($answered, $connection, %wrong) = (0);
    until ($stop->is_open) {
        $connection ||= IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
            or $wrong{"refused: $!"}++, next;
        my $answer = ask($connection, $keep_alive);
        $answer =~ /^HTTP\/1.1 200 .*process \d+ answers GET/s ? $answered++
            : $wrong{ length $answer ? $answer : 'closed' }++;
        undef $connection
            if !$keep_alive || $answer eq '' || $answer =~ /^Connection: close/mi;
    }
    return { answered => $answered, wrong => \%wrong };
}

sub ask {
    my ($connection, $keep_alive) = @_;
    local $SIG{PIPE} = 'IGNORE';
    print {$connection} "GET / HTTP/1.1\r\nHost: here\r\n",
        $keep_alive ? '' : "Connection: close\r\n", "\r\n";
    my $answer = '';
    while (sysread $connection, $answer, 4096, length $answer) {
        last if $answer =~ /\r\n\r\n.*\n/s;
    }
    return $answer;
}

my $server = start();
my $stop   = gate();
my @clients = map {
    my $keep_alive = $_;
    in_child { client($keep_alive, $stop) }
} 0, 1, 1;

for my $restart (1 .. 3) {
    my $heir = start();
    is finish($server), "$server->{pid} done\n", "restart $restart: the old one ends";
    $server = $heir;
}

# A live connection is handed over, with a request that nobody has read yet and
# with what was answered before.
{
    my $live = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die $!;
    like ask($live, 1), qr/process $server->{pid} answers/, 'the old one answers';
    my $half = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die $!;
    ask($half, 1);    # so that it was accepted
    syswrite $half, "POST /half HTTP/1.1\r\nHost: here\r\nContent-Le";
    ask($live, 1);    # so that the half was read
    my $heir = start();
    like ask($live, 1), qr/process $heir->{pid} answers/,
        'the new one answers on the same connection';
    syswrite $half, "ngth: 4\r\n\r\nbody";
    my $answer = join '', readline $half;
    like $answer, qr/process $server->{pid} answers POST \/half/,
        'the old one finishes what it had begun to read';
    like $answer, qr/^Connection: close/mi, '... and closes that connection';
    is finish($server), "$server->{pid} done\n", '... and then ends';
    $server = $heir;
}

# A new release that fails changes nothing.
{
    my $conn = endp_connect("$dir/endpoint");
    ok recv_fh($conn), 'a successor is sent the socket';
    undef $conn;
    my $answer = ask(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"), 0);
    like $answer, qr/process $server->{pid} answers/,
        '... and dies before it is ready: the old one serves on';
}

$stop->open for @clients;
my @told = map { $_->result } @clients;
is_deeply [ map { $_->{wrong} } @told ], [ {}, {}, {} ],
    'four restarts: no client was refused, cut off or kept waiting';
cmp_ok $_->{answered}, '>', 3, '... and it was answered' for @told;

# Two that serve beside each other, of which one is killed.
{
    my $beside = start('beside');
    my $stop = gate();
    my @clients = map { in_child { client(0, $stop) } } 1 .. 3;
    ask(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"), 0) for 1 .. 50;
    kill KILL => $server->{pid};
    finish($server);
    for (1 .. 50) {
        like ask(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"), 0),
            qr/process $beside->{pid} answers/, 'the other one serves on';
    }
    $stop->open for @clients;
    my %wrong = map { %{ $_->{wrong} } } map { $_->result } @clients;
    is join(' ', grep { /refused/ } keys %wrong), '', 'killed: nobody was refused';
    my $heir;
    for (1 .. 100) {    # until the other one has seen that it is alone
        last if $heir = eval { start() };
    }
    is finish($beside), "$beside->{pid} done\n", '... and the endpoint lives on';
    kill TERM => $heir->{pid};
    is finish($heir), "$heir->{pid} done\n", 'the last one ends when told to';
    ok !-e "$dir/endpoint", '... and removes the endpoint';
}

undef $stop;
no_leak();
done_testing;
