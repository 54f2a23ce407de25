use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Socket qw(AF_UNIX SOCK_DGRAM SOCK_SEQPACKET SOCK_STREAM pack_sockaddr_un);
use Files;
use Identity;
use Meeting;
use Race;
use Situation;

use File::FDpasser;

# exclusive: one server at a name, and who counts as one.

starters(50);

my $workdir = workdir();
my $short   = "$workdir/short";
my $long    = "$workdir/" . 'long' x 30;
mkdir $_ or die "$_: $!" for $short, $long;

# Links that lead nowhere, in every way
my @places = ([ 'a path', $short, 'server' ]);
push @places, [ 'a long path', $long, 'server' ],
    [ 'a long name', $short, 's' x 200 ]
    if $^O eq 'linux';
for my $place (@places) {
    my ($name, $dir, $base) = @$place;
    my $path = "$dir/$base";
    write_file("$dir/file", 'precious');
    { my $stale = endp_create("$dir/stale") }
    my %nowhere = (
        'a missing file'                => 'none',
        'a file in a missing directory' => 'none/none',
        'a link to itself'              => 'loop',
        'a name below a file'           => 'file/none',
        'a file'                        => 'file',
        'a stale socket'                => 'stale',
        'a directory'                   => '.',
    );
    symlink 'loop', "$dir/loop" or die "symlink: $!";
    for my $what (sort keys %nowhere) {
        symlink $nowhere{$what}, $path or die "symlink: $!";
        my $listener = endp_create($path, exclusive => 1);
        ok $listener, "$name, a link to $what: it starts" or diag "$!";
        ok -S $path && !-l $path, '... in place of the link';
        is names($dir), join(' ', sort 'file', 'loop', 'stale', $base), '... nothing else has changed';
        unlink $path;
    }
    is content("$dir/file"), 'precious', '... nor has the file';

    my $server = endp_create("$dir/alive");
    symlink 'alive', $path or die "symlink: $!";
    fails { endp_create($path, exclusive => 1) } undef, 'EADDRINUSE',
        "$name, a link to a living server";
    is readlink $path, 'alive', '... it stays';
    unlink map {"$dir/$_"} split ' ', names($dir);
}

# Sockets of others, while they are open
{
    my $path = "$short/server";
    for my $type (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET) {
        socket my $other, AF_UNIX, $type, 0 or die "socket: $!";
        bind $other, pack_sockaddr_un($path) or die "bind: $!";
        fails { endp_create($path, exclusive => 1) } undef, 'EADDRINUSE',
            "a socket of type $type that is bound";
        listen $other, 1 if $type != SOCK_DGRAM;
        fails { endp_create($path, exclusive => 1) } undef, 'EADDRINUSE',
            '... that listens';
        close $other;
        ok endp_create($path, exclusive => 1), '... that is closed';
        unlink $path;
    }
}

# One that hears datagrams from one peer alone refuses to be asked: EPERM.
{
    my ($path, $peer) = ("$short/server", "$short/peer");
    my %socket;
    for my $name ($path, $peer) {
        socket $socket{$name}, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!";
        bind $socket{$name}, pack_sockaddr_un($name) or die "bind: $!";
    }
    connect $socket{$path}, pack_sockaddr_un($peer) or die "connect: $!";
    fails { endp_create($path, exclusive => 1) } undef, 'EADDRINUSE',
        'a socket that hears one peer alone';
    unlink $path, $peer;
}

# A server whose queue is full, one that only a child still holds, and one that
# nobody may connect to: all alive.
{
    my $path     = "$short/server";
    my $listener = endp_create($path, backlog => 0);
    my @clients;
    while (my $client = knock($path)) { push @clients, $client }
    fails { endp_create($path, exclusive => 1) } undef, 'EADDRINUSE',
        'a server whose queue is full';
    @clients = ();
    my ($held, $leave) = (gate(), gate());
    my $child = in_child { $held->open; $leave->wait; return 1 };
    $held->wait;
    close $listener;
    fails { endp_create($path, exclusive => 1) } undef, 'EADDRINUSE',
        'a server of which a child has the listener';
    $leave->open;
    $child->result;
    $listener = endp_create($path, exclusive => 1);
    ok $listener, '... until it has ended';
    SKIP: {
        skip 'root may connect to everything', 2 if $> == 0;
        chmod 0, $path or die "chmod: $!";
        fails { endp_create($path, exclusive => 1) } undef, 'EADDRINUSE',
            'a server that nobody may connect to';
        close $listener;
        fails { endp_create($path, exclusive => 1) } undef, 'EADDRINUSE',
            '... who can tell whether it is alive?';
    }
    unlink $path;
}

# What one may not connect to is alive: somebody else's server, in her own directory.
SKIP: {
    skip $Identity::WHY_NOT, 3 if $Identity::WHY_NOT;
    my $hers = "$workdir/hers";
    mkdir $hers or die "$hers: $!";
    my $server = endp_create("$hers/server", mode => 0600);
    chown $ALICE, $ALICE, $hers or die "chown: $!";
    chmod 0755, $workdir;
    my $start = sub {
        my @options = @_;
        return as_user($ALICE, sub {
            endp_create("$hers/server", @options) ? 'serves' : errno_name($!);
        });
    };
    is $start->(exclusive => 1), 'EADDRINUSE', q{somebody else's server, of mode 0600};
    ok answers("$hers/server"), '... serves on';
    is $start->(), 'serves', '... where she is not exclusive she takes over';
    unlink "$hers/server";
}

# Two endpoints in one directory do not disturb each other.
{
    my @listeners = map { scalar endp_create("$short/$_", exclusive => 1) }
        qw(one two);
    is scalar(grep {defined} @listeners), 2, 'two endpoints in one directory';
    unlink "$short/one", "$short/two";
}

no_leak();
done_testing;
