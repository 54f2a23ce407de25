package File::FDpasser;

use 5.016;
use strict;
use warnings;
use warnings::register;

# Scripts use these without asking for them, as 0.09 let them.
use Fcntl;
use IO::Handle;
use IO::Pipe;
use Socket;

use Exporter ();
use XSLoader ();

our $VERSION = '1.00';

our @ISA    = ('Exporter');
our @EXPORT = qw(
    send_file recv_fd recv_fh serv_accept_fd serv_accept_fh cli_conn spipe
    endp_create endp_connect my_getfl get_fopen_mode
);
our @EXPORT_OK = qw(
    write_fd read_fd send_files recv_fhs recv_fds send_err ask_sender peer_cred
    transport
);
our %EXPORT_TAGS = (all => [@EXPORT, @EXPORT_OK]);

# The family whose way of passing descriptors is in use: 'bsd', sockets, or
# 'svr', streams; and by default, by $^O.
our %ostype = (
    (map { $_ => 'bsd' } qw(
        linux bsdos netbsd openbsd freebsd dragonfly darwin dec_osf irix hpux aix
    )),
    solaris => 'svr',
);
our $OS;

# Called with the text that a peer sends before a descriptor or an error; where
# it is not set, the text goes to STDERR.
our $on_text;

# The most bytes of such text that one call takes.
our $max_text = 16 * 1024 * 1024;

XSLoader::load(__PACKAGE__, $VERSION);

$OS = transport() eq 'socket' ? 'bsd' : 'svr';

# Called by the native layer; here because only Perl code sees whether its
# caller wants warnings.
sub _warn_of_surplus {
    my ($count) = @_;

    warnings::warnif(__PACKAGE__,
        "at least $count more descriptor" . ($count == 1 ? '' : 's')
        . ' than asked for came with the message and '
        . ($count == 1 ? 'was' : 'were') . ' closed');
    return;
}

1;

__END__

=encoding UTF-8

=head1 NAME

File::FDpasser - pass open file descriptors to other processes

=head1 SYNOPSIS

    use strict;
    use warnings;
    use File::FDpasser;
    use File::Temp;

    # Two related processes: a pair of endpoints, made before the fork.

    my ($ours, $theirs) = spipe();
    defined(my $opener = fork) or die "fork: $!\n";
    if ($opener == 0) {
        open my $file, '<', '/etc/passwd' or die "/etc/passwd: $!\n";
        send_file($theirs, $file) or die "send_file: $!\n";
        exit 0;
    }
    close $theirs;    # or we would wait for ever if the child dies

    my $fh = recv_fh($ours) or die "recv_fh: $!\n";
    print 'the first line: ', scalar readline $fh;
    waitpid $opener, 0;

    # Unrelated processes: an endpoint with a name in the file system.

    my $dir      = File::Temp->newdir;
    my $listener = endp_create("$dir/endpoint", mode => 0600)
        or die "endp_create: $!\n";

    defined(my $client = fork) or die "fork: $!\n";
    if ($client == 0) {    # could be any program that knows the path
        my $conn = endp_connect("$dir/endpoint")
            or die "endp_connect: $!\n";
        my $received = recv_fh($conn) or die "recv_fh: $!\n";
        print 'the client reads: ', scalar readline $received;
        exit 0;
    }

    my $conn = serv_accept_fh($listener, my $uid)
        or die "serv_accept_fh: $!\n";
    $uid == $> or die "uid $uid is not welcome\n";
    sysseek $fh, 0, 0;    # the receiver starts where the kernel's offset is
    send_file($conn, $fh) or die "send_file: $!\n";
    waitpid $client, 0;

=head1 DESCRIPTION

A file descriptor is a small number that stands for something a process has
open: a file, a pipe, a socket, a terminal. This module sends what is open,
not the number and not a path, to another process on the same machine. The
receiver gets a descriptor of its own, usually with another number, for the
same open file: with the access mode of the sender's C<open>, with the same
offset, and without needing any permission on the file or even a name by which
to open it.

Descriptors travel over a I<connection>. A pair of connected endpoints comes
from L</spipe>, for processes that are forked later. Unrelated processes meet
at a name in the file system: a server makes a listening endpoint with
L</endp_create> and takes clients with L</serv_accept_fh>, a client calls
L</endp_connect>. Over any of these connections, L</send_file> sends and
L</recv_fh> receives. L</recv_fd> and the functions beginning with C<my_> do
the same with descriptor numbers.

A connection is a full-duplex stream of bytes too: a program may speak a
protocol of its own on it, before, between and after the descriptors, because
receiving takes exactly one message and not a byte of what follows.

Version 1.00 keeps the interface, the exports and the wire format of version
0.09 and is implemented in Rust. L</DIFFERENCES FROM 0.09> lists what scripts
may notice.

=head1 CONVENTIONS

=head2 Connections and handles

Wherever a function takes a connection C<$conn>, a C<$listener> or a handle
C<$fh>, it may be

=over 4

=item *

a filehandle of any form: a glob (C<*FH>), a glob reference (C<\*FH>), a
lexical filehandle, an IO object (C<*FH{IO}>), an object of L<IO::Handle>,
L<IO::File>, L<IO::Socket> or a subclass;

=item *

any other object with a C<fileno> method;

=item *

a directory handle, standing for its descriptor;

=item *

a non-negative integer, or a string of decimal digits: a descriptor number.

=back

Names of handles (C<"STDIN">), other words, fractions, negative numbers and
plain references are refused, and so are closed handles and handles on memory,
which have no descriptor.

L</send_file> dies of an argument that it refuses. The other functions of 0.09
return their failure value and set C<$!> to C<EBADF>.

=head2 Return values and C<$!>

Failing system calls never die (but for L</spipe>): a function returns its
failure value, and C<$!> says why. The failure value is one element in list
context too, so that

    my ($fh) = recv_fh($conn);

gives C<undef>, as it does in scalar context. Compare with the errno names of
L<Errno>, never with texts:

    my $fh = recv_fh($conn);
    if (!$fh && $!{ENOTCONN}) { ... }    # the other end has closed

Success leaves C<$!> as it was. Nothing changes C<$_>, C<$1> or C<$@>, and
nothing depends on C<$,>, C<$\>, C<$/> or C<$">.

L</cli_conn>, L</my_getfl> and the L</FUNCTIONS CALLED BY FULL NAME> have
prototypes, and die with C<Usage: File::FDpasser::NAME(...)> when they are
called with a wrong number of arguments all the same.

=head2 Signals

Every call that waits is ended by a signal, with C<EINTR>, also where the
handler was installed with C<SA_RESTART>. Then nothing has happened and
nothing is lost: call again. Perl's handlers run at once, so that both idioms
work:

    $SIG{TERM} = sub { $stop = 1 };
    until ($stop) {
        my $conn = serv_accept_fh($listener) or next;
        ...
    }

    my $fh = eval {
        local $SIG{ALRM} = sub { die "timeout\n" };
        alarm 5;
        my $got = recv_fh($conn);
        alarm 0;
        $got;
    };

Handlers that are installed by C<POSIX::sigaction> without C<safe> run at any
moment, also in the middle of Perl's own work; see L<perlipc/Deferred Signals
(Safe Signals)>. A call that waits may be left by one, but everything that
perlipc says against them holds here too.

Sending to an endpoint whose other end is closed raises C<SIGPIPE>, as
C<print> would; where that is ignored or handled, the call fails with
C<EPIPE>.

=head2 Blocking

Endpoints are blocking when they are made. After C<< $conn->blocking(0) >> a
call that would have to wait fails with C<EAGAIN>, and nothing has happened
(but that text of the peer, see L</WIRE FORMAT>, may have been handed on). Try
again when C<select>, L<IO::Select> or an event loop finds the endpoint
readable or, to send, writable. A listening endpoint is readable when a client
waits.

=head2 Event loops

L<File::FDpasser::Queue> sends and receives in order from within an event loop,
without waiting, and with callbacks. Its manual has the few lines for each of
AnyEvent, IO::Async, Mojo::IOLoop, POE, C<select> and IO::Poll.

=head2 Buffers

A descriptor is what the kernel knows; bytes in a handle's buffers belong to
the process. So:

=over 4

=item *

L</send_file> first flushes what was printed to the handle and to the
connection and is still in the buffer, so that the receiver sees bytes in
order. A flush that fails (C<ENOSPC>, say) makes the call fail, and nothing is
sent. (Where a flush would have to wait on a non-blocking handle, C<EAGAIN>,
perl itself drops the output that was pending.)

=item *

Bytes that were already read into a buffer stay with the sender. The receiver
starts at the kernel's offset, which is then usually some thousand bytes ahead
of what the script has seen. Before sending a handle that was read with
C<E<lt>$fhE<gt>>, C<read> or C<getc>, put the offset where the receiver is to
begin:

    sysseek $fh, tell($fh), 0;    # go on where we are
    sysseek $fh, 0, 0;            # or from the start

=item *

Never use C<E<lt>$connE<gt>>, C<read> or C<eof> on a connection that
descriptors come over. They read ahead, and the kernel drops a descriptor
whose bytes are read that way. Read your own protocol with C<sysread>, and
never more of it than is known to come before the next message. C<print> is
fine; mind C<autoflush> in L<IO::Handle>.

=item *

Offset and status flags (C<O_APPEND>, C<O_NONBLOCK>) belong to the open file,
which both processes share from then on: when one reads, the other's position
moves, and C<< $fh->blocking(0) >> in one makes it non-blocking in both.

=back

=head2 Close-on-exec

Handles that this module makes follow C<$^F> (see L<perlvar/$^F>) as all of
Perl's do: a program started by C<exec> or C<system> does not inherit them
unless their number is C<$^F> or less. They have the flag from the moment they
exist, so that nothing slips into a child that another thread starts. To hand
one to a program on purpose, clear the flag:

    use Fcntl qw(F_SETFD);
    fcntl $conn, F_SETFD, 0 or die "fcntl: $!\n";
    exec 'helper', fileno $conn;

Descriptor I<numbers>, as L</recv_fd>, L</serv_accept_fd>, L</cli_conn>,
L</my_recv_fd> and L</my_serv_accept> return them, B<do> survive C<exec>, as
in 0.09, because programs hand them on like that. Numbers close only when
somebody closes them: call C<POSIX::close>, or make a handle with
C<< open my $fh, '<&=', $fd >>, which closes when dropped and follows C<$^F>.

=head2 Paths

A path is bytes, as for C<open>; of a string with characters above 255 its
UTF-8 encoding is used. Under taint mode (L<perlsec>) a tainted path dies as
in C<unlink> and C<connect>, before anything is touched. Numbers and handles
may be tainted.

Paths that are too long for C<sun_path> (108 bytes on Linux, 104 on BSD) work
on Linux, by way of F</proc/self/fd>; where they can't, they are
C<ENAMETOOLONG>, and nothing is touched. The last component, the name itself,
has its own limit in every file system, usually 255 bytes.

On Linux a path that begins with C<"\0"> is an abstract name: it exists in no
directory, vanishes with its last socket, and B<has no permissions> (see
L</SECURITY>). Any other path with a C<"\0"> in it, and the empty path, are
C<ENOENT>.

=head1 FUNCTIONS

These eleven are exported by default.

=head2 spipe

    my ($one, $other) = spipe();

Makes a pair of connected endpoints, full-duplex: what is sent into one comes
out of the other. Meant for a process that is about to fork: each process
keeps one and closes the other.

B<Arguments:> None.

B<Returns:> Two endpoints, L<IO::File> objects of reftype IO, blocking. In
scalar context the second.

B<Errors:> Dies with C<"socketpair: $!\n">: C<EMFILE>, C<ENFILE> (the
process's, the system's table is full), C<ENOBUFS> or C<ENOMEM>.

B<Rests on:> L<socketpair(2)>, L<unix(7)>

=head2 endp_create

    my $listener = endp_create($path);
    my $listener = endp_create($path, mode => 0600, exclusive => 1);

Makes a listening endpoint with a name in the file system, at which unrelated
processes can connect.

A free name is taken directly. A name is I<taken over> from a socket, be it
stale or that of a living server, from a symbolic link (the link itself, never
what it points to) and from an empty regular file. There is no moment at which
the name is missing: a client that connects meanwhile reaches the old server
or the new one. If anything fails, what was there stays. Anything else at that
name, a file with content or a directory, say, is left alone: C<EADDRINUSE>.

In a directory that others can write to (F</tmp>), a node that belongs neither
to us nor to the directory's owner is left alone as well, also when root
calls.

B<Arguments:> C<$path>, a string of bytes, see L</Paths>. Then options, as
names and values:

=over 4

=item mode => $permissions

The permissions of the node, an integer as for L<perlfunc/mkdir>, masked by
the umask just as there. At no moment are they wider. To connect takes write
permission. Without this option they are C<0777> less the umask. On systems
other than Linux the umask is changed for the moment of the call, for all
threads of the process.

=item backlog => $n

How many clients may wait to be accepted, an integer. Without it C<SOMAXCONN>.
The system may set a lower limit (Linux: F</proc/sys/net/core/somaxconn>).

=item exclusive => 1

Don't take over from a living server: fail with C<EADDRINUSE>. Of several
processes that start at the same moment over a stale node exactly one wins.
For that moment the directory is locked with L<flock(2)>, so it has to be
readable (C<EACCES>); a lock that somebody else does not release within ten
seconds is C<EADDRINUSE> too.

=item sender => 1

Ask the kernel to note who sends, on every connection that this endpoint
accepts; see L</WHO HAS SENT IT>.

=back

B<Returns:> The listening endpoint, an L<IO::File> object of reftype IO,
blocking, autoflushed; or C<undef>.

B<Errors:>

=over 4

=item *

C<EADDRINUSE>: something at that name may not be replaced, or C<exclusive> and
a server is alive there, or an abstract name is taken.

=item *

C<EINVAL>: an option that there is not, or a value that makes no sense;
C<mode> together with an abstract name, which has none.

=item *

C<ENOENT>, C<ENOTDIR>, C<EACCES>, C<ELOOP>, C<EROFS>, C<ENOSPC>, C<EPERM>: the
directory is missing, is not one, may not be searched or written, and so on,
as L<open(2)> with C<O_CREAT> would fail; C<ENOENT> also for an empty path and
a NUL inside one.

=item *

C<ENAMETOOLONG>: see L</Paths>.

=item *

C<EOPNOTSUPP>: with sockets, C<exclusive> on a system that has no lock for a
directory (Solaris), and C<sender> where senders are not noted (all but Linux).

=item *

C<EINTR>: a signal came while C<exclusive> waited for another starter; nothing
happened.

=item *

C<EMFILE>, C<ENFILE>, C<ENOBUFS>, C<ENOMEM>: no descriptor or no memory.

=back

B<Rests on:> L<socket(2)>, L<bind(2)>, L<listen(2)>, L<unix(7)>, L<rename(2)>
(C<RENAME_EXCHANGE>), L<flock(2)>, L<umask(2)>

Good to know about a takeover:

=over 4

=item *

It binds to a temporary name beside the path, F<.fdp-PID-N>, and then both
change places. A process that is killed with SIGKILL just then can leave such a
name behind. Mostly it is a socket, of the new server or of the old one, and
can be removed; look first, because something that somebody moved to the path
at that very moment can be there, too.

=item *

On file systems that cannot exchange two names (NFS), and on systems other than
Linux and macOS, the name is never missing either, but what somebody puts there
between the last look and the rename, some microseconds, is replaced.

=item *

C<getsockname> on the listener shows that temporary name for good: the kernel
remembers the name at which a socket was bound.

=item *

Clients that were waiting in the old server's queue, not accepted yet, are
lost with it: their connection ends when the old listener is closed. Where
that matters, let the old server send its listener to the new one with
L</send_file>: a listening endpoint is a descriptor like any other.

=item *

The name stays when the server ends: C<unlink> it, or let the next server take
it over.

=back

=head2 endp_connect

    my $conn = endp_connect($path);
    my $conn = endp_connect($path, timeout => 2.5);

Connects to the endpoint that a server made with L</endp_create> at C<$path>.
A connection is established as soon as the server's queue has room; whether
and when the server accepts is seen only in its answers.

B<Arguments:> C<$path>, a string of bytes, see L</Paths>. Then options:

=over 4

=item timeout => $seconds

How long to wait for room in the server's queue; fractions are possible.
Without it: as long as it takes.

=item sender => 1, as for endp_create

Ask the kernel to note who sends on this connection, see L</WHO HAS SENT IT>.

=back

B<Returns:> A connected endpoint, an L<IO::File> object of reftype IO,
blocking; or C<undef>.

B<Errors:>

=over 4

=item *

C<ECONNREFUSED>: nobody listens there: the socket's server is gone, or it is
no socket.

=item *

C<ENOENT>, C<ENOTDIR>, C<ELOOP>: there is no such path.

=item *

C<EACCES>: no write permission on the node, or no search permission on the way
to it.

=item *

C<ETIMEDOUT>: C<timeout> has passed.

=item *

C<EINTR>: a signal came first.

=item *

C<EPROTOTYPE>: a socket of another type (datagram, say) is there.

=item *

C<EINVAL>: an option that there is not, or a value that makes no sense.

=item *

C<ENAMETOOLONG>, C<EMFILE>, C<ENFILE>, C<ENOBUFS>, C<ENOMEM>: as for
L</endp_create>.

=back

B<Rests on:> L<socket(2)>, L<connect(2)>, L<unix(7)>; the timeout on
C<SO_SNDTIMEO>, L<socket(7)>

=head2 serv_accept_fh

    my $conn = serv_accept_fh($listener);
    my $conn = serv_accept_fh($listener, my $uid);

Takes the next client that waits at a listening endpoint, and waits for one if
there is none. Use C<select> on the listener to wait for several things at
once.

B<Arguments:> C<$listener>, see L</Connections and handles>. C<$uid>,
optional, is a variable that receives the effective user id of the client, an
integer, as it was when the client connected, from the kernel. It stays
untouched on failure, and becomes C<undef> on a system that can't tell.

B<Returns:> A connected endpoint, an L<IO::File> object of reftype IO,
blocking; or C<undef>.

B<Errors:>

=over 4

=item *

C<EMFILE>, C<ENFILE>: the table of descriptors is full; the client keeps
waiting and is accepted by the same call after something was closed.

=item *

C<EAGAIN>: the listener is non-blocking and nobody waits.

=item *

C<EINTR>: a signal came while the call was waiting.

=item *

C<EBADF>, C<ENOTSOCK>, C<EINVAL>: C<$listener> is not open, not a socket, not
listening.

=item *

C<ECONNABORTED>, C<ENOBUFS>, C<ENOMEM>: the client has given up; no memory.

=back

One limit, with a listener that this module did not make and that several
processes accept from: when another process takes the client at the very last
moment, the call waits in L<accept(2)>, where a signal with C<SA_RESTART> does
not end it. Perl's own handlers, in C<%SIG>, are without C<SA_RESTART>.

B<Rests on:> L<accept(2)> (C<accept4> where there is one); C<$uid> on
C<SO_PEERCRED>, L<unix(7)>

=head2 serv_accept_fd

    my $fd = serv_accept_fd($listener, my $uid);

The same as L</serv_accept_fh>, with the same arguments and errors, but
returns a descriptor number, or C<undef>. The number may be 0: test with
C<defined>. It survives C<exec>, see L</Close-on-exec>.

=head2 cli_conn

    my $fd = cli_conn($path);

The same as L</endp_connect> without options, with the same errors, but
returns a descriptor number, or -1. It survives C<exec>. The prototype is
C<($)>.

=head2 send_file

    send_file($conn, $fh) or die "send_file: $!\n";

Sends the open file behind a handle. The sender's own handle stays open and
may be closed at once: the descriptor is on its way. Output that is still in a
buffer of C<$fh> or C<$conn> is flushed first, see L</Buffers>.

B<Arguments:> C<$conn>, a connected endpoint, and C<$fh>, what to send; see
L</Connections and handles>.

B<Returns:> 1, or C<undef>.

B<Errors:> Dies with C<"Invalid args to send_file: $_[0], $_[1]\n"> if one of
the two is no connection or handle, or is closed or in memory.

=over 4

=item *

C<EPIPE>: the other end is closed; C<SIGPIPE> is raised first.

=item *

C<EAGAIN>: C<$conn> is non-blocking and its buffer is full; nothing was sent.

=item *

C<EINTR>: a signal came while the call was waiting; nothing was sent.

=item *

C<ETOOMANYREFS>: this user has too many descriptors on their way that nobody
has received yet (Linux: more than C<RLIMIT_NOFILE>, unless privileged).

=item *

C<EBADF>: a descriptor number that is not open.

=item *

C<ENOTSOCK>, C<ENOTCONN>: C<$conn> is no socket, or one that is not connected.

=item *

C<ENOSPC>, C<EIO>, C<EFBIG>, ...: what was printed could not be flushed;
nothing was sent.

=item *

C<ENOBUFS>, C<ENOMEM>, C<EINVAL>: no memory; a descriptor that the system does
not let travel.

=back

B<Rests on:> L<sendmsg(2)>, C<SCM_RIGHTS> in L<unix(7)>, L<cmsg(3)>

=head2 recv_fh

    my $fh = recv_fh($conn) or die "recv_fh: $!\n";
    my $fh = recv_fh($conn, my $sender);

Receives one message: a descriptor, as a handle, or an error status. Waits
until it is there.

B<Arguments:> C<$conn>, a connected endpoint. C<$sender>, optional, is a
variable that receives who has sent the descriptor, see L</WHO HAS SENT IT>.

B<Returns:> An L<IO::Handle>, opened in the descriptor's own mode, with Perl's
default layers as C<< open my $fh, '+<&=', $fd >> would make it and never
C<:utf8>: use C<binmode> for layers. Sockets and terminals have separate
buffers for reading and writing; a handle opened for appending is at the end.
It closes when the last reference to it is dropped, and is close-on-exec. Or
C<undef>.

B<Errors:>

=over 4

=item *

C<ENOTCONN>: the end of the connection: the other end is closed, in whatever
way, and all that it sent was received.

=item *

I<any errno from 1 to 255>: the peer sent an error status instead of a
descriptor, see L</my_send_fd>.

=item *

C<EPROTO>: what came is no message: there was no descriptor with status 0, or
the end came within a message, or more than C<$File::FDpasser::max_text> bytes
of text. The descriptors that came with it are closed.

=item *

C<EMFILE>, C<ENFILE>: the table of descriptors is full; the message stays
queued and the same call receives it after something was closed.

=item *

C<EACCES>: there was room, but the system refuses the descriptor to this
process (SELinux, for one). For another reason see L</GUARANTEES>.

=item *

C<EAGAIN>: there is no message yet, and C<$conn> is non-blocking or has a
C<SO_RCVTIMEO> that is over. Nothing is lost.

=item *

C<EINTR>: a signal came before a message did. Nothing is lost.

=item *

C<EMSGSIZE>: on a SOCK_SEQPACKET or SOCK_DGRAM socket: a packet that is longer
than a message; it is gone, its descriptors are closed.

=item *

C<EBADF>, C<ENOTSOCK>, C<EINVAL>, C<ENOMEM>: C<$conn> is not open, is no
socket, was never connected; no memory.

=back

These can also be a status from the peer. On a connection to a program that
may send any errno, the number alone does not tell who had the trouble.

B<Warnings:> If more than one descriptor came in the message, the surplus is
closed, with a warning in the category C<File::FDpasser>.

B<Rests on:> L<recvmsg(2)>, C<SCM_RIGHTS> in L<unix(7)>, L<cmsg(3)>,
C<F_GETFL> in L<fcntl(2)>

=head2 recv_fd

    my $fd = recv_fd($conn);
    defined $fd or die "recv_fd: $!\n";

The same as L</recv_fh>, with the same arguments and errors, but returns a
descriptor number, or C<undef>. The number may be 0: test with C<defined>. It
survives C<exec>, and nobody closes it for you, see L</Close-on-exec>.

=head2 my_getfl

    my $flags = my_getfl($fd);

B<Arguments:> C<$fd>, a descriptor number or a handle. The prototype is
C<($)>.

B<Returns:> The access mode and status flags of the open file, an integer to
be compared with the C<O_...> constants of L<Fcntl> (which
C<fcntl($fh, F_GETFL, 0)> gives too); -1 on failure.

B<Errors:> C<EBADF>: it is not open.

B<Rests on:> C<F_GETFL> in L<fcntl(2)>

=head2 get_fopen_mode

    my $mode = get_fopen_mode($fd);

B<Arguments:> C<$fd>, a descriptor number or a handle.

B<Returns:> How it is open, in the words of L<fopen(3)>:

    r     for reading
    w     for writing
    a     for writing, always at the end
    w+    for reading and writing
    a+    for reading and writing, always at the end

They fit C<fdopen> in L<IO::Handle>. Note that C<w+> says nothing about
truncation. C<undef> on failure.

B<Errors:> C<EBADF>: it is not open. C<EINVAL>: it is open with Linux's access
mode 3, which has no name here.

B<Rests on:> C<F_GETFL> in L<fcntl(2)>

=head1 FUNCTIONS CALLED BY FULL NAME

The layer below, with the names and the habits of Stevens' books: descriptor
numbers, and -1 on failure. They are not exported; call
C<File::FDpasser::my_send_fd(...)>. The connection may be a handle here as
well.

=head2 my_send_fd

    File::FDpasser::my_send_fd($conn, $fd);
    File::FDpasser::my_send_fd($conn, -$errno);

Sends a descriptor, or, if the number is negative, an error status: the other
end's L</recv_fh> or L</recv_fd> then fails with that C<$!>.

    if (open my $fh, '<', $path) { send_file($conn, $fh) }
    else                         { File::FDpasser::my_send_fd($conn, -($! + 0)) }

(C<$! + 0>, because Perl's minus would negate the text.)

B<Arguments:> C<$conn>, a connected endpoint, and an integer: a descriptor
number, or the negative of an errno from 1 to 255. Of other negative numbers
the low eight bits of C<-$n> are sent, or 1 if they are 0. The prototype is
C<($$)>.

B<Returns:> 0, or -1.

B<Errors:> As L</send_file>, but it never dies of its arguments: C<EBADF>.

B<Rests on:> L<sendmsg(2)>, L<unix(7)>, L<cmsg(3)>

=head2 my_recv_fd

    my $fd = File::FDpasser::my_recv_fd($conn);

Receives one message as L</recv_fd> does. The prototype is C<($)>.

B<Arguments:> C<$conn>, a connected endpoint.

B<Returns:> A descriptor number, which survives C<exec>; the negative of the
status that the peer has sent, with C<$!> set to it; or -1.

B<Errors:> As L</recv_fh>. A status of 1 and a failure are both -1.

B<Rests on:> L<recvmsg(2)>, L<unix(7)>, L<cmsg(3)>

=head2 my_serv_accept

    my $fd = File::FDpasser::my_serv_accept($listener, my $uid);

L</serv_accept_fd> under its older name: a descriptor number, with C<$uid>
set; -1 on failure. The prototype is C<($$)>.

=head2 bind_to_fs

    File::FDpasser::bind_to_fs($fd, $path);

Attaches one end of a STREAMS pipe to a path: 1, or 0 on failure. From then on
the other end accepts connections, and C<$fd> can be closed. What is at the path
is taken over or left alone as by L</endp_create>, which does both steps. C<ENXIO>
for an end that has a name or whose other end is closed, C<EINVAL> for what is no
stream end of this process' own. With sockets always 0, C<ENOSYS>. The prototype
is C<($$)>.

=head2 my_isastream

    File::FDpasser::my_isastream($fd);

1 for a STREAMS descriptor, 0 for anything else (a socket: 0), -1 and C<EBADF>
for what is not open. The prototype is C<($)>.

=head1 FUNCTIONS BEYOND THE ORIGINAL

Exported by name, or all together, with the eleven, by the tag C<:all>:

    use File::FDpasser qw(:all);

They die with C<Invalid args to FUNCTION: ...>, with the caller's file and
line, of an argument that is none; a system call that fails makes them return
C<undef>, those that return lists the empty list, with C<$!> set.

=head2 write_fd

    my $n = write_fd($conn, $bytes, @fh);

Writes bytes, and with them descriptors, in one message: for protocols of your
own, and for programs in other languages.

B<Arguments:> C<$conn>, a connected endpoint; C<$bytes>, 1 or more bytes (a
character above 255 dies as in C<syswrite>); C<@fh>, 0 to 253 handles.

B<Returns:> The number of bytes written, an integer, on a non-blocking
endpoint perhaps less than all, as from C<syswrite>. The descriptors go with
the first byte: do not send them again with the rest. C<undef> on failure.

A peer that goes away, or a signal, after the first bytes makes that a short
count as well; the next call fails with C<EPIPE>, or waits.

B<Errors:> As L</send_file>. C<EINVAL>: more than 253 descriptors.
C<EMSGSIZE>: a packet too long for a SOCK_SEQPACKET or SOCK_DGRAM socket.

B<Rests on:> L<sendmsg(2)>, L<unix(7)>, L<cmsg(3)>

=head2 read_fd

    my ($bytes, @fh) = read_fd($conn, $max_bytes, $max_fds);

Reads bytes, and the descriptors that come with them. Understands whatever
sends with C<SCM_RIGHTS>.

B<Arguments:> C<$conn>, a connected endpoint; C<$max_bytes>, how many bytes at
most, 1 or more (memory is taken for what is queued, not for so many);
C<$max_fds>, how many descriptors at most, 253 if not given; optionally a
variable for L</WHO HAS SENT IT>.

B<Returns:> A list: the bytes, one or more, then the handles, as L</recv_fh>
makes them. On Linux a read ends behind the bytes that descriptors came with.
At the end of the connection a list of one empty string. The empty list on
failure. In scalar context the last handle, or the bytes if none came. Under
taint mode the bytes are tainted, as those of C<sysread>.

B<Errors:> C<EMFILE> and C<ENFILE>, C<EACCES>, C<EAGAIN>, C<EINTR>,
C<ECONNRESET>, C<EBADF>, C<ENOTSOCK>, C<ENOMEM> as L</recv_fh>. C<EMSGSIZE>:
the next packet on a SOCK_SEQPACKET or SOCK_DGRAM socket is longer than
C<$max_bytes>; it stays queued.

B<Warnings:> Descriptors beyond C<$max_fds> are closed, with a warning in the
category C<File::FDpasser>.

B<Rests on:> L<recvmsg(2)>, L<unix(7)>, L<cmsg(3)>

=head2 send_files

    my $n = send_files($conn, @fh);

Sends any number of descriptors, in batches of up to 64 a message. All
arguments are checked before the first goes, also that numbers are open.

B<Arguments:> C<$conn>, a connected endpoint; C<@fh>, the handles.

B<Returns:> How many went, an integer: on failure perhaps less than all, then
C<$!> says why. C<undef> if none went. With an empty C<@fh> 0, and nothing is
sent.

B<Errors:> As L</send_file>.

B<Rests on:> L<sendmsg(2)>, L<unix(7)>, L<cmsg(3)>

=head2 recv_fhs

    my @fh = recv_fhs($conn);
    my @fh = recv_fhs($conn, $max);

Receives all descriptors of the next message, as handles.

B<Arguments:> C<$conn>, a connected endpoint; C<$max>, how many descriptors at
most, an integer, 253 if not given; optionally a variable for
L</WHO HAS SENT IT>.

B<Returns:> A list of handles, as L</recv_fh> makes them; the empty list on
failure. In scalar context the last one; the others are closed.

B<Errors:> As L</recv_fh>; C<EMFILE> if the table has no room for all of them,
and they stay queued. C<EMSGSIZE>: the batch is larger than C<$max>; it stays
queued.

B<Rests on:> L<recvmsg(2)>, L<unix(7)>, L<cmsg(3)>

=head2 recv_fds

    my @fd = recv_fds($conn, $max);

The same as L</recv_fhs>, with the same arguments and errors, but returns
descriptor numbers. Unlike L</recv_fd>'s these are close-on-exec.

=head2 send_err

    send_err($conn, $errno, $text);

The error reply: the other end's L</recv_fh> fails with C<$!> set to
C<$errno>, and the text is shown there, see L</WIRE FORMAT>.

B<Arguments:> C<$conn>, a connected endpoint; C<$errno>, an integer from 1 to
255; C<$text>, optional, bytes without a NUL. Dies of anything else.

B<Returns:> 1, or C<undef>.

On SOCK_SEQPACKET and SOCK_DGRAM sockets, whose messages have no room for
text, only the status goes. A text longer than the send buffer is waited for
on a non-blocking endpoint as well, once its first part has gone. A signal then
gives up the rest of the text, but not the status: for that there is a second.
If it cannot go, C<EINTR>, and what was sent has no end: close the connection.

B<Errors:> As L</send_file>.

B<Rests on:> L<sendmsg(2)>

=head2 ask_sender

    ask_sender($conn) or die "ask_sender: $!\n";

Asks the kernel to note who sends on this connection from now on, see
L</WHO HAS SENT IT>. The same as C<< sender => 1 >> in L</endp_create> and
L</endp_connect>, for endpoints from elsewhere.

B<Arguments:> C<$conn>, a connected or listening endpoint.

B<Returns:> 1, or C<undef>.

B<Errors:> C<EBADF>, C<ENOTSOCK>: it is not open, no socket. C<EOPNOTSUPP>:
this system can't.

B<Rests on:> C<SO_PASSCRED> in L<unix(7)>

=head2 peer_cred

    my ($pid, $uid, $gid) = peer_cred($conn);

Who is at the other end: for a client, the process that called C<endp_create>;
for a server, the one that called C<endp_connect>; for a pair, the one that
called C<spipe>. Whoever has inherited or received the endpoint since then
does not show.

B<Arguments:> C<$conn>, a connected endpoint.

B<Returns:> Process id, effective user id and effective group id, integers, as
they were then; C<undef> for what the system can't tell. The empty list on
failure.

B<Errors:> C<EBADF>, C<ENOTSOCK>, C<ENOTCONN>: it is not open, no socket, not
connected. A listening endpoint has no peer: C<ENOTCONN>.

B<Rests on:> C<SO_PEERCRED> in L<unix(7)>; L<getpeereid(3)>, C<LOCAL_PEERCRED>,
C<LOCAL_PEEREID> and L<getpeerucred(3C)> elsewhere

=head2 transport

    print File::FDpasser::transport(), "\n";

The name of the mechanism in use, a string: C<socket>, C<streams> or
C<streams (emulated)>. See L</TRANSPORTS>.

=head1 VARIABLES

=over 4

=item $File::FDpasser::on_text

A code reference. It is called with each piece of text that a peer sends
before a descriptor or a status, as it arrives, with one argument: a string of
bytes. Pieces are of no particular size. Without it text goes to STDERR.

An exception in it ends the call, and what was received by then is closed.
C<last>, C<next> and C<goto> cannot leave it and are exceptions as well.

    $File::FDpasser::on_text = sub { $log .= $_[0] };

=item $File::FDpasser::max_text

How many bytes of text one call accepts, an integer, 16 MiB (16_777_216) at
first. More is C<EPROTO>.

=item $File::FDpasser::OS, %File::FDpasser::ostype

From 0.09. C<'bsd'> stands for sockets, C<'svr'> for STREAMS: C<$OS> is which
of them is in use, C<%ostype> what each system had under 0.09.

=back

=head1 WHO HAS SENT IT

The optional C<$sender> of the receiving functions becomes a reference to a
hash:

    my $fh = recv_fh($conn, my $sender) or die "recv_fh: $!\n";
    printf "%s says: process %d, uid %d, gid %d\n",
        @$sender{qw(from pid uid gid)};

=over 4

=item from => 'message'

The kernel noted who sent I<this> message. That has to be asked for before the
message is sent: with C<< sender => 1 >> in L</endp_create>, whose connections
inherit it, or in L</endp_connect>. On Linux uid and gid are the sender's real
ones.

For an endpoint that was made without it there is L</ask_sender>.

=item from => 'connection'

Nobody asked: the process that made the connection, with its effective uid and
gid at that time. That may be another one than who sends now, after a fork, or
if the endpoint itself was passed on.

A program that relies on who sent checks C<from>, too: a message that was sent
before it asked, or that came over a connection which it forgot to ask, says
C<connection>.

=back

What a system can't tell is C<undef>. It stays untouched on failure.

It is off unless asked for because the flag belongs to the socket:
B<other programs that read descriptors from a noting socket> (Python, Ruby,
L<IO::FDPass>) B<lose them>. Ask only where this module receives.

Numbers to be careful with: root can send any ids; a process id may have been
used again since; uid 65534 may mean that the sender's user is not mapped in
our user namespace.

=head1 WIRE FORMAT

The format is that of 0.09 and of Stevens' books, so that old peers, and
programs in other languages, keep working. A message is two bytes, a zero byte
and a status:

    [text ...] 0 status

=over 4

=item status 0

A descriptor comes with the message: C<SCM_RIGHTS> ancillary data of the same
L<sendmsg(2)>. There may be several (a batch), up to 253, the kernel's limit;
L</recv_fh> takes the first.

L</send_files> sends 64 at most in one message, so that receivers with small
tables can take them.

=item status 1 to 255

No descriptor: an errno. Errnos are numbers of one system and have other
meanings on another, but so have descriptors.

=item text

Bytes before the zero byte that are not zero are text for a person. It is
handed on as it arrives, to C<$File::FDpasser::on_text> if that is set, else
to STDERR if that is open: on a terminal with control characters other than
newline and tab escaped, elsewhere as it is. Then the call goes on to the
descriptor, the status or the end. Under taint mode the text is tainted.

=back

Receiving takes exactly one message. Two more forms are understood:

=over 4

=item *

a single byte, of any value, with a descriptor: what L<IO::FDPass> and Ruby's
C<send_io> send;

=item *

on SOCK_SEQPACKET and SOCK_DGRAM sockets, a packet of two bytes, or of one
byte with a descriptor. An empty packet is the end of a SOCK_SEQPACKET
connection and C<EPROTO> on SOCK_DGRAM.

=back

To speak to this module from another language: send the two zero bytes with
one descriptor in a single C<sendmsg>; to receive, ask C<recvmsg> for two
bytes, with room for one descriptor, and look at the second byte. In Python:

    socket.send_fds(conn, [b"\0\0"], [fd])
    message, fds, flags, address = socket.recv_fds(conn, 2, 1)

=head1 OTHER PROGRAMS AND LANGUAGES

Who works with whom, and with which call. Each line is tested, in both
directions, by F<t/interop_c.t>, F<t/interop_python.t>, F<t/interop_ruby.t> and
F<t/interop_perl.t>, with 0, 1, 2 and 253 descriptors and 1 to 200,000 bytes
where the other side can do that.

    the other program               it sends, we call  we call, it receives
    ------------------------------  -----------------  ---------------------
    File::FDpasser 0.09; C with     recv_fh, recv_fd,  send_file, send_err,
      Stevens' send_fd, send_err,   recv_fhs,          my_send_fd
      recv_fd (two bytes)           recv_fds
    C with sendmsg, recvmsg         read_fd            write_fd
    C, one byte with descriptors    recv_fh, recv_fd,  write_fd($conn, $byte,
                                    recv_fhs,            @fh)
                                    recv_fds, read_fd
    Python  socket.send_fds,        read_fd            write_fd
              socket.recv_fds
    Python  multiprocessing         recv_fh, recv_fd,  write_fd($conn, "\1",
              .reduction            recv_fhs,            $fh)
              .send_handle,         recv_fds, read_fd
              .recv_handle
            .sendfds, .recvfds      recv_fhs,          write_fd($conn,
              (several)             recv_fds, read_fd    chr(@fh % 256), @fh)
    Ruby    UNIXSocket#send_io,     recv_fh, recv_fd,  write_fd($conn, "\0",
              #recv_io              recv_fhs,            $fh)
                                    recv_fds, read_fd
    Ruby    BasicSocket#sendmsg,    read_fd            write_fd
              #recvmsg
    Perl    IO::FDPass              recv_fh, recv_fd,  write_fd($conn, "\0",
                                    recv_fhs,            $fh)
                                    recv_fds, read_fd
    Perl    Socket::MsgHdr          read_fd            write_fd

=over 4

=item *

C<send_file> and C<send_files> send two bytes a message. A program that reads
one byte a descriptor (C<IO::FDPass>, C<recv_io>, C<recv_handle>) gets the
descriptor with the first, and finds the second in its way: use L</write_fd>
with the one byte that it wants.

=item *

Python's C<multiprocessing> insists on the number of descriptors, modulo 256,
as that byte; the others take any.

=item *

Stevens' C<recv_fd> reads as much as is there, and fails if that is more than
one message, error statuses above all, after which nothing stops it: send it
the next message when it has answered the last.

=item *

Where bytes have a meaning of their own read them with L</read_fd>: to
L</recv_fh> and its relatives bytes that are not zero are text for a person,
except a single one with a descriptor.

=item *

Programs in other languages lose descriptors if they receive on a socket that
notes senders (L</WHO HAS SENT IT>). The two ends of a connection are two
sockets: ask only at the end where this module receives.

=back

=head1 GUARANTEES

=over 4

=item Nothing is lost when there is no room

When the table of descriptors is full, on receive or accept, the call fails
with C<EMFILE>, the message or the client stays queued, and the same call
succeeds after room was made. That holds for one descriptor and for a batch,
beside threads that open files, and where several processes read one endpoint.
An error reply brings no descriptor and is received without room.

Two things the kernel cannot promise to several processes that read one
endpoint, when the table of one is full. If error replies come between the
descriptors, another reader may take a reply just as this one does; if batches
of several sizes come, another may take the one that this reader has room for.
A descriptor that comes in its place is closed, and the call fails with
C<EACCES>. Keep as many numbers free in each such reader as a message brings.

=item Nothing leaks

Descriptors beyond those asked for, those that come with an error status, and
those of a message that is rejected are closed. A Perl exception anywhere
within a call (a handler that dies, a tied C<$uid>, an C<on_text> that dies,
an overloaded C<fileno>) closes what was received by then; the message itself
may be gone. The same holds for C<exit> in such code.

=item Nothing is half done

C<EAGAIN> and C<EINTR> mean that nothing happened, text that was handed on
aside. Half a message (a lone zero byte) stays queued, and waiting for its
other half takes no processor time. One exception: a text and a descriptor
that were sent in one go arrive with the descriptor on the text's first byte.
If a signal or C<EAGAIN> ends the call before the end of such a message has
come, its descriptor is closed, and the next call gives C<EPROTO>.

=item Not a byte too many

Receiving consumes one message. Several processes may read from one endpoint:
each ordinary message goes whole to one of them. Text is not shared fairly: it
comes in pieces, which several readers tear apart, and a status or a descriptor
behind it may be lost in that. Where texts come, let one process read.

=item Nothing is printed, and the process lives

That is so whatever a peer sends. Two exceptions: the peer's text, see
L</WIRE FORMAT>, and warnings in the category C<File::FDpasser>, where the
caller has warnings on.

=item Threads and fork

The module shares no state between interpreters and holds no lock. Load it
before or after either.

=back

=head2 How this is tested

Each file in F<t/> runs with C<make test>, those of F<xt/> before a release. Most
of F<t/> runs a second time over emulated streams; F<t/lib/OverStreams.pm> says
what does not.

    full table, on receive                t/full_table_receive.t t/full_table_inherited.t
    ... for batches of up to 253          t/batch_full_table.t
    ... on accept                         t/full_table_accept.t
    ... beside threads                    t/thread_full_table.t t/fault_threads.t
    ... with several readers              t/fork_readers.t t/message_waiting.t
    ... and error replies                 t/fault_reply.t t/fault_text.t
    refused though there is room          t/fault_refused.t
    more descriptors than asked for       t/hostile_descriptors.t t/message_limits.t
    a batch beyond $max                   t/batch_limits.t
    confused and hostile peers            t/hostile_peer.t t/wire_messages.t
    half a message                        t/hostile_half.t
    text, endless or cut                  t/wire_text.t t/fault_text.t
    not a byte too many                   t/wire_framing.t t/message_partial.t
    packets                               t/wire_packets.t
    all that where senders are noted      t/wire_credentials.t t/noted_hostile_peer.t
                                          t/noted_hostile_descriptors.t
                                          t/noted_hostile_half.t
                                          t/noted_full_table_receive.t
                                          t/noted_batch_full_table.t
                                          t/noted_wire_framing.t t/noted_wire_text.t
    signals end every wait                t/signal_interrupts.t t/message_waiting.t
                                          t/batch_failures.t
    ... in milliseconds                   t/signal_prompt.t
    ... by alarm and die too              t/signal_die.t
    SIGPIPE and EPIPE                     t/signal_pipe.t
    non-blocking, both directions         t/nonblocking.t
    exceptions in callbacks and handlers  t/exception_callback.t t/hostile_callbacks.t
    ... where arguments are read          t/exception_argument.t t/hostile_arguments.t
    threads                               t/thread_pairs.t
    fork                                  t/fork_children.t
    what cannot be sent                   t/arguments.t t/flush_before_send.t
    too many on their way                 t/hostile_flight.t
    waiting that the system refuses       t/fault_wait.t
    $! and the other globals              t/errno_and_globals.t
    SIGKILL at each system call           xt/killed.t t/endpoint_race_killed.t
    failure of each system call           xt/fault_injection.t
    a million passes: memory, descriptors xt/soak.t
    memory errors                         xt/valgrind.t xt/sanitizers.sh
    random messages and control data      xt/fuzz.sh

=head1 DIFFERENCES FROM 0.09

Scripts written for 0.09 run unchanged. What they may notice:

=over 4

=item *

A malformed message is C<EPROTO>; 0.09 wrote to descriptor 2 and ended the
process. Bytes without a descriptor are no longer descriptor 0.

=item *

The failures of L</recv_fh> and L</recv_fd> have a C<$!>: C<ENOTCONN> at the
end of the connection, the peer's status where it sent one.

=item *

Bytes behind a message stay in the connection, text may be longer than a
buffer, and SO_PASSCRED does not matter. On a terminal, text is shown with
control characters escaped.

=item *

A full table of descriptors loses nothing.

=item *

L</endp_create> takes over sockets, symbolic links and empty files, and leaves
everything else alone; 0.09 deleted whatever was there. The name is never
missing meanwhile. It has options.

=item *

Long paths are not cut off.

=item *

L</serv_accept_fh> fills in C<$uid>. L</serv_accept_fd>, L</cli_conn> and
L</my_serv_accept> work on sockets, where they were stubs. A listener may be a
number.

=item *

Globs, lexical filehandles, directory handles and objects with C<fileno> are
accepted everywhere.

=item *

L</send_file> flushes first. What L</recv_fh> returns for a socket or a
terminal has separate buffers for reading and writing.

=item *

Handles are close-on-exec from the start. Numbers survive C<exec> as before.

=item *

A signal ends every wait, whatever C<SA_RESTART> says.

=item *

C<$!> is not changed by success.

=item *

C<bind_to_fs> sets C<ENOSYS> with sockets, and C<my_isastream> is -1 for what
is not open.

=item *

It is written in Rust: building takes cargo, running does not.

=item *

STREAMS, which 0.09 used on Solaris, can be had elsewhere too; see
L</TRANSPORTS>. C<endp_connect> opens them for both directions (0.09 only for
reading, so that a client could not send).

=back

=head1 SECURITY

=head2 Who can connect

Whoever has write permission on the node and search permission on the
directories above it. Some old systems ignore the node's permissions: there,
and as a second line everywhere, put the endpoint into a directory that only
the right people may enter. C<< mode => 0600 >> admits one's own user (and
root). The umask can only take away. An abstract name has no permissions:
every process in the same network namespace can connect.

So ask who has come. The kernel vouches for C<$uid>; these two lines are all
the check that most servers need:

    my $conn = serv_accept_fh($listener, my $uid) or next;
    defined $uid && $uid == $> or next;    # $conn closes as it is dropped

Don't leave out C<defined>: where a system can't tell, C<$uid> is C<undef>,
and C<undef == 0> is true. F<examples/lend.pl> is a whole server with that
check, F<examples/borrow.pl> its client.

Permissions keep others from connecting at all, and from filling the queue;
C<$uid> decides what a client may ask for. Use both. C<$uid> tells who
connected: a process can give the connection to somebody else afterwards, as
it could with everything that you send it. Where it matters who I<sends>, ask
for that: L</WHO HAS SENT IT>.

=head2 Who can pose as the server

Whoever can write to the endpoint's directory can put a socket of their own
there, and in F</tmp> whoever comes first. Choose a directory that only the
server's user can write to, such as F</run/NAME> or C<$XDG_RUNTIME_DIR>.
L</endp_create> replaces nobody else's node in a shared directory, root's
calls included, so a server finds out: C<EADDRINUSE>.

A client can ask who is listening before it sends anything:

    my (undef, $uid) = File::FDpasser::peer_cred($conn);
    defined $uid && $uid == $expected or die "not our server\n";

That is who the server was when it began to listen: one that started as root
and gave up its rights afterwards is root to its clients.

In a directory where others can write they can also be a nuisance: take the
name first, or lock the directory so that C<exclusive> gives up. In one that
they can only read they can do the latter.

=head2 What a descriptor gives away

Permissions were checked by C<open>, and are not checked again. The receiver
can do everything that the access mode allows, for as long as it likes: there
is no way to take a descriptor back.

=over 4

=item *

Open with the least mode: a handle for C<< +< >> can truncate the file. On
Linux a receiver can open the file again through F</proc/self/fd>, for writing
too, if the permissions of the file itself allow: the directories above do not
protect it then.

=item *

The offset, the status flags and C<flock> locks are shared: a receiver can
move the offset of a log file, make your handle non-blocking, and release your
lock.

=item *

A directory is a way to everything below it, and by C<..> to what is above,
out of a chroot as well. Send plain files, checked with C<-f> on the opened
handle.

=item *

A terminal can be written to, read from and, on some systems, fed with input.
A listening socket can accept your clients.

=item *

A server that opens files for others uses its own rights. Don't let clients
choose paths: refuse C</>, beware of symbolic links in directories that they
can write to, and decide by C<$uid>.

=back

=head2 What may be received

Anything, from a hostile sender: a fifo that never delivers, a device, a file
that changes or is truncated while you read, a directory, a file on a network
that hangs. Look before you read:

    my $fh = recv_fh($conn) or die "recv_fh: $!\n";
    -f $fh or die "not a plain file\n";
    get_fopen_mode($fh) =~ /^(?:r|w\+|a\+)\z/ or die "not for reading\n";

Received data is as trustworthy as its sender; Perl marks what is read as
tainted.

=head2 Descriptors in other programs

Handles do not reach programs that you start (see L</Close-on-exec>); a child
that is only forked has them all. The numbers of L</recv_fd> and its relatives
do reach every program: where that matters use L</recv_fh>. A connection that
a child inherits by accident also keeps the other end from seeing its end.

=head2 Floods and silence

=over 4

=item *

A client may connect and say nothing, or send half a message: L</recv_fh> on a
blocking connection then waits. Use C<select> and non-blocking connections, or
C<alarm>.

=item *

Clients may fill the table of descriptors. L</serv_accept_fh> gives C<EMFILE>,
and the listener stays readable: take it out of your C<select> until something
was closed, or the loop spins. Limit the clients of one C<$uid>.

=item *

Clients that fill the backlog keep others out (C<EAGAIN> or a wait in their
C<connect>): permissions help.

=item *

A peer that does not receive fills your send buffer: non-blocking, C<EAGAIN>,
drop it. Descriptors on their way count against your user: C<ETOOMANYREFS>.
Closing the connection frees them.

=item *

A peer may send text for up to C<$File::FDpasser::max_text> bytes a call.
Lower it, or set C<on_text>, where peers are not trusted.

=back

=head2 Text from the peer

Text goes to STDERR if you don't take it with C<on_text>. On a terminal it
can't do more than be read: control characters are escaped. In a file or a
pipe, and in C<on_text>, it is as it came.

=head2 Identity

C<$uid>, and process ids all the more, name who did something I<then>. Root
can claim any ids, nobody else can; a process id may be another process by
now; in a container, a process from outside has no id (C<undef>), and 65534
may be anybody whose user has no number there.

Processes that share one end of a connection can send pieces of one message
between them. C<$sender> is who sent the descriptor, whoever sent the rest,
and where senders are noted, a message with descriptors of two senders is
C<EPROTO>.

=head2 Taint mode

A tainted path dies before anything is touched; see L</Paths>.

=head1 TRANSPORTS

Descriptors travel in one of two ways. L</transport> says which.

=over 4

=item C<socket>

Unix-domain stream sockets with C<SCM_RIGHTS>: everywhere, and the default but on
Solaris and illumos. L</WIRE FORMAT> says how sockets of other types are treated.

=item C<streams>

STREAMS pipes, named streams with the module C<connld>, C<I_SENDFD> and
C<I_RECVFD>: the default on Solaris and illumos, as in 0.09. These system calls
have not been run yet, only compiled.

=item C<streams (emulated)>

The same behaviour on other systems (tested on Linux), for programs and tests
that are written with STREAMS in mind:

    FDPASSER_TRANSPORT=streams perl script.pl

Both sides have to use it.

=back

The variable C<FDPASSER_TRANSPORT>, C<streams> or C<socket>, is read once, when
the module is loaded. It is ignored in taint mode and where real and effective
user or group differ. It decides what C<spipe>, C<endp_create>, C<endp_connect> and
C<cli_conn> make. Whatever it says, a connection that is a socket is served as a
socket; with the emulation chosen, sockets of type C<SOCK_SEQPACKET> count as
streams.

=head2 What is different on streams

=over 4

=item *

C<endp_connect> and C<cli_conn> wait until the server has accepted, so that a
process cannot connect to itself. C<< timeout => $seconds >> limits the wait
(C<ETIMEDOUT>); if the server goes away meanwhile, it is C<ENXIO>. A client that
gives up, or that a signal takes away, leaves the server a connection that is at
its end. Permission to read and to write is needed.

=item *

On Solaris and illumos L</endp_create> attaches the stream to an empty file, with
the permissions C<mode>, else C<0666>, less the umask. What it takes over it detaches
first, and with C<mode> it makes the file anew: for a moment a client finds the file
alone (C<ECONNREFUSED>), or nothing, and so it stays if the call then fails.

=item *

Who has sent is always known: C<$sender> and C<$uid> are the effective ids at the
moment of sending and connecting. L</ask_sender> has nothing to do. (Solaris and
illumos do not say the sender's pid.)

=item *

A descriptor is a message of its own, behind the two bytes that announce it. Where
these have come and the descriptor has not, the call waits for it; on a
non-blocking connection too, for a second at most. One that nothing announced is
taken as well. Several processes that receive from the same end get each
descriptor once; at the end of the stream, the one that has taken two bytes whose
descriptor another has got fails with C<EPROTO> in place of C<ENOTCONN>.

=item *

L</send_files> sends one message for each, L</recv_fhs> takes one. L</write_fd>
sends the descriptors first and then the bytes, in messages of at most 4096, and
L</read_fd> returns the descriptors that come before a message with that message;
if a signal or the end comes in between, with an empty string. Bytes C<"\0\0"> with
descriptors are what L</send_files> sends.

=item *

A message is an error reply or text only as a whole: the zero byte is its last
byte but one, or there is none.

=back

=head2 What the emulation does not do

Use the module for both ends: accepting and connecting are more than the system
calls of sockets, a C<sysread> that meets a descriptor closes it in place of failing
with C<EBADMSG>, and one that asks for less than a whole message loses the rest.
C<open> does not open a named stream. The name is a socket's and C<stat> says so; no
file is covered by it, a server that ends leaves a name that refuses connections,
and removing the name does not detach it. A server that ends between accepting and
telling the client so may leave that with a connection at its end. There are no
modules but C<connld>, no bands, and no devices.

=head2 Stream pipes of SCO

Where F</dev/spx> is and C<pipe> makes no streams, L</spipe> opens it twice and joins
the two. To give such a pipe a name, as C<nspipe> in SCO's manual does by
C<mknod>, takes root, and all who open that share a single stream. Use
L</endp_create>: it takes no privilege, and each client gets a connection of its own.

=head1 PORTABILITY

Tested on Linux. Written for Perl 5.16 and later, with and without ithreads.
Abstract names and long paths are Linux's, the exchange of a takeover Linux's
and macOS'.
Windows has Unix-domain sockets but passes no descriptors over them.

To build it takes a C compiler, Perl's headers, make, and cargo with rustc
1.78 or later. It needs no Perl module that is not in the core.

What a system tells of the other end (C<$uid>, L</peer_cred>, C<$sender>):

    system             pid                 uid and gid   who sent a message
    Linux              yes                 yes           yes
    FreeBSD            since 13            yes           no
    macOS              while it is there   yes           no
    NetBSD, OpenBSD    yes                 yes           no
    DragonFly BSD      no                  yes           no
    illumos, Solaris   yes                 yes           no (sockets)
    others             no                  no            no

Linux is tested; the others are type-checked against their declarations and
have not been run.

=head1 DIAGNOSTICS

=over 4

=item Invalid args to send_file: %s, %s

(F) One of the two is no connection or handle, or is closed.

=item socketpair: %s

(F) L</spipe> could not make a pair.

=item Invalid args to %s: argument %d %s

(F) A function beyond the original was given something else than it takes.

=item Wide character in %s

(F) Bytes to send have a character above 255 among them.

=item Usage: File::FDpasser::%s(%s)

(F) A function was called with too few or too many arguments.

=item Insecure dependency in %s

(F) A tainted path, see L<perldiag>.

=item at least %d more descriptors than asked for came with the message and were closed

(W File::FDpasser) What the system closed for want of room counts as one. Turn it off with C<no warnings 'File::FDpasser'>.

=back

=head1 WHAT PEOPLE BUILD WITH IT

=over 4

=item Restarts that lose no connection

The running server sends its listening socket, and if it likes its live
connections, to its next release, which then says that it is ready. Until
then the old one serves; afterwards it ends. F<examples/zero-downtime/server.pl>
is an HTTP server that does that. Under the load of L<wrk(1)> or L<ab(1)> 20
restarts cost not one request, and of two such servers that share the socket
one can be killed: lost is what it had accepted.

=item Workers

F<examples/dispatcher/dispatcher.pl>: one process accepts, and passes each
connection to the worker that has the fewest. Workers that die are replaced,
and what they had not taken yet goes to the others. What it costs and gains
against accepting in every worker was measured: see the F<README.md> there.

=item Privilege separation

F<examples/privsep/privsep.pl>: a root process opens what a policy allows, and
looks into nothing; an unprivileged one, in an empty chroot, does the work on
the descriptors that it is sent.

=item Event loops

L<File::FDpasser::Queue> sends and receives from within AnyEvent, IO::Async,
Mojo::IOLoop, POE, C<select> and IO::Poll, without waiting.

=item Descriptors that outlive their process

L<File::FDkeeper>, on CPAN, is a server built on this module: it keeps
descriptors while a program is restarted, or when it crashes, and gives them
back to whoever knows the id under which it keeps them.

Where systemd starts the program, systemd itself can keep its sockets: it hands
them over as descriptors 3 and up, and says so in the environment. Those are
handles like any other, and may be sent on:

    sub sockets_from_systemd {
        return if ($ENV{LISTEN_PID} // '') ne $$;
        my $last = 2 + delete $ENV{LISTEN_FDS};
        delete @ENV{qw(LISTEN_PID LISTEN_FDNAMES)};    # not for our children
        return map {
            open my $socket, '+<&=', $_ or die "descriptor $_: $!\n";
            $socket;
        } 3 .. $last;
    }
    my ($listener) = sockets_from_systemd()
        or my $old = endp_connect($endpoint);    # else ask who runs already

The handles that C<open> makes are close-on-exec, as L</Close-on-exec> says.

=back

=head1 EXAMPLES

The distribution's F<examples> directory:

=over 4

=item F<mycat.pl>, F<openfile.pl>

Stevens' pair: a cat that execs a helper for each file, and receives its open
descriptor, or its errno.

=item F<openserver.pl>, F<openclient.pl>

A server with a named endpoint that gives out the files of a directory to many
clients, in a C<select> loop.

=item F<handover.pl>

A server that its successor replaces while it runs: all listening sockets, TCP
and Unix, with their names in one message; clients do not notice.

=item F<zero-downtime/>, F<dispatcher/>, F<privsep/>

Programs to start from, see L</WHAT PEOPLE BUILD WITH IT>.

=item F<lend.pl>, F<borrow.pl>

A server that lends one file to the users that may have it, and to nobody
else, and a client that takes it from nobody else.

=item F<demo.pl>

A process reads a file that it has no permission and no path for, explained
step by step.

=back

=head1 SEE ALSO

L<unix(7)>, L<sendmsg(2)>, L<recvmsg(2)>, L<cmsg(3)>, L<socketpair(2)>,
L<accept(2)>, L<fcntl(2)>

L<IO::FDPass>, L<Socket::MsgHdr>, L<AnyEvent::FDpasser>: other modules that
pass descriptors

L<IO::Select>, L<IO::Handle>, L<perlipc>, L<perlsec>

W. Richard Stevens and Stephen A. Rago,
I<Advanced Programming in the UNIX Environment>, "Passing File Descriptors"
and "An Open Server"

W. Richard Stevens, Bill Fenner and Andrew M. Rudoff,
I<UNIX Network Programming>, volume 1, "Passing Descriptors"

=head1 AUTHOR

The original File::FDpasser, up to 0.09, is by Arnar M. Hrafnkelsson,
addi@umich.edu. Version 1.00 is a new implementation of its interface.

=head1 COPYRIGHT AND LICENSE

This library is free software; you can redistribute it and/or modify it under
the same terms as Perl itself.

=cut
