# The mistakes of beginners: each is answered by a message that names it, with the
# caller's line. It is an exception, or, where scripts of 0.09 do not expect one, a
# warning in the category File::FDpasser, where the caller has warnings on.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Meeting;
use Situation;

use File::FDpasser qw(:all);
use File::FDpasser::Channel;
use File::FDpasser::Loop qw(run watch);
use File::FDpasser::Queue;
use POSIX ();
use Socket qw(AF_INET AF_UNIX PF_UNSPEC SOCK_DGRAM SOCK_SEQPACKET SOCK_STREAM);

my $dir = workdir();

# warned { CODE }: what it warned of; CODE begins in line 7 of caller.pl.
sub warned (&) {
    my ($code) = @_;
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    $code->();
    return join '', @warnings;
}

# The same with, and without, warnings where the call is.
sub warns {
    my ($call, $expected, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    for my $pragma ('use warnings', q{no warnings; use warnings 'File::FDpasser'}) {
        is warned { compiled($pragma, $call)->() }, "$expected at caller.pl line 7.\n", $name;
    }
    for my $pragma ('', q{use warnings; no warnings 'File::FDpasser'}) {
        is warned { compiled($pragma, $call)->() }, '', '... not where there are none';
    }
}

our ($conn, $other, $us, $them, $listener, $peer, $s);
our ($fh, $closed, $pipe, $tcp, $channel, $queue, $gone, $blocks);

sub compiled {
    my ($pragma, $call) = @_;
    return eval "no strict; no warnings; $pragma;\n#line 7 caller.pl\nsub { $call }" || die $@;
}

# The line is the first outside of our packages; a name that only begins as ours is
# another's.
{
    my $code = compiled('use warnings; package File::FDpasserly', 'File::FDpasser::recv_fh("x")');
    my $said = 'recv_fh: argument 1 is no handle and no descriptor number';
    is warned { $code->() }, "$said at caller.pl line 7.\n", 'a package of a longer name';
    eval q{package File::FDpasser::Inner; use warnings; sub inner { File::FDpasser::recv_fh('x') } 1} or die $@;
    is warned { compiled('use warnings', 'File::FDpasser::Inner::inner()')->() },
        "$said at caller.pl line 7.\n", 'one below ours: its caller';
}

# ---- a table of them; every kind of value is in t/arguments.t, t/message_arguments.t
# and t/endpoint_options.t

($us, $peer) = spipe();
$_->blocking(0) for $us, $peer;
open $fh, '<', $0 or die "$0: $!";
open $closed, '<', $0 or die "$0: $!";
close $closed;
$listener = endp_create("$dir/table") or die "endp_create: $!";
$channel  = File::FDpasser::Channel->new($us);
$queue    = File::FDpasser::Queue->new($us);
$gone     = File::FDpasser::Queue->new(fileno $us);
$gone->close;
$blocks = File::FDpasser::Channel->new($us, blocking => 1);
pipe $pipe, my $its_writer or die "pipe: $!";

# What is said of a call: an exception, or warnings.
sub said_of {
    my ($call) = @_;
    my $died = '';
    my $warned = warned { eval { compiled('use warnings', $call)->(); 1 } or $died = $@ };
    $died =~ s/\(0x[0-9a-f]+\)//g;
    return "$warned$died";
}

sub is_said {
    my ($call, $expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is said_of($call), "$expected at caller.pl line 7.\n", $call;
}

my $none      = 'is no handle and no descriptor number';
my $invalid   = 'Invalid args to';
my $send_file = "$invalid send_file: IO::File=GLOB";
is_said(@$_) for
    # a name, or nothing, in place of a handle
    [ 'send_file($us, "/etc/hosts")', "$send_file, /etc/hosts: argument 2 $none" ],
    [ 'send_file($us, STDIN)',        "$send_file, STDIN: argument 2 $none" ],
    [ 'send_file($us, undef)',        "$send_file, : argument 2 $none: it is undefined" ],
    [ 'send_file($us)',               "$send_file, : argument 2 is missing" ],
    [ 'send_file($us, $closed)',      "$send_file, GLOB: argument 2 is closed" ],
    [ 'send_file($us, [$fh])',        "$send_file, ARRAY: argument 2 $none" ],
    [ 'send_file("server", $fh)',     "$invalid send_file: server, GLOB: argument 1 $none" ],
    [ 'send_files($us, [$fh])',       "$invalid send_files: argument 2 $none" ],
    [ 'write_fd($us, "x", [$fh])',    "$invalid write_fd: argument 3 $none" ],
    [ 'recv_fh()',                    'recv_fh: argument 1 is missing' ],
    [ 'recv_fh("server")',            "recv_fh: argument 1 $none" ],
    [ 'recv_fh(undef)',               "recv_fh: argument 1 $none: it is undefined" ],
    [ 'recv_fh($closed)',             'recv_fh: argument 1 is closed' ],
    [ 'serv_accept_fh("server")',     "serv_accept_fh: argument 1 $none" ],
    [ 'get_fopen_mode("/etc/hosts")', "get_fopen_mode: argument 1 $none" ],
    # a handle, or nothing, in place of a name
    [ 'endp_create($fh)',  'endp_create: argument 1 is a reference where a path should be' ],
    [ 'endp_connect($us)', 'endp_connect: argument 1 is a reference where a path should be' ],
    [ 'endp_connect()',    'endp_connect: argument 1 is missing' ],
    [ 'endp_create(undef)', 'endp_create: argument 1 is undefined' ],
    [ 'endp_create("")',    'endp_create: argument 1 is empty' ],
    # another kind of handle
    [ 'send_file($pipe, $us)', 'send_file: argument 1, the connection, is no socket' ],
    [ 'recv_fh($pipe)',        'recv_fh: argument 1, the connection, is no socket' ],
    [ 'serv_accept_fh($pipe)', 'serv_accept_fh: argument 1, the listener, is no socket' ],
    # too many
    [ 'send_file($us, $fh, $fh)',    'send_file: argument 3 is one too many' ],
    [ 'recv_fhs($us, 1, my $s, 2)',  'recv_fhs: argument 4 is one too many' ],
    [ 'recv_fh("server", my $s, 1)', "recv_fh: argument 1 $none" ],
    [ 'transport("streams")', 'transport: argument 1 is one too many' ],
    # options
    [ 'endp_create("x", 0600)', "$invalid endp_create: option 384 has no value: options are name => value" ],
    [ 'endp_create("x", { mode => 0600 })', "$invalid endp_create: option HASH has no value: options are name => value" ],
    [ 'endp_connect("x", 5)',           "$invalid endp_connect: option 5 has no value: options are name => value" ],
    [ 'endp_connect("x", timeout => "5s")', "$invalid endp_connect: timeout => '5s' is no number of seconds" ],
    [ 'spipe("seqpacket")', "$invalid spipe: option seqpacket has no value: options are name => value" ],
    [ 'spipe(type => SOCK_STREAM)', "$invalid spipe: type => " . SOCK_STREAM
            . q{ is neither 'stream' nor 'seqpacket' nor 'dgram'} ],
    # methods
    [ 'File::FDpasser->endp_create("x")', "$invalid endp_create: it is a function, no method" ],
    [ 'File::FDpasser->endp_connect("x")', "$invalid endp_connect: it is a function, no method" ],
    [ 'File::FDpasser->spipe',            "$invalid spipe: it is a function, no method" ],
    [ '$us->send_file($fh)', q{Can't locate object method "send_file" via package "IO::File"} ],
    # bytes, numbers, code
    [ 'write_fd($us)',        "$invalid write_fd: argument 2, the bytes, is missing or undefined" ],
    [ 'write_fd($us, $fh)',   "$invalid write_fd: argument 2 is a reference where bytes should be" ],
    [ 'read_fd($us)',         "$invalid read_fd: argument 2 is not 1 or more" ],
    [ 'send_err($us, "EACCES")', "$invalid send_err: argument 2 is not an integer" ],
    [ 'memfd("bytes")',          "$invalid memfd: argument 2 is undefined" ],
    # queues
    map({ my ($call, $method, $why) = @$_; [ $call, "$invalid File::FDpasser::Queue::$method: $why" ] }
        [ 'File::FDpasser::Queue->new',           new => 'the connection is undefined' ],
        [ 'File::FDpasser::Queue->new("server")', new => 'the connection is a string: server' ],
        [ 'File::FDpasser::Queue->new($closed)',  new => 'the connection is not open' ],
        [ 'File::FDpasser::Queue->new($us, loop => 1)', new => 'there is no option loop' ],
        [ 'File::FDpasser::Queue->new($us, sub { })',   new => 'option CODE has no value: options are name => value' ],
        [ 'File::FDpasser::Queue->new($us, on_wants => 1)', new => 'on_wants is no code reference' ],
        [ '$queue->push_recv_fh',                 push_recv_fh => 'there is no callback' ],
        [ '$queue->push_recv_fh("got_it")', push_recv_fh => 'the callback is no code reference' ],
        [ '$queue->push_send_fh("/etc/hosts")', push_send_fh => 'a handle is a string: /etc/hosts' ],
        [ '$queue->push_send_fh(undef)', push_send_fh => 'a handle is undefined' ],
        [ '$queue->push_send_fh($closed)', push_send_fh => 'a handle is not open' ],
        [ '$queue->push_send_fh($fh, $fh)', push_send_fh => 'the callback is no code reference' ],
        [ '$queue->push_send_fhs($fh)', push_send_fhs => 'the handles are no reference to an array' ],
        [ '$queue->push_send_fhs([ $fh, $closed ])', push_send_fhs => 'a handle is not open' ],
        map({ [ "\$queue->push_send_err($_)", push_send_err => 'the errno is not between 1 and 255' ] }
            0, 256, 'undef', '"no"'),
        map({ [ "\$queue->push_send_err(1, $_)", push_send_err => 'the text has a NUL or a wide character' ] }
            '"\0"', '"\x{263a}"'),
        [ '$queue->push_send_err(1, "x" x 4097)', push_send_err => 'the text is longer than 4096 bytes' ]),
    # channels
    map({ my ($call, $method, $why) = @$_; [ $call, "$invalid File::FDpasser::Channel::$method: $why" ] }
        [ 'File::FDpasser::Channel->new', new => 'the connection is undefined' ],
        [ 'File::FDpasser::Channel->new($us, 5)', new => 'option 5 has no value: options are name => value' ],
        [ 'File::FDpasser::Channel->new($us, Timeout => 5)', new => 'there is no option Timeout' ],
        [ 'File::FDpasser::Channel->new($us, timeout => "5s")', new => q{timeout => '5s' makes no sense} ],
        [ 'File::FDpasser::Channel->new($us, on_end => "x")', new => 'on_end is no code reference' ],
        [ '$channel->write($fh)',     write => 'the bytes are a reference' ],
        [ '$channel->write',          write => 'there are no bytes' ],
        [ '$channel->write("", $fh)', write => 'descriptors need a byte to go with' ],
        [ '$channel->write("x", "/etc/hosts")', write => 'a handle is a string: /etc/hosts' ],
        [ '$channel->take_fhs("all")', take_fhs => 'the count is no number of handles' ],
        [ '$channel->read_exactly',    read_exactly => 'the length is no number of bytes' ]),
    # loops
    map({ my ($call, $function, $why) = @$_; [ $call, "$invalid File::FDpasser::Loop::$function: $why" ] }
        [ 'watch()',               watch => 'argument 1 is no queue and no channel' ],
        [ 'watch($us)',            watch => 'argument 1 is no queue and no channel' ],
        [ 'run($queue, $us)',      run   => 'argument 2 is no queue and no channel' ],
        [ 'watch($blocks)', watch => 'argument 1 is a channel that blocks; make it with blocking => 0' ],
        [ 'run($blocks)',   run   => 'argument 1 is a channel that blocks; make it with blocking => 0' ],
        [ 'watch($gone)',          watch => 'argument 1 is closed' ],
        [ 'watch($queue)', watch => 'there is no argument 2, and AnyEvent is not loaded' ],
        map({ [ "watch(\$queue, $_)", watch => 'argument 2 is no loop that is known' ] }
            '"Mojo::IOLoop"', '"Some::Loop"', '[]'));
is $queue->pending, 0, 'nothing was pushed';
is identity(recv_fh($peer)), identity($fh), 'of one too many the first has gone';
fails { recv_fh($peer) } undef, 'EAGAIN', '... and nothing else';
ok !-e 'x' && !glob('*GLOB*'), '... or made one';

# ---- sockets of another kind

SKIP: {
    skip 'sockets are no streams', 7 if File::FDpasser::transport() ne 'socket';
    is_said(@$_) for
        [ 'send_file($listener, $fh)', 'send_file: this is a listening endpoint; serv_accept_fh takes its clients' ],
        [ 'peer_cred($listener)', 'peer_cred: this is a listening endpoint; serv_accept_fh takes its clients' ],
        [ 'serv_accept_fh($us)', 'serv_accept_fh: this is no listening endpoint, as endp_create makes them' ],
        map { [ "File::FDpasser::$_->new(\$listener)", "$invalid File::FDpasser::${_}::new:"
            . ' the connection is a listening endpoint; serv_accept_fh takes its clients' ] } qw(Channel Queue);
    socket $tcp, AF_INET, SOCK_STREAM, PF_UNSPEC or skip "no TCP: $!", 2;
    is_said($_->[1], "$_->[0]: this is no Unix-domain socket, and no other carries descriptors") for
        [ send_file => 'send_file($tcp, $fh)' ], [ recv_fh => 'recv_fh($tcp)' ];
}
undef $_ for $queue, $channel, $gone, $blocks, $fh, $closed, $pipe, $its_writer, $tcp, $us, $peer;

# ---- receiving where clients are to be accepted

$listener = endp_create("$dir/listener") or die "endp_create: $!";
$listener->blocking(0);
my %receive = (
    recv_fh  => 'recv_fh($listener)',
    recv_fd  => 'recv_fd(fileno $listener)',
    read_fd  => 'read_fd($listener, 1, 1)',
    recv_fhs => 'recv_fhs($listener)',
    recv_fds => 'recv_fds($listener, 5)',
    my_recv_fd => 'File::FDpasser::my_recv_fd($listener)',
);
SKIP: {
    skip 'STREAMS give a client to who receives at the server', 15
        if File::FDpasser::transport() eq 'streams';
    for my $function (sort keys %receive) {
        warns($receive{$function}, "$function: this is a listening endpoint;"
            . ' serv_accept_fh takes its clients', "$function on a listener");
        is errno_name($!), 'EINVAL', '... is EINVAL';
    }
    {
        no warnings 'File::FDpasser';
        my $packets = endp_create("$dir/packets", type => 'seqpacket') or die "endp_create: $!";
        fails { recv_fh($packets) } undef, 'EINVAL', 'recv_fh on a listener for packets is, too';
    }
    my $lived = eval {
        use warnings FATAL => 'File::FDpasser';
        recv_fh($listener);
        1;
    };
    is $lived, undef, 'a warning that is fatal';
    like $@, qr/listening endpoint/, '... is an exception';
}
# ---- sending there, and where nobody ever was: no SIGPIPE

SKIP: {
    skip 'STREAMS say that nobody is there', 15 if File::FDpasser::transport() eq 'streams';
    my %send = (
        send_file  => 'send_file($listener, \*STDIN)',
        send_files => 'send_files($listener, \*STDIN)',
        send_err   => 'send_err($listener, 5)',
        write_fd   => q{write_fd($listener, 'x', \*STDIN)},
    );
    my $raised = 0;
    local $SIG{PIPE} = sub { $raised++ };
    for my $function (sort keys %send) {
        warns($send{$function}, "$function: this is a listening endpoint;"
            . ' serv_accept_fh takes its clients', "$function on a listener");
        is errno_name($!), 'ENOTCONN', '... is ENOTCONN';
    }
    for my $type (SOCK_STREAM, SOCK_SEQPACKET) {
        socket my $alone, AF_UNIX, $type, PF_UNSPEC or die "socket: $!";
        fails { send_file($alone, \*STDIN) } undef, 'ENOTCONN', 'a socket that is connected to nothing';
        fails { scalar write_fd($alone, 'x', \*STDIN) } undef, 'ENOTCONN', '... to write to';
        fails { send_err($alone, 5) } undef, 'ENOTCONN', '... an error reply';
    }
    is $raised, 0, 'nor was there a SIGPIPE';
}
{
    my $listener = endp_create(workdir() . '/stdin') or die "endp_create: $!";
    my $said = (in_child {
        POSIX::dup2(fileno $listener, 0);
        return warned { endp_connect('x', timeout => 0.1), memfd('x' x 300, '') };
    })->result;
    is $said, '', 'a server whose STDIN is its listener: nothing is said of what has no handle';
}
for my $type (SOCK_STREAM, SOCK_DGRAM) {
    socket my $alone, AF_UNIX, $type, PF_UNSPEC or die "socket: $!";
    $alone->blocking(0);
    is warned { recv_fh($alone) }, '', 'a socket that is connected to nothing is no listener';
}

# ---- bytes that were read ahead

($conn, $other) = spipe();
syswrite $other, "line\nrest";
is scalar <$conn>, "line\n", 'a line is read from a connection, and more with it';
$conn->blocking(0);
warns($_->[1], "$_->[0]: 4 bytes that came over the connection are in its read buffer,"
        . ' which is left alone; read from it by sysread only', "$_->[0] does not see them")
    for [ recv_fh => 'recv_fh($conn)' ], [ recv_fhs => 'recv_fhs($conn, 4)' ],
    [ read_fd => 'read_fd($conn, 10, 0)' ];
is warned { send_file($conn, \*STDIN) }, '', 'who sends over it loses nothing';
is identity(recv_fh($other)), identity(\*STDIN), '... and it arrives';
is warned { send_files($conn, \*STDIN); write_fd($conn, 'x'); send_err($conn, 5) }, '',
    '... by whichever call';
is warned { my_getfl(fileno $conn); get_fopen_mode($conn); peer_cred($conn) }, '',
    'nor does who asks something of it';

($us, $them) = spipe();
for (
    [ send_file  => 'send_file($them, $conn)' ],
    [ send_files => 'send_files($them, \*STDIN, $conn)' ],
    [ write_fd   => 'write_fd($them, "x", $conn)' ],
    [ my_send_fd => 'File::FDpasser::my_send_fd($them, $conn)' ],
    )
{
    my ($function, $call) = @$_;
    warns($call, "$function: 4 bytes that came over the socket that is sent stay in its"
        . ' read buffer; the receiver does not get them', "$function of such a socket");
}
read $conn, my $rest, 3;
like warned { send_file($them, $conn) }, qr/: 1 byte that .* stays .* get it /,
    'of one byte it is said in the singular';
read $conn, $rest, 1;
is warned { send_file($them, $conn); recv_fh($conn) }, '', 'all was read: no warning';

pipe my $reader, my $writer or die "pipe: $!";
syswrite $writer, "one\ntwo\n";
is scalar <$reader>, "one\n", 'what is read ahead from a pipe';
is warned { send_file($them, $reader) }, '', '... may be meant to stay';

# ---- two variables for one value

{
    my @accepted;
    my $path = "$dir/server";
    local $listener = endp_create($path) or die "endp_create: $!";
    my $client  = sub { push @accepted, elsewhere { endp_connect($path) } };
    my $message = "serv_accept_fh returns one value; the client's uid goes into its second argument";
    for my $call (
        'my ($s, $uid) = serv_accept_fh($listener)',
        'my ($s, $uid, $more) = serv_accept_fh($listener)',
        'my ($s, $uid); ($s, $uid) = serv_accept_fh($listener)',
        '($s, $uid) = serv_accept_fh($listener)',
        'if ((my ($s, $uid) = serv_accept_fh($listener)) == 2) { }',
        )
    {
        $client->() for 1 .. 4;
        warns($call, $message, $call);
    }
    $client->();
    like warned { my ($s, $uid) = serv_accept_fd($listener); POSIX::close($s) },
        qr/^serv_accept_fd returns one value/, 'serv_accept_fd';

    ($us, $peer) = spipe();
    for my $function (qw(recv_fh recv_fd)) {
        send_file($us, \*STDIN) for 1 .. 4;
        my $call = "my (\$fh, \$sender) = $function(\$peer);"
            . ' POSIX::close($fh) if defined $fh && !ref $fh';
        warns($call, "$function returns one value; who has sent goes into its second argument",
            $function);
    }

    for my $call (
        'my ($s) = serv_accept_fh($listener)',
        'my $s = serv_accept_fh($listener)',
        'my @s = serv_accept_fh($listener)',
        'my ($s, @more) = serv_accept_fh($listener)',
        'my ($s, %more) = serv_accept_fh($listener)',
        'my $s; ($s, my @more) = serv_accept_fh($listener)',
        'my ($s, $uid) = serv_accept_fh($listener, my $its)',
        'my ($s, $uid) = (serv_accept_fh($listener), $>)',
        'my ($uid, $s) = ($>, serv_accept_fh($listener))',
        'my ($s, $uid) = map { $_ } serv_accept_fh($listener)',
        'my ($s, $uid) = sub { @_ }->(serv_accept_fh($listener))',
        'my ($s, $uid); $s = serv_accept_fh($listener); ($s, $uid) = (1, 2)',
        'print {*STDERR} "" if serv_accept_fh($listener)',
        'my ($s, $uid) = sub { serv_accept_fh($listener) }->()',
        )
    {
        $client->();
        is warned { compiled('use warnings', $call)->() }, '', "no mistake: $call";
    }
    $client->();
    $client->();
    my ($one, $two) = (serv_accept_fh($listener), serv_accept_fh($listener));
    is warned { compiled('use warnings', <<'END')->() }, '', 'nor are two calls';
        File::FDpasser::send_file($us, \*STDIN) for 1, 2;
        my ($one, $two) = (recv_fh($peer), recv_fh($peer));
END
    undef $listener;
}

undef $_ for $conn, $other, $listener, $us, $peer, $s, $them, $reader, $writer;
no_leak();
done_testing;
