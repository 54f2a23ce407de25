use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Meeting;
use Situation;

use Fcntl qw(F_GETFL O_NONBLOCK);
use IO::Poll qw(POLLIN);
use IO::Select;
use IO::Socket::UNIX;
use POSIX        ();
use Scalar::Util qw(reftype);
use Socket qw(AF_UNIX SOCK_STREAM SOCK_DGRAM SO_TYPE SOL_SOCKET
    pack_sockaddr_un unpack_sockaddr_un);

use File::FDpasser;
no warnings 'File::FDpasser';

# A server with a name in the file system, and its clients.

my $dir  = workdir();
my $path = "$dir/server";

sub is_endpoint {
    my ($endpoint, $name) = @_;
    is ref $endpoint, 'IO::File', "$name is an IO::File";
    is reftype($endpoint), 'GLOB', '... of reftype GLOB';
    ok !(fcntl($endpoint, F_GETFL, 0) & O_NONBLOCK), '... blocking';
}

sub readable {
    my ($fh, $seconds) = @_;
    my $bits = '';
    vec($bits, fileno $fh, 1) = 1;
    return scalar select $bits, undef, undef, $seconds;
}

sub autoflushes {
    my ($fh) = @_;
    my $selected = select $fh;
    my $flag     = $|;
    select $selected;
    return $flag;
}

# A server, a client, and everything that they can do
{
    umask 027;
    my $listener = endp_create($path);
    is_endpoint($listener, 'what endp_create returns');
    ok -S $path, '... a socket is there';
    is sprintf('%04o', (stat _)[2] & 07777), '0750', '... as the umask permits';
    is names($dir), 'server', '... and nothing else';
    is unpack_sockaddr_un(getsockname $listener), $path, '... of its name';
    is unpack('i', getsockopt $listener, SOL_SOCKET, SO_TYPE), SOCK_STREAM,
        '... a stream';
    ok autoflushes($listener), '... autoflushed';
    ok !readable($listener, 0), '... not readable while nobody connects';

    my $server = elsewhere { serv_accept_fh($listener) };
    is_endpoint(scalar endp_connect($path), 'what endp_connect returns');
    $server->end;

    my $connecting = elsewhere { endp_connect($path) };
    ok readable($listener, 60), 'then the listener is readable, for select';
    is_deeply [ map {"$_"} IO::Select->new($listener)->can_read(0) ],
        ["$listener"], '... for IO::Select';
    my $poll = IO::Poll->new;
    $poll->mask($listener => POLLIN);
    is $poll->poll(0), 1, '... and for IO::Poll';

    my $uid  = 'before';
    my $conn = serv_accept_fh($listener, $uid);
    is_endpoint($conn, 'what serv_accept_fh returns');
    is $uid, $>, '... with the uid of the client';
    my $client = $connecting->end;
    ok !readable($listener, 0), '... the queue is empty again';

    send_file($client, \*STDIN);
    is identity(recv_fh($conn)), identity(\*STDIN), 'the client sends';
    send_file($conn, \*STDOUT);
    is identity(recv_fh($client)), identity(\*STDOUT), 'the server sends';

    close $client;
    fails { recv_fh($conn) } undef, 'ENOTCONN', 'the client has gone';
    unlink $path;
}

# The number of a connection instead of a handle
{
    my $listener = endp_create($path);
    my $server = elsewhere { serv_accept_fd($listener) };
    my $first = cli_conn($path);
    like $first, qr/\A[0-9]+\z/, 'cli_conn returns a number';
    POSIX::close($first);
    $server->end;
    my $child = elsewhere { cli_conn($path) };
    my $uid   = 'before';
    my $conn  = serv_accept_fd($listener, $uid);
    like $conn, qr/\A[0-9]+\z/, 'serv_accept_fd returns a number';
    is $uid, $>, '... with the uid of the client';
    my $client = $child->number;
    send_file($client, \*STDIN);
    is identity(recv_fh($conn)), identity(\*STDIN), 'they are connected';
    my $flags = my_getfl($conn) | my_getfl($client);
    ok !($flags & O_NONBLOCK), '... and blocking';

    $child = elsewhere { cli_conn($path) };
    undef $uid;
    my $raw = File::FDpasser::my_serv_accept(fileno $listener, $uid);
    like $raw, qr/\A[0-9]+\z/, 'my_serv_accept returns a number';
    is $uid, $>, '... with the uid of the client';
    my $second = $child->number;
    is File::FDpasser::my_send_fd($second, 0), 0, 'my_send_fd returns 0';
    my $got = File::FDpasser::my_recv_fd($raw);
    is identity($got), identity(\*STDIN), '... my_recv_fd receives that';
    POSIX::close($_) for $client, $conn, $second, $raw, $got;
    unlink $path;
}
is_deeply [ (in_child {
    my $listener = endp_create($path);
    my $client   = elsewhere { endp_connect($path) };
    arrives($listener);
    close STDIN;
    my $accepted = serv_accept_fd($listener);
    POSIX::close(0);
    open STDIN, '<', '/dev/null' or die $!;
    my $server = elsewhere { serv_accept_fh($listener) };
    close STDIN;
    my $connected = cli_conn($path);
    unlink $path;
    return ($accepted, $connected);
})->result ], [ 0, 0 ], 'the numbers may be 0';

# Where $uid goes
{
    my $listener = endp_create($path);
    my (%client, @client);
    my @waiting = map { elsewhere { endp_connect($path) } } 1 .. 3;
    my @conn    = (
        serv_accept_fh($listener, $client{uid}),
        serv_accept_fh($listener, $client[3]),
        serv_accept_fh($listener),
    );
    is scalar(grep { defined } @conn), 3, 'three clients are accepted';
    is $client{uid}, $>, '$uid may be an element of a hash';
    is $client[3],   $>, '... or of an array';
    unlink $path;
}

# Failures
{
    my $listener = endp_create($path);
    $listener->blocking(0);
    my $uid = 'before';
    fails { serv_accept_fh($listener, $uid) } undef, 'EAGAIN', 'nobody waits';
    fails { serv_accept_fd($listener, $uid) } undef, 'EAGAIN', '... a number';
    fails { File::FDpasser::my_serv_accept(fileno $listener, $uid) }
        -1, 'EAGAIN', '... in the lower call';
    my $client = elsewhere { endp_connect($path) };
    arrives($listener);
    ok !(fcntl(serv_accept_fh($listener), F_GETFL, 0) & O_NONBLOCK),
        'what a non-blocking listener accepts is blocking';
    $client->end;    # else that process may have the listener open still
    symlink $path, "$path.link" or die "symlink: $!";
    my ($through, $conn) = meet($listener, "$path.link");
    ok $through, 'a link leads to the server';
    ok $conn, '... which accepts';
    unlink "$path.link";
    my ($end) = spipe();
    fails { serv_accept_fh($end, $uid) } undef, 'EINVAL', 'it does not listen';
    fails { serv_accept_fh(*STDIN{IO}, $uid) } undef, 'ENOTSOCK',
        'this is not a socket'
        if !-S STDIN;
    close $end;
    fails { serv_accept_fh($end, $uid) } undef, 'EBADF', 'this is closed';
    is $uid, 'before', '$uid is untouched by all that';

    close $listener;
    fails { endp_connect($path) } undef, 'ECONNREFUSED', 'nobody listens';
    fails { cli_conn($path) } -1, 'ECONNREFUSED', '... the number';
    unlink $path;
    fails { endp_connect($path) } undef, 'ENOENT', 'the name is gone';
    fails { cli_conn($path) } -1, 'ENOENT', '... the number';
    fails { endp_connect("$dir/none/server") } undef, 'ENOENT', 'so is this';
    open my $file, '>', $path or die "$path: $!";
    fails { endp_connect($path) } undef, 'ECONNREFUSED', 'a file is no server'
        if $^O eq 'linux';
    fails { endp_connect("$path/server") } undef, 'ENOTDIR', 'nor a directory';
    fails { endp_create("$path/server") } undef, 'ENOTDIR', '... to create in';
    fails { endp_create("$dir/none/server") } undef, 'ENOENT',
        'a directory that is missing is not made';
    is names($dir), 'server', '... and nothing was left behind';
    unlink $path;
}

# A listener that blocks, and a client in another process
{
    my $listener = endp_create($path);
    my $go       = gate();
    my $child    = in_child {
        $go->wait;
        my $conn = endp_connect($path);
        send_file($conn, \*STDIN);
        return identity(recv_fh($conn));
    };
    $go->open;
    my $conn = serv_accept_fh($listener, my $uid);
    is identity(recv_fh($conn)), identity(\*STDIN), 'the child sends';
    send_file($conn, \*STDOUT);
    is $child->result, identity(\*STDOUT), '... and receives';
    unlink $path;
}

# Many clients of one server
{
    my $listener = endp_create($path);
    my @waiting;
    for (1 .. 50) {
        push @waiting, elsewhere { endp_connect($path) };
        $waiting[-1]->settle;
    }
    my @conns   = map { serv_accept_fh($listener) } @waiting;
    my @clients = map { $_->end } @waiting;
    is scalar(grep { defined } @clients), 50, 'fifty wait in the queue';
    syswrite $clients[$_], "client $_\n" for 0 .. $#clients;
    my @served = map { scalar readline $_ } @conns;
    @served = sort { ($a =~ /(\d+)/)[0] <=> ($b =~ /(\d+)/)[0] } @served
        if !-d '/proc/self';    # nothing says then which of them came first
    is join('', @served), join('', map {"client $_\n"} 0 .. 49), '... and are served in order';
    unlink $path;
}

# Other people's sockets
SKIP: {
    skip 'another errno elsewhere', 1 if $^O ne 'linux';
    socket my $datagram, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!";
    bind $datagram, pack_sockaddr_un($path) or die "bind: $!";
    fails { endp_connect($path) } undef, 'EPROTOTYPE', 'a datagram socket';
    unlink $path;
}
SKIP: {
    skip 'on streams nobody knows nothing of this module', 5
        if File::FDpasser::transport() ne 'socket';
    my $listener = endp_create($path);
    my $client   = IO::Socket::UNIX->new(Peer => $path);
    ok $client, 'a client that knows nothing of this module connects';
    my $conn = serv_accept_fh($listener, my $uid);
    is $uid, $>, '... and is accepted';
    send_file($client, \*STDIN);
    is identity(recv_fh($conn)), identity(\*STDIN), '... and is a connection';
    unlink $path;

    my $server = IO::Socket::UNIX->new(Local => $path, Listen => 5);
    my $ours   = endp_connect($path);
    ok $ours, 'we connect to such a server';
    ok serv_accept_fh($server, $uid), '... and accept on its socket';
    unlink $path;
}

no_leak();
done_testing;
