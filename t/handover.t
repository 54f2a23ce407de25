# examples/handover.pl: servers that replace each other, and what their clients
# see of it.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use NeedsTcp;
use Situation;

use File::FDpasser qw(:all);
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX    ();
use Socket qw(SOL_SOCKET SO_ACCEPTCONN unpack_sockaddr_in unpack_sockaddr_un);

watchdog(60);    # some of it takes long beside other work

my $dir     = workdir();
my $control = "$dir/control";
$ENV{PERL5LIB} = join ':', grep { !ref } @INC;

# ---- servers

# A real one: { child, out, pid, address }, as soon as it is ready.
sub server {
    my $server = start(@_);
    my @lines  = lines_to($server, qr/ ready\z/);
    $server->{pid} = (split ' ', $lines[-1])[0];
    $server->{address} = { map { /listens: (\S+) (\S+)/ ? ($1 => $2) : () } @lines };
    return $server;
}

sub start {
    my @arguments = @_;
    pipe my $out, my $writer or die "pipe: $!";
    my $child = in_child {
        open STDOUT, '>&', $writer or POSIX::_exit(126);
        open STDERR, '>&', $writer or POSIX::_exit(126);
        alarm 50;
        exec $^X, 'examples/handover.pl', @arguments or POSIX::_exit(127);
    };
    return { child => $child, out => $out };
}

sub lines_to {
    my ($server, $last) = @_;
    my @lines;
    while (defined(my $line = readline $server->{out})) {
        chomp $line;
        push @lines, $line;
        return @lines if $line =~ $last;
    }
    die "$0: the server has ended: @lines\n";
}

# What it still prints, and its wait status.
sub finish {
    my ($server) = @_;
    chomp(my @lines = readline $server->{out});
    return [ @lines, $server->{child}->status ];
}

sub end {
    my ($server) = @_;
    kill TERM => $server->{child}->pid;
    return finish($server);
}

# ---- clients

sub client {
    my ($address) = @_;
    my $conn = $address =~ m{/}
        ? IO::Socket::UNIX->new(Peer => $address)
        : IO::Socket::INET->new(PeerAddr => $address);
    return $conn || die "$address: $!\n";
}

# Who answers: [ process id, name of the address ].
sub asked {
    my ($conn) = @_;
    syswrite $conn, "question\n";
    my $answer = readline $conn;
    return [] if !defined $answer;
    return [ $answer =~ /\A(\d+) (\w+): question\n\z/ ];
}

# ---- how it is called

for ([], ['x'], [ 'x', 'y' ], [ 'x', '=y' ], [ 'x', 'y=' ]) {
    my $got = finish(start(@$_));
    is $got->[0], 'usage: handover.pl CONTROL NAME=ADDRESS ...',
        scalar(@$_) . ' useless arguments';
    isnt $got->[-1], 0, 'is a failure';
}

# ---- one server after the other

my @addresses = ('web=127.0.0.1:0', 'admin=127.0.0.1:0', "chat=$dir/chat");
my $first = server($control, @addresses);
is_deeply [ sort keys %{ $first->{address} } ], [qw(admin chat control web)],
    'the first server listens at all addresses';
is((stat $control)[2] & 07777, 0600, 'and is replaced by its own user only');
my %address = %{ $first->{address} };

my %early = map { $_ => client($address{$_}) } qw(web admin chat);
is_deeply asked($early{$_}), [ $first->{pid}, $_ ], "$_: the first server answers"
    for sort keys %early;

# Who looks like a successor, and fails: the message is one.
{
    my $failing = endp_connect($control) or die "$control: $!";
    my ($line, @fh) = read_fd($failing, 65_536, 253);
    my $names = JSON::PP::decode_json($line)->{listeners};
    is_deeply [ sort @$names ], [qw(admin chat control web)],
        'one message names all listening sockets';
    is scalar @fh, 4, 'and brings them';
    my %fh;
    @fh{@$names} = @fh;
    is unpack('i', getsockopt $fh{$_}, SOL_SOCKET, SO_ACCEPTCONN), 1,
        "$_: it listens"
        for sort keys %fh;
    my ($port) = $address{web} =~ /(\d+)\z/;
    is +(unpack_sockaddr_in(getsockname $fh{web}))[0], $port, 'web: it is the one';
    is unpack_sockaddr_un(getsockname $fh{chat}), "$dir/chat", 'chat: it is the one';

    my $other = start($control, @addresses);
    is_deeply finish($other)->[0], "handover.pl: $control: refused",
        'another successor meanwhile is refused';
}
is_deeply asked(client($address{web})), [ $first->{pid}, 'web' ],
    'it has failed: the first server goes on';

# Clients that wait in the queues when the server changes.
kill STOP => $first->{child}->pid;
my %queued = map { $_ => client($address{$_}) } qw(web admin chat);
syswrite $_, "question\n" for values %queued;
my $waiting = start($control, @addresses, "more=$dir/more");
kill CONT => $first->{child}->pid;
lines_to($first, qr/hands over/);
my @lines  = lines_to($waiting, qr/ ready\z/);
my $second = { %$waiting, pid => (split ' ', $lines[-1])[0] };
isnt $second->{pid}, $first->{pid}, 'a successor';
for my $name (sort keys %queued) {
    like scalar readline $queued{$name},
        qr/\A(?:$first->{pid}|$second->{pid}) $name: question\n\z/,
        "$name: who was in the queue is served";
}
like $_, qr/listens: \w+ \S+|ready/, "says: $_" for @lines;
is_deeply [ map { /listens: (web \S+)/ } @lines ], ["web $address{web}"],
    'the successor listens where its predecessor did';

# Old clients stay with the old server, new ones come to the new one.
is_deeply asked($early{$_}), [ $first->{pid}, $_ ],
    "$_: who was accepted before stays with the first server"
    for sort keys %early;
is_deeply asked(client($address{$_})), [ $second->{pid}, $_ ],
    "$_: who comes now is the second server's"
    for qw(web admin chat);
is_deeply asked(client("$dir/more")), [ $second->{pid}, 'more' ],
    'and so is a new address';

# The first server ends with its last client.
%early = %queued = ();
is_deeply finish($first), [ "$first->{pid} ends", 0 ],
    'the first server ends when nobody is left';

# ---- clients that come all the time, while servers come and go

my ($start, $stop) = (gate(), gate());
my $clients = in_child {
    my (%seen, @failed);
    my $number = 0;
    until ($stop->is_open) {
        for my $name (qw(web admin chat)) {
            my $answer = eval { asked(client($address{$name})) } || [$@];
            push @failed, "$name: @$answer" if @$answer != 2 || $answer->[1] ne $name;
            $seen{ $answer->[0] }++ if @$answer;
        }
        $start->open if !$number++;
    }
    return (scalar keys %seen, @failed);
};
$start->wait;
my $last = $second;
for (1 .. 5) {
    my $next = server($control, @addresses);
    lines_to($last, qr/hands over/);
    is_deeply asked(client($address{web})), [ $next->{pid}, 'web' ], "server $_";
    is finish($last)->[-1], 0, 'its predecessor ends well';
    $last = $next;
}
$stop->open;
my ($servers, @failed) = $clients->result;
is "@failed", '', 'no client was refused or dropped';
cmp_ok $servers, '>', 1, 'and they have met several servers';
ok !eval { client("$dir/more") }, 'an address without a name is closed';
end($last);

# ---- a server that was killed; many addresses

my @many = map {"n$_=$dir/$_"} 1 .. 100;
my $one  = server($control, @many);
is scalar keys %{ $one->{address} }, 101,
    'where a server was killed another one starts, at 100 addresses';
my $two = server($control, @many);
lines_to($one, qr/hands over/);
finish($one);
my @wrong = grep { asked(client("$dir/$_"))->[0] ne $two->{pid} } 1 .. 100;
is "@wrong", '', 'and hands them all over';
end($two);

undef $_ for $dir, $first, $second, $waiting, $last, $one, $two, $start, $stop,
    $clients;
no_leak();
done_testing;
