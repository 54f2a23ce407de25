use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Meeting;
use Situation;
use Socket qw(AF_UNIX SO_ACCEPTCONN SO_TYPE SOCK_DGRAM SOCK_SEQPACKET SOCK_STREAM SOL_SOCKET
    pack_sockaddr_un);

use File::FDpasser qw(:all);
no warnings 'File::FDpasser';

# type => 'stream', 'seqpacket', 'dgram': of spipe, endp_create, endp_connect.

my $dir  = workdir();
my $path = "$dir/server";
my %number = (stream => SOCK_STREAM, seqpacket => SOCK_SEQPACKET, dgram => SOCK_DGRAM);
my @types = sort keys %number;

sub option { return unpack 'i', getsockopt($_[0], SOL_SOCKET, $_[1]) }

sub is_socket_of {
    my ($type, $name, @handles) = @_;
    return if $type eq 'stream' && transport() ne 'socket';
    is option($_, SO_TYPE), $number{$type}, $name for @handles;
    return;
}

# ---- pairs

for my $type (@types) {
    $! = 7;
    my @pair = spipe(type => $type);
    is $! + 0, 7, "a pair, $type: \$! is left alone";
    is_deeply [ map {ref} @pair ], [ ('IO::File') x 2 ], '... two endpoints';
    is_socket_of($type, '... of the type', @pair);
    is_deeply [ survives_exec(map { fileno $_ } @pair) ], [ 0, 0 ], '... close-on-exec';
    send_file($pair[0], \*STDIN) or diag "send_file: $!";
    is identity(recv_fh($pair[1])), identity(\*STDIN), '... descriptors pass';
    is ref(scalar spipe(type => $type)), 'IO::File', '... in scalar context one end';

    my ($one, $other) = spipe(type => $type, sender => 1);
    send_file($one, \*STDIN) or diag "send_file: $!";
    my $fh = recv_fh($other, my $sender);
    is $sender->{pid},  $$, "a pair that notes senders, $type: who sent";
    is $sender->{from}, 'message', '... this message';
    send_file($other, \*STDIN) or diag "send_file: $!";
    $fh = recv_fh($one, $sender);
    is $sender->{from}, 'message', '... at both ends';
}
{
    my ($one, $other) = spipe(sender => 0, type => undef);
    is_socket_of('stream', 'options that are undef or false', $one);
    send_file($one, \*STDIN);
    my $fh = recv_fh($other, my $sender);
    is $sender->{from}, 'connection', '... note no sender' if transport() eq 'socket';
}

# ---- servers and clients

for my $type (qw(stream seqpacket)) {
    my $listener = endp_create($path, type => $type, mode => 0600, sender => 1);
    ok $listener, "a server, $type" or diag "$!";
    is_socket_of($type, '... of the type', $listener);
    is +(stat $path)[2] & 0777, 0600, '... with the mode';
    my ($client, $conn) = meet($listener, $path, type => $type, timeout => 30);
    ok $client, '... a client';
    is_socket_of($type, '... of the type', $client, $conn);
    send_file($client, \*STDIN) or diag "send_file: $!";
    my $fh = recv_fh($conn, my $sender);
    is identity($fh), identity(\*STDIN), '... descriptors pass';
    is $sender->{from}, 'message', '... from whom is noted';
    undef $client;
    fails { recv_fh($conn) } undef, 'ENOTCONN', '... and the end is seen';
    unlink $path;
}

# Datagrams: one receives, any number send.
{
    my $receiver = endp_create($path, type => 'dgram', mode => 0600);
    ok $receiver, 'a receiver of datagrams' or diag "$!";
    is_socket_of('dgram', '... of the type', $receiver);
    is +(stat $path)[2] & 0777, 0600, '... with the mode';
    is ref $receiver, 'IO::File', '... an endpoint';
    is_deeply [ survives_exec(fileno $receiver) ], [0], '... close-on-exec';
    my @senders = map { scalar endp_connect($path, type => 'dgram', timeout => 5) } 1, 2;
    is scalar(grep {defined} @senders), 2, '... two send';
    is_socket_of('dgram', '... of the type', @senders);
    send_file($_, \*STDIN) or diag "send_file: $!" for @senders;
    is identity(recv_fh($receiver)), identity(\*STDIN), '... descriptors pass' for 1, 2;
    is write_fd($senders[1], 'bytes', \*STDIN), 5, '... and bytes';
    my ($bytes, $fh) = read_fd($receiver, 100, 1);
    is $bytes, 'bytes', '... as they were sent';
    is identity($fh), identity(\*STDIN), '... with their descriptor';

    $receiver->blocking(0);
    fails { recv_fh($receiver) } undef, 'EAGAIN', '... when there is nothing';
    @senders = ();
    fails { recv_fh($receiver) } undef, 'EAGAIN', '... also when nobody is left';
    fails { serv_accept_fh($receiver) } undef, 'EINVAL', '... nobody connects';
    fails { send_file($receiver, \*STDIN) } undef, 'ENOTCONN', '... nor does it send';
    fails_empty { peer_cred($receiver) } 'ENOTCONN', '... and it has no peer';

    my $sender = endp_connect($path, type => 'dgram');
    undef $receiver;
    fails { send_file($sender, \*STDIN) } undef, 'ECONNREFUSED', 'a receiver that has gone';
    fails { endp_connect($path, type => 'dgram') } undef, 'ECONNREFUSED', '... for new ones, too';
    unlink $path;
    fails { endp_connect($path, type => 'dgram') } undef, 'ENOENT', 'none at all';

    $receiver = endp_create($path, type => 'dgram', sender => 1);
    $sender   = endp_connect($path, type => 'dgram');
    send_file($sender, \*STDIN) or diag "send_file: $!";
    recv_fh($receiver, my $who);
    is_deeply [ @$who{qw(pid from)} ], [ $$, 'message' ], 'a receiver that notes senders';
    unlink $path;
    $receiver = endp_create($path, type => 'dgram');
    $sender   = endp_connect($path, type => 'dgram');
    send_file($sender, \*STDIN) or diag "send_file: $!";
    recv_fh($receiver, $who);
    is_deeply [ @$who{qw(pid uid gid from)} ], [ undef, undef, undef, 'connection' ],
        '... one that does not cannot tell';
    unlink $path;
}

# A client that wants another type
for my $server (@types) {
    next if $server eq 'stream' && transport() ne 'socket';
    my $listener = endp_create($path, type => $server);
    for my $client (grep { $_ ne $server } @types) {
        next if $client eq 'stream' && transport() ne 'socket';
        fails { endp_connect($path, type => $client) } undef, 'EPROTOTYPE',
            "a client of type $client at a server of type $server";
    }
    unlink $path;
}

# ---- taking over

for my $old (@types) {
    for my $new (@types) {
        my $first = endp_create($path, type => $old);
        fails { endp_create($path, type => $new, exclusive => 1) } undef, 'EADDRINUSE',
            "exclusive, $new where $old is alive";
        ok my $second = endp_create($path, type => $new), '... takes over without';
        ok -S $path || transport() ne 'socket', '... and is there';
        undef $first;
        fails { endp_create($path, type => $old, exclusive => 1) } undef, 'EADDRINUSE',
            '... and alive';
        undef $second;
        ok endp_create($path, type => $old, exclusive => 1), '... over a stale one it starts';
        unlink $path;
        is names($dir), '', '... nothing else is left';
    }
}

# A receiver that takes from one sender only is alive as well.
{
    my $theirs = "$dir/theirs";
    socket my $peer, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!";
    bind $peer, pack_sockaddr_un($theirs) or die "bind: $!";
    my $receiver = endp_create($path, type => 'dgram');
    connect $receiver, pack_sockaddr_un($theirs) or die "connect: $!";
    fails { endp_create($path, type => 'dgram', exclusive => 1) } undef, 'EADDRINUSE',
        'exclusive, where a receiver takes from one sender';
    unlink $path, $theirs;
}

# Old senders keep the old receiver; new ones get the new.
{
    my $old    = endp_create($path, type => 'dgram');
    my $sender = endp_connect($path, type => 'dgram');
    my $new    = endp_create($path, type => 'dgram');
    write_fd($sender, 'to the old');
    write_fd(scalar endp_connect($path, type => 'dgram'), 'to the new');
    is scalar read_fd($old, 100), 'to the old', 'taken over: an old sender keeps the old one';
    is scalar read_fd($new, 100), 'to the new', '... a new one gets the new';
    unlink $path;
}

# Names that do not fit into an address, and abstract ones
SKIP: {
    skip 'no such names here', 2 if $^O ne 'linux';
    my $long = "$dir/" . 'long' x 30;
    mkdir $long or die "$long: $!";
    for my $name ("$long/server", "\0fdpasser $$") {
        my $receiver = endp_create($name, type => 'dgram');
        my $sender   = endp_connect($name, type => 'dgram');
        write_fd($sender, 'here') if $sender;
        is scalar(read_fd($receiver, 100)), 'here', length($name) > 100 ? 'a long path' : 'an abstract name';
    }
    unlink "$long/server";
    rmdir $long;
}

# ---- nonsense

for my $bad ('tcp', '', 'STREAM', 1, 'stream ', []) {
    for ([ spipe => sub { spipe(type => $bad) } ],
        [ endp_create  => sub { endp_create($path, type => $bad) } ],
        [ endp_connect => sub { endp_connect($path, type => $bad) } ])
    {
        my ($function, $code) = @$_;
        eval { $code->() };
        like $@, qr/\AInvalid args to $function: type => .* is neither 'stream' nor/,
            "$function, type => '$bad'";
    }
}
ok !-e $path, '... and nothing is made';
for ([ [ no_such => 1 ], qr/there is no option no_such/ ], [ ['type'], qr/option type has no value/ ],
    [ [ exclusive => 1 ], qr/there is no option exclusive/ ])
{
    my ($options, $why) = @$_;
    eval { spipe(@$options) };
    like $@, qr/\AInvalid args to spipe: $why/, "spipe(@$options)";
}
eval { endp_create($path, type => 'dgram', backlog => 5) };
like $@, qr/\AInvalid args to endp_create: backlog makes no sense with type => 'dgram'/,
    'a backlog of datagrams';
ok endp_create($path, type => 'seqpacket', backlog => 5), '... while packets may have one';
unlink $path;

no_leak();
done_testing;
