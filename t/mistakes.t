# Mistakes that no exception can be made of: each is answered by a warning, in the
# category File::FDpasser, where the caller has warnings on, with its line.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Meeting;
use Situation;

use File::FDpasser qw(:all);
use POSIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_DGRAM SOCK_STREAM);

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

sub compiled {
    my ($pragma, $call) = @_;
    return eval "no strict; no warnings; $pragma;\n#line 7 caller.pl\nsub { $call }" || die $@;
}

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
if (File::FDpasser::transport() eq 'socket') {
    for my $function (sort keys %receive) {
        warns($receive{$function}, "$function: this is a listening endpoint;"
            . ' serv_accept_fh takes its clients', "$function on a listener");
        is errno_name($!), 'EINVAL', '... is EINVAL';
    }
    my $lived = eval {
        use warnings FATAL => 'File::FDpasser';
        recv_fh($listener);
        1;
    };
    is $lived, undef, 'a warning that is fatal';
    like $@, qr/listening endpoint/, '... is an exception';
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
