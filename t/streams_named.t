# Named streams with unique connections, through the module: a client's open
# waits until the server has taken it.
#
#     18 a signal while nothing comes          24 five clients, each its own
#     21 open blocks                           25 the client is signalled
#     22 kill -9 between open and accept       26 a full table at accept
#     23 the same, five clients                27 the name is taken again

BEGIN { $ENV{FDPASSER_TRANSPORT} = 'streams' }

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use File::FDpasser qw(:all);
use POSIX ();

use Peer;
use Signals;
use Situation;
use Socket qw(AF_UNIX SOCK_SEQPACKET SOCK_STREAM pack_sockaddr_un);

my $dir = workdir();

# The server's end is readable when a client waits.
sub client_waits {
    my ($server) = @_;
    vec(my $set = '', ref $server ? fileno $server : $server, 1) = 1;
    my $ready;
    do { $ready = select my $copy = $set, undef, undef, 30 } while $ready < 0;
    return $ready;
}

sub waits_yet {
    my ($server) = @_;
    vec(my $set = '', fileno $server, 1) = 1;
    return scalar select $set, undef, undef, 0;
}

# How many connections wait in our directory, as the kernel lists them.
sub waiting {
    open my $list, '<', '/proc/net/unix' or die "/proc/net/unix: $!";
    my @lines = map { [split] } grep {m{ \Q$dir\E/}} readline $list;
    return scalar grep { $_->[5] eq '02' } @lines;
}

# The numbers of sockets that a program which a process starts would inherit.
sub inherited_sockets {
    my ($pid) = @_;
    my @numbers = map {m{(\d+)\z}} grep { (readlink || '') =~ /\Asocket:/ } glob "/proc/$pid/fd/*";
    return grep {
        open my $info, '<', "/proc/$pid/fdinfo/$_" or die "fdinfo: $!";
        my ($flags) = map {/\Aflags:\s+0*(\d+)/} readline $info;
        !(oct($flags) & 02000000);
    } @numbers;
}

# A child that connects and says how that ended.
sub client {
    my ($path, @options) = @_;
    return in_child {
        $! = 0;
        my $stream = endp_connect($path, @options);
        return defined $stream ? 'connected' : errno_name($!);
    };
}

is transport(), 'streams (emulated)', 'streams are in use' if $^O eq 'linux';

# 18
{
    my ($here, $there) = spipe();
    for my $kind (kinds()) {
        is_deeply [ interrupted($kind, sub { recv_fh($there) }) ],
            [ undef, 'EINTR', 1 ],
            "a signal ends the wait for a descriptor: $kind";
    }
}

# 21
{
    my $path   = "$dir/blocks";
    my $server = endp_create($path);
    ok $server, 'a named stream';
    my $passed = gate();
    my $child  = in_child {
        my $stream = endp_connect($path) or die "endp_connect: $!";
        $passed->open;
        return defined recv_fh($stream);
    };
    ok client_waits($server), 'a client comes';
    ok !$passed->is_open, '... and waits';
    my $stream = serv_accept_fh($server, my $uid);
    ok $stream, '... until it is accepted';
    is $uid, $>, '... whoever it is';
    $passed->wait;
    is send_file($stream, \*STDIN), 1, '... and takes a descriptor';
    is $child->result, 1, '... which it gets';
    $child = client($path, timeout => 0.05);
    is $child->result, 'ETIMEDOUT', 'a timeout ends the wait';
    ok client_waits($server), '... the server sees it';
    $stream = serv_accept_fh($server);
    fails { recv_fh($stream) } undef, 'ENOTCONN', '... as a stale stream';
}

# 22, 23, 27
for my $clients (1, 5, 1) {
    my $path   = "$dir/killed";
    my $ready  = gate();
    my $server = in_child {
        my $server = endp_create($path) or die "endp_create: $!";
        $ready->open;
        POSIX::pause() while 1;
    };
    $ready->wait;
    my @client = map { client($path) } 1 .. $clients;
    POSIX::nice(0) until waiting() == $clients;
    kill 'KILL', $server->pid;
    $server->status;
    is_deeply [ map { $_->result } @client ], [ ('ENXIO') x $clients ],
        "kill -9 before accept: $clients";
    fails { endp_connect($path) } undef, 'ECONNREFUSED', 'and then nobody is there';
}
{
    my $path   = "$dir/killed";
    my $server = endp_create($path);
    ok $server, 'the name is taken again';
    my $child = client($path);
    ok serv_accept_fh($server), '... and serves';
    is $child->result, 'connected', '... its client';
}

# 24
{
    my $path   = "$dir/five";
    my $server = endp_create($path);
    my @client = map {
        my $name = $_;
        in_child {
            my $stream = endp_connect($path) or die "endp_connect: $!";
            syswrite $stream, $name;
            sysread $stream, my $reply, 100;
            return "$name $reply";
        }
    } 1 .. 5;
    my (@stream, %said);
    push @stream, serv_accept_fh($server, my $uid) for 1 .. 5;
    for my $stream (@stream) {
        sysread $stream, my $name, 100;
        $said{$name}++;
        syswrite $stream, "to $name";
    }
    is_deeply \%said, { map { $_ => 1 } 1 .. 5 }, 'five clients, each once';
    is_deeply [ map { $_->result } @client ], [ map {"$_ to $_"} 1 .. 5 ],
        'each over a channel of its own';
    ok !waits_yet($server), 'and nobody is left';
}
SKIP: {
    skip 'only root can be somebody else', 1 if $> != 0;
    my $path   = "$dir/uids";
    my $server = endp_create($path);
    chmod 0666, $path;
    chmod 0755, $dir;
    my @client = map {
        my $uid = $_;
        in_child { $> = $uid; endp_connect($path) or die "endp_connect: $!"; 1 }
    } 65534, 4711, 1;
    my @uids = map { serv_accept_fh($server, my $uid); $uid } @client;
    $_->result for @client;
    is_deeply [ sort { $a <=> $b } @uids ], [ 1, 4711, 65534 ],
        'effective uids, whatever the real one';
}

# 25
{
    my $path   = "$dir/signalled";
    my $server = endp_create($path);
    my $child  = in_child {
        local $SIG{USR1} = sub { };
        $! = 0;
        my $stream = endp_connect($path);
        return defined $stream ? 'connected' : errno_name($!);
    };
    client_waits($server);
    # Perl's handlers are in place before it connects.
    kill 'USR1', $child->pid;
    is $child->result, 'EINTR', 'a signal ends the wait for the server';
    my $stream = serv_accept_fh($server);
    ok $stream, 'the server gets a stream';
    is sysread($stream, my $bytes, 10), 0, '... that is at its end';
    local $SIG{PIPE} = 'IGNORE';
    fails { send_file($stream, \*STDIN) } undef, 'EPIPE', '... for both';
}

# 26
{
    my $path   = "$dir/full";
    my $server = endp_create($path);
    my $child  = client($path);
    client_waits($server);
    my $limit  = descriptor_limit(64);
    my @filler = fill_table();
    fails { serv_accept_fh($server) } undef, 'EMFILE', 'no room to accept';
    fails { serv_accept_fd($server) } undef, 'EMFILE', '... as a number';
    empty_table(@filler);
    descriptor_limit($limit);
    ok waits_yet($server), 'the client waits yet';
    my $stream = serv_accept_fh($server, my $uid);
    is $uid, $>, 'and is served after room is made';
    is $child->result, 'connected', 'as it sees it';
}
{
    my $path   = "$dir/full_client";
    my $server = endp_create($path);
    my $child  = in_child {
        my $limit  = descriptor_limit(64);
        my @filler = fill_table();
        $! = 0;
        my $stream = endp_connect($path);
        my $first  = defined $stream ? 'connected' : errno_name($!);
        empty_table(@filler);
        $stream = endp_connect($path);
        return ($first, defined $stream ? 'connected' : errno_name($!));
    };
    my $stream = serv_accept_fh($server);
    is_deeply [ $child->result ], [ 'EMFILE', 'connected' ],
        'no room to open: refused, then served';
}

# Names
{
    my $path = "$dir/name";
    fails { endp_connect($path) } undef, 'ENOENT', 'no such name';
    open my $file, '>', $path or die "$path: $!";
    fails { endp_connect($path) } undef, 'ECONNREFUSED', 'a file';
    my $old = endp_create($path, mode => 0600);
    ok $old, 'an empty file is taken over';
    is sprintf('%o', (stat $path)[2] & 0777), '600', '... with the mode asked for';
    fails { endp_create($path, exclusive => 1) } undef, 'EADDRINUSE',
        'a living server is left alone if asked';
    my $new = endp_create($path);
    ok $new, '... and taken over if not';
    my $child = client($path);
    ok serv_accept_fh($new), 'the new one serves';
    is $child->result, 'connected', '... who comes';
    ok !waits_yet($old), '... and the old one nobody';
}
{
    my $path = "$dir/bound";
    my ($server, $named) = spipe();
    is File::FDpasser::bind_to_fs(fileno $named, $path), 1,
        'the end of a pipe gets a name';
    fails { File::FDpasser::bind_to_fs(fileno $named, $path) } 0, 'ENXIO',
        '... once';
    close $named;
    my $child = client($path);
    my $fd    = File::FDpasser::my_serv_accept(fileno $server, my $uid);
    is $uid, $>, '... and its other end accepts';
    POSIX::close($fd);
    is $child->result, 'connected', '... as the client sees it';
    fails { File::FDpasser::bind_to_fs(fileno STDIN, "$dir/no") } 0, 'EINVAL',
        'what is no stream gets none';
    fails { File::FDpasser::bind_to_fs(1000, "$dir/no") } 0, 'EBADF',
        'nor what is not open';
    ok !-e "$dir/no", '... and nothing is left there';
}

# A name is taken from a living server, too.
{
    my $path = "$dir/living";
    my $old  = endp_create($path);
    my ($server, $named) = spipe();
    is File::FDpasser::bind_to_fs(fileno $named, $path), 1, 'bind_to_fs, where a server is';
    my $child = client($path);
    ok serv_accept_fh($server), '... it is the new one who serves';
    is $child->result, 'connected', '... who comes';
}

# The end that is to accept is another process's: nobody would.
{
    my $path = "$dir/elsewhere";
    my ($server, $named) = spipe();
    my $done  = gate();
    my $child = in_child { undef $named; $done->wait; 1 };
    undef $server;
    fails { File::FDpasser::bind_to_fs(fileno $named, $path) } 0, 'EINVAL',
        'the other end is elsewhere: no name';
    ok !-e $path, '... and nothing is left there';
    $done->open;
    $child->result;
}

# Who sends is noted in connections of a server's end that another program has made,
# and of clients that do not wait for the server, from the first message on.
SKIP: {
    skip 'streams of the system cannot be made by hand', 4 if transport() !~ /emulated/;
    my $path = "$dir/by_hand";
    socket my $by_hand, AF_UNIX, SOCK_SEQPACKET, 0 or die "socket: $!";
    bind $by_hand, pack_sockaddr_un($path) or die "bind: $!";
    listen $by_hand, 5 or die "listen: $!";
    my $child  = in_child { my $stream = endp_connect($path); send_file($stream, \*STDIN) };
    my $stream = serv_accept_fh($by_hand);
    is identity(recv_fh($stream, my $sender)), identity(\*STDIN), 'a server made by hand';
    is_deeply [ @$sender{qw(pid from)} ], [ $child->pid, 'message' ], '... notes who sends';
    $child->result;
    undef $by_hand;

    my $server = endp_create($path);
    socket my $client, AF_UNIX, SOCK_SEQPACKET, 0 or die "socket: $!";
    connect $client, pack_sockaddr_un($path) or die "connect: $!";
    $child = in_child { send_control($client, "\0", rights(\*STDIN)) };
    $child->result;
    $stream = serv_accept_fh($server);
    is identity(recv_fh($stream, $sender)), identity(\*STDIN), 'a client that does not wait';
    is_deeply [ @$sender{qw(pid from)} ], [ $child->pid, 'message' ], '... it is noted who sent';
}

# While it waits no program that is started gets a number that would be for it later;
# and it is noted who sends to a client, too.
SKIP: {
    skip 'no list of descriptors in /proc', 2 if !-d '/proc/self/fdinfo';
    my $path   = "$dir/waits";
    my $server = endp_create($path);
    my $child  = in_child {
        my $number = cli_conn($path);
        my @flags  = inherited_sockets($$);
        open my $client, '+<&=', $number or die "open: $!";
        recv_fh($client, my $sender);
        return ("@flags" eq $number, @$sender{qw(pid from)});
    };
    client_waits($server);
    1 until is_blocked($child->pid);
    is join(' ', inherited_sockets($child->pid)), '', 'a client that waits: not inherited';
    my $stream = serv_accept_fh($server);
    send_file($stream, \*STDIN);
    is_deeply [ $child->result ], [ 1, $$, 'message' ], '... later it is, and knows who sends';
    close $stream;
}
{
    my $path = "$dir/other_kind";
    socket my $server, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!";
    bind $server, pack_sockaddr_un($path) or die "bind: $!";
    listen $server, 5 or die "listen: $!";
    fails { endp_connect($path) } undef, 'ECONNREFUSED', 'a socket of another kind is no server';
    ok !waits_yet($server), '... and not disturbed';
}

# Whichever end it is that gets the name, all descriptors of the other accept, and
# are inherited as they were.
for my $turned (0, 1) {
    my $path = "$dir/ends$turned";
    my ($server, $named) = $turned ? reverse spipe() : spipe();
    my $number = POSIX::dup(fileno $server);
    is File::FDpasser::bind_to_fs(fileno $named, $path), 1, 'an end of a pipe gets a name';
    is_deeply [ survives_exec(fileno $server, $number) ], [ 0, 1 ],
        '... the descriptors of the other are inherited or not, as before';
    close $named;
    for my $accepts (fileno $server, $number) {
        my $child = client($path, timeout => 10);
        my $fd    = client_waits($accepts) ? File::FDpasser::my_serv_accept($accepts, my $uid) : -1;
        is $child->result, 'connected', '... and each of them accepts';
        POSIX::close($fd) if $fd >= 0;
    }
    POSIX::close($number);
}
no_leak();
done_testing;
