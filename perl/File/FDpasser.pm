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
    peer_pidfd peer_groups memfd start_with_end transport
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

# In a file of its own, as few want it.
sub start_with_end {
    if (!$INC{'File/FDpasser/Start.pm'}) {
        # A full table would leave it, or POSIX, half loaded for good.
        my $errno = $! + 0;
        my @room;
        pipe $room[ 2 * $_ ], $room[ 2 * $_ + 1 ] or return for 0 .. 2;
        @room = ();
        local $@;
        require File::FDpasser::Start;
        $! = $errno;
    }
    goto &File::FDpasser::Start::_with_end;
}

# Called by the native layer; here because only Perl code sees whether its
# caller wants warnings. Carp would word them, and lose what a handler dies with
# while it does so.
sub _warn {
    my ($text) = @_;
    return if !warnings::enabled(__PACKAGE__);
    my @at;
    for (my $depth = 0; @at = caller $depth; $depth++) {
        last if index "$at[0]::", __PACKAGE__ . '::';
    }
    $text .= " at $at[1] line $at[2].\n";
    die $text if warnings::fatal_enabled(__PACKAGE__);
    warn $text;
    return;
}

1;

__END__

=encoding UTF-8

=head1 NAME

File::FDpasser - pass open file descriptors to other processes

=head1 SYNOPSIS

A server that lends a file to programs of its own user:

    use strict;
    use warnings;
    use File::FDpasser qw(:all);

    $SIG{PIPE} = 'IGNORE';    # a client that is gone is EPIPE, not our end
    my $listener = endp_create('endpoint', mode => 0600)
        or die "endpoint: $!\n";
    while (1) {
        my $conn = serv_accept_fh($listener, my $uid)
            or do { warn "no client: $!\n"; sleep 1; next };
        next unless defined $uid && $uid == $>;    # closes $conn
        my $ok = open my $fh, '<', '/etc/hosts';
        $ok = $ok ? send_file($conn, $fh) : send_err($conn, $!);
        $ok or warn "not sent: $!\n";
    }

And its client, another program:

    use strict;
    use warnings;
    use File::FDpasser;

    my $conn = endp_connect('endpoint') or die "endpoint: $!\n";
    my $fh   = recv_fh($conn)           or die "recv_fh: $!\n";
    print while <$fh>;

=head1 DESCRIPTION

A file descriptor is a small number that stands for something a process has open: a file, a pipe, a
socket, a terminal. This module sends what is open, not the number and not a path, to another
process on the same machine. The receiver gets a descriptor of its own for the same open file: with
the access mode of the sender's C<open>, with the same offset, and without needing any permission on
the file, or even a name by which to open it.

Descriptors travel over a I<connection>, a Unix-domain socket. Related processes share a pair of
connected I<endpoints>, which L</spipe> makes before the fork. Unrelated processes meet at a name in
the file system: a server makes a listening endpoint with L</endp_create> and takes clients with
L</serv_accept_fh>; a client calls L</endp_connect>. Over any of these, L</send_file> sends and
L</recv_fh> receives. A connection is a stream of bytes in both directions, too: receiving takes
exactly one message and not a byte of what follows, so a program can speak a protocol of its own
before, between and after the descriptors.

Descriptors do not leave the machine: nothing can be sent over TCP or UDP (EOPNOTSUPP). A TCP
connection can be passed, like anything else that is open.

L<File::FDpasser::Cookbook> has programs to copy. L<File::FDpasser::Channel> speaks protocols of your
own, L<File::FDpasser::Queue> sends and receives from within an event loop, L<File::FDpasser::Loop>
puts both into AnyEvent, IO::Async, Mojolicious and POE. L<File::FDpasser::Protocol> has the wire
format, other languages and programs, and STREAMS; L<File::FDpasser::Guarantees> what can be relied
on, beside threads and after fork too; L<File::FDpasser::Upgrading> what scripts of 0.09 may notice.

=head1 OVERVIEW

The eleven functions of 0.09, exported by default:

    spipe            a pair of connected endpoints
    endp_create      a listening endpoint at a path
    endp_connect     connect to one
    serv_accept_fh   the next client, as a handle
    serv_accept_fd   ... as a descriptor number
    cli_conn         connect, and return a descriptor number
    send_file        send what a handle stands for
    recv_fh          receive a descriptor, as a handle
    recv_fd          ... as a descriptor number
    my_getfl         the flags of an open file
    get_fopen_mode   whether it is open for reading, writing, appending

Exported by name, or all together, and with the eleven, by the tag C<:all>:

    write_fd         write bytes and descriptors in one message
    read_fd          read bytes and the descriptors that come with them
    send_files       send any number of descriptors
    recv_fhs         receive all descriptors of a message, as handles
    recv_fds         ... as descriptor numbers
    send_err         send an errno in place of a descriptor
    ask_sender       have the kernel note who sends
    peer_cred        process id, uid and gid of the other end
    peer_pidfd       a handle that stands for the process at the other end
    peer_groups      the groups of the other end
    memfd            a file in memory, for what is too large for a message
    start_with_end   start a program with one end of a pair
    transport        whether sockets or streams are in use

The layer below these, called by full name (C<my_send_fd> and others), is in
L<File::FDpasser::Upgrading/THE LAYER BELOW>.

=head1 RULES

=head2 Arguments

Wherever a function takes a connection C<$conn>, a C<$listener> or a handle C<$fh>, it may be a
glob, a glob reference, a lexical filehandle, an IO object (C<*FH{IO}>), an object of L<IO::Handle>,
L<IO::Socket> or a subclass, any other object with a C<fileno> method, a directory handle, or a
non-negative integer, which is a descriptor number. Names of handles (C<"STDIN">), other words,
fractions, negative numbers and plain references are refused, and so are closed handles and handles
on memory.

L</send_file> and the functions that 0.09 did not have die of an argument that they refuse, and say
which one, why, and where (L</DIAGNOSTICS>). So does every function of an option that does not exist
or makes no sense. The other functions of 0.09 fail with EBADF, and warn.

=head2 Return values and $!

A system call that fails never makes a function die (but for L</spipe>): it returns C<undef>, or
what its entry says, and C<$!> says why. The failure value is one element in list context too; only
functions that return lists return the empty list. Success leaves C<$!> as it was. Nothing changes
C<$_>, C<$1> or C<$@>, and nothing depends on C<$,>, C<$\>, C<$/> or C<$">. Compare C<$!> with the
names of L<Errno>, never with texts: after C<recv_fh>, C<$!{ENOTCONN}> says that the other end has
closed.

=head2 SIGPIPE

Sending to an endpoint whose other end is closed raises SIGPIPE, as C<print> does, and that ends a
process which does not handle it. A server that has to live on says, once, at its beginning,

    $SIG{PIPE} = 'IGNORE';

and the call fails with EPIPE. (Programs that it starts by C<exec> inherit that.)

=head2 Signals

Every call that waits is ended by a signal, with EINTR, also where the handler was installed with
C<SA_RESTART>. Nothing has happened then and nothing is lost: call again. Perl's handlers run at
once. A stop and a continuation (Ctrl-Z and C<fg>) end nothing.

    $SIG{TERM} = sub { $stop = 1 };
    until ($stop) {
        my $conn = serv_accept_fh($listener) or next;
        ...
    }

=head2 Time limits

A call on a blocking connection waits as long as it takes. L</endp_connect> has a C<timeout>. Other
calls can be limited by the socket's own limits C<SO_RCVTIMEO> and C<SO_SNDTIMEO>, which hold for a
whole call and make it fail with EAGAIN; by C<alarm>, as in L<perlfunc/alarm>; or by a non-blocking
connection and C<select>.

    use Socket;
    setsockopt $conn, SOL_SOCKET, SO_RCVTIMEO, pack('l!l!', 5, 0);
    my $fh = recv_fh($conn) or die $!{EAGAIN} ? "timeout\n" : "$!\n";

=head2 Blocking

Endpoints are blocking when they are made. After C<< $conn->blocking(0) >> a call that would have to
wait fails with EAGAIN, whatever the peer does: nothing has happened (but that text of the peer may
have been handed on). Try again when C<select>, L<IO::Select> or an event loop finds the endpoint
readable or, to send, writable. A listening endpoint is readable when a client waits. All who share
a socket share whether it blocks.

=head2 Buffers

A descriptor is what the kernel knows; bytes in a handle's buffers belong to the process. Output
that is still in the buffer of C<$conn>, or of the handle that is sent, is flushed first, so that
the receiver sees bytes in order. A flush that fails (ENOSPC, say) makes a sending call fail, with
nothing sent; a receiving call goes on. (On a non-blocking handle perl drops output that it could
write only in part.)

Bytes that were already read into a buffer stay with the sender; the receiver starts at the kernel's
offset. Before sending a handle that was read with C<E<lt>$fhE<gt>>, C<read> or C<getc>, say where
the receiver is to begin:

    sysseek $fh, tell($fh), 0;    # go on where we are
    sysseek $fh, 0, 0;            # or from the start

B<Never use C<E<lt>$connE<gt>>, C<read> or C<eof> on a connection that descriptors come over.> They
read ahead, and the kernel drops a descriptor whose bytes are read that way. Read your own protocol
with C<sysread>, and never more of it than is known to come before the next message; or with
L</read_fd>.

Offset and status flags (C<O_APPEND>, C<O_NONBLOCK>) belong to the open file, which both processes
share from then on.

=head2 Close-on-exec

Handles that this module makes follow C<$^F> (L<perlvar/$^F>) as all of Perl's do: a program started
by C<exec> or C<system> does not inherit them. They have the flag from the moment they exist. To
hand one to a program on purpose use L</start_with_end>, or C<fcntl($fh, F_SETFD, 0)> in the child,
before C<exec>.

Descriptor I<numbers>, as L</recv_fd>, L</serv_accept_fd>, L</cli_conn> and the layer below return
them, B<survive> C<exec>, as in 0.09; those of L</recv_fds> do not. A number closes only when
somebody closes it: call C<POSIX::close>, or make a handle with C<< open my $fh, '+<&=', $fd >>,
which closes when dropped and follows C<$^F>.

=head2 Paths

A path is bytes, as for C<open>; of a string with characters above 255 its UTF-8 encoding is used. A
tainted path dies, before anything is touched; numbers and handles may be tainted. Paths too long
for C<sun_path> (108 bytes on Linux, 104 on BSD) work on Linux.

On Linux a path that begins with C<"\0"> is an abstract name: it exists in no directory, vanishes
with its last socket, and B<has no permissions>. Any other path with a C<"\0"> in it, and the empty
path, are ENOENT.

=head2 Who has sent it

The receiving functions take one more argument, a variable that becomes a reference to a hash:
C<< recv_fh($conn, my $sender) >> sets C<< $sender->{pid} >>, C<uid>, C<gid> and C<from>. If C<from>
is C<message>, these are the process and (on Linux) the real ids of who sent I<this> message. The
kernel notes them if it was asked before, by C<< sender => 1 >> in L</endp_create>, whose
connections inherit it, or in L</endp_connect>, or by L</ask_sender>. Otherwise C<from> is
C<connection>, and they are those of L</peer_cred>: who made the connection, which may be another
process than the one that sends. Check C<from> where it matters. What a system can't tell is
C<undef>; on failure C<$sender> stays untouched.

It is off unless asked for because the flag belongs to the socket: B<other programs that read
descriptors from a noting socket> (Python, Ruby, L<IO::FDPass>) B<lose them>. Ask only where this
module receives.

=head1 SECURITY

=head2 Who can connect

Whoever has write permission on the node and search permission on the directories above it.
C<< mode => 0600 >> admits one's own user (and root). Some old systems ignore the node's
permissions: as a second line, put the endpoint into a directory that only the right people may
enter. An abstract name has no permissions: every process in the same network namespace can connect.

Then ask who has come; the kernel vouches for C<$uid>:

    my $conn = serv_accept_fh($listener, my $uid) or next;
    defined $uid && $uid == $> or next;    # $conn closes as it is dropped

Don't leave out C<defined>: where a system can't tell, C<$uid> is C<undef>, and C<undef == 0> is
true. By group: L</peer_groups>. L<File::FDpasser::Cookbook/Open files for others> is a whole
server with that check, and its client.

C<$uid> tells who connected: a process can give the connection to somebody else afterwards, as it
could with all that you send it. Where it matters who I<sends>, see L</Who has sent it>. Ids name
who did something I<then>: root can claim any; a process id may be another process by now (see
L</peer_pidfd>); in a container, a process from outside has none (C<undef>), and uid 65534 may be
anybody whose user has no number there.

=head2 Who can pose as the server

Whoever can write to the endpoint's directory, and in F</tmp> whoever comes first. Choose a
directory that only the server's user can write to, such as F</run/NAME> or C<$XDG_RUNTIME_DIR>. In
a shared one L</endp_create> replaces nobody else's node, but others can take the name first or,
where they can read the directory, lock it so that C<exclusive> gives up. A client can ask who
listens, that is, who did when the server began to:

    my (undef, $uid) = peer_cred($conn);
    defined $uid && $uid == $expected or die "not our server\n";

=head2 What a descriptor gives away

Permissions were checked by C<open>, are not checked again, and no descriptor can be taken back. So
open with the least mode. (On Linux a receiver can open the file again through F</proc/self/fd>, for
writing too, if the file's own permissions allow.) Offset, status flags and C<flock> locks are
shared: a receiver can move the offset of a log, make your handle non-blocking, and release your
lock. A directory is a way to all below it, and by C<..> out of a chroot; a terminal can be written
to, read from and, on some systems, fed with input; a listening socket can accept your clients.

A server that opens files for others uses its own rights. Don't let clients choose paths: refuse
C</>, beware of symbolic links in directories that they can write to, send plain files, checked with
C<-f> on the opened handle, and decide by C<$uid>.

=head2 What may be received

Anything, from a hostile sender: a fifo that never delivers, a device, a directory, a file that is
truncated while you read. Look before you read:

    -f $fh && get_fopen_mode($fh) =~ /\A(?:r|[wa]\+)\z/ or die "unreadable\n";

Closing somebody else's socket may take as long as its C<SO_LINGER> says. What a peer says is
tainted. Its text goes to STDERR unless C<on_text> (L</VARIABLES>) takes it: on a terminal with
control characters escaped, elsewhere as it came.

=head2 Floods and silence

A client may connect and say nothing, send half a message or endless text: see L</Time limits> and
C<max_text> (L</VARIABLES>). Clients may fill the table of descriptors: L</serv_accept_fh> gives
EMFILE, and the listener stays readable; take it out of your C<select> until something was closed,
or the loop spins. Limit the clients of one C<$uid>; clients that fill the backlog keep others out.
A peer that does not receive fills your send buffer: non-blocking, EAGAIN, drop it. Descriptors on
their way count against your user, ETOOMANYREFS, until the connection is closed. A peer that goes
away raises SIGPIPE. A connection that a forked child inherits by accident keeps the other end from
seeing its end.

=head1 ERRORS

What the values of C<$!> mean. Each entry in L</FUNCTIONS> lists its own.

    EACCES        no permission to connect to, search or write the path; on
                  receiving: the system refuses the descriptor (SELinux)
    EADDRINUSE    what is at the path may not be replaced
    EAGAIN        non-blocking, or SO_RCVTIMEO or SO_SNDTIMEO is over: the
                  call would have to wait, and nothing has happened
    EBADF         no open descriptor
    ECONNREFUSED  nobody listens at the path
    EINTR         a signal ended the wait, and nothing has happened
    EINVAL        not that kind of socket; a descriptor that cannot travel
    EMFILE        this process has no free descriptor number (ulimit -n):
                  what waits stays queued; close something and call again
    EMSGSIZE      a packet, or a batch, larger than the call takes
    ENAMETOOLONG  a path longer than the system takes
    ENFILE        the system has no room for another open file
    ENOBUFS, ENOMEM                 no memory
    ENOENT, ENOTDIR, ELOOP, EROFS   the path, as open(2) would fail
    ENOSYS, EOPNOTSUPP              this system, or socket, has no such thing
    ENOTCONN      the connection is at its end, or there is none
    ENOTSOCK      not a socket
    EPIPE         the other end is closed
    EPROTO        what came is no message of this module
    ETIMEDOUT     the timeout is over
    ETOOMANYREFS  too many descriptors of this user are on their way (Linux:
                  more than RLIMIT_NOFILE, unless privileged)

=head1 FUNCTIONS

"Waits" means without limit, see L</Time limits>. L</Close-on-exec> has the two rules for that.

=head2 spipe

    my ($ours, $theirs) = spipe();
    defined(my $pid = fork) or die "fork: $!\n";
    if (!$pid) {
        send_file($theirs, \*STDIN) or die "send_file: $!\n";
        exit 0;
    }
    close $theirs;    # or we would wait for ever if the child dies
    my $fh = recv_fh($ours) or die "recv_fh: $!\n";

Makes a pair of connected endpoints: what is sent into one comes out of the other. C<< spipe(type =>
'seqpacket') >> makes sockets of that type, or of C<dgram>, which keep the boundaries of what
L</write_fd> writes. C<< sender => 1 >> notes who sends at both ends, see L</Who has sent it>.
Returns two L<IO::File> objects, blocking; in scalar context the second. Dies with C<"socketpair:
$!\n"> of EMFILE, ENFILE, ENOBUFS, ENOMEM; EOPNOTSUPP or EPROTONOSUPPORT where there is no such
type; EOPNOTSUPP: C<sender> on all systems but Linux. Never waits. Close-on-exec as handles.

=head2 endp_create

    my $listener = endp_create($path, mode => 0600)
        or die "$path: $!\n";

Makes a listening endpoint with a name in the file system, at which unrelated processes can connect.
A free name is taken directly. A name is I<taken over> from a socket, be it stale or that of a
living server, from a symbolic link (the link itself) and from an empty regular file: at no moment
is the name missing, and if anything fails, what was there stays. Anything else at that name, a file
with content or a directory, is left alone, and so is, in a directory that others can write to
(F</tmp>), a node that belongs neither to us nor to the directory's owner: EADDRINUSE. The options:

C<< mode => $permissions >>, exactly the permissions of the node, an integer up to C<0777>, whatever
the umask, and at no moment wider. To connect takes write permission. Without this option they are
C<0777> less the umask.

C<< type => 'seqpacket' >>, or C<dgram>, in place of C<stream>. C<dgram> makes a bound socket to
receive at, from whoever sends; there is nothing to accept. C<< backlog => $n >>, how many clients
may wait to be accepted, in place of C<SOMAXCONN> (the system may have a lower limit).

C<< exclusive => 1 >>, not to take over from a living server: EADDRINUSE. Of several processes that
start at the same moment over a stale node exactly one wins. For that moment the directory is locked
with L<flock(2)>, so it has to be readable (EACCES); a lock that somebody else does not release
within ten seconds is EADDRINUSE too.

C<< sender => 1 >>, to note who sends on every connection that is accepted here, see
L</Who has sent it>.

Returns the listening endpoint, an L<IO::File> object, blocking, autoflushed. Errors: EADDRINUSE,
also for an abstract name that is taken; EINVAL: C<mode> with an abstract name, which has none;
ENOENT, ENOTDIR, EACCES, ELOOP, EROFS, ENOSPC, EPERM: as L<open(2)> with C<O_CREAT> would fail;
ENAMETOOLONG; EOPNOTSUPP: C<exclusive> where a directory cannot be locked (Solaris), C<sender> on
all systems but Linux; EINTR; EMFILE, ENFILE, ENOBUFS, ENOMEM. Waits for nothing but the lock of
C<exclusive>. Close-on-exec as handles.

The name stays when the server ends: C<unlink> it, or let the next server take it over. Clients that
wait in the old server's queue are lost in a takeover; where that matters, let the old server send
its listener to the new one with L</send_file>. L<File::FDpasser::Guarantees/Taking over a name>
says how it is done and what a SIGKILL can leave behind.

=head2 endp_connect

    my $conn = endp_connect($path, timeout => 2.5)
        or die "$path: $!\n";

Connects to the endpoint that a server made at C<$path>. The connection stands as soon as the
server's queue has room; whether the server accepts is seen only in its answers. Options:
C<timeout>, how many seconds to wait for room in the queue; C<type>, as the server's; C<sender>, to
note who sends on this connection, see L</Who has sent it>.

Returns a connected endpoint, an L<IO::File> object, blocking. Errors: ECONNREFUSED: the server is
gone, or it is no socket; ENOENT, ENOTDIR, ELOOP; EACCES: no write permission on the node, or no
search permission on the way to it; EPROTOTYPE: a socket of another type; ETIMEDOUT; EINTR;
ENAMETOOLONG; EOPNOTSUPP: C<sender> on all systems but Linux; EMFILE, ENFILE, ENOBUFS, ENOMEM. Waits
for room, up to C<timeout>. Close-on-exec as handles.

=head2 serv_accept_fh

    my $conn = serv_accept_fh($listener, my $uid)
        or die "serv_accept_fh: $!\n";

Takes the next client that waits at a listening endpoint. C<$uid>, optional, receives the effective
user id of the client, as it was when it connected, from the kernel; C<undef> on a system that can't
tell; untouched on failure.

Returns a connected endpoint, an L<IO::File> object, blocking. Errors: EMFILE, ENFILE: the client
keeps waiting; EAGAIN; EINTR; EBADF; ENOTSOCK; EINVAL: not listening; ECONNABORTED: the client has
given up; ENOBUFS, ENOMEM. Waits for a client. Close-on-exec as handles.

=head2 serv_accept_fd

    my $fd = serv_accept_fd($listener, my $uid);
    defined $fd or die "serv_accept_fd: $!\n";

L</serv_accept_fh>, its errors and its waiting, but returns a descriptor number, which may be 0 and
survives exec.

=head2 cli_conn

    my $fd = cli_conn($path);
    $fd >= 0 or die "$path: $!\n";

L</endp_connect> without options, its errors, but returns a descriptor number, which survives exec,
or -1. Waits for room. The prototype is C<($)>.

=head2 send_file

    open my $fh, '<', '/etc/hosts' or die "/etc/hosts: $!\n";
    send_file($conn, $fh) or die "send_file: $!\n";

Sends the open file behind a handle, which may be closed at once: the descriptor is on its way.
Returns 1. Dies of an argument that is none. Errors: EPIPE: the other end is closed, and L</SIGPIPE>
was raised; ECONNREFUSED: that of C<dgram> is; EAGAIN: no room in the connection; EINTR;
ETOOMANYREFS; EBADF: a number that is not open; ENOTSOCK; ENOTCONN: not connected; EOPNOTSUPP: a TCP
or other socket that carries no descriptors; ENOSPC, EIO, EFBIG and others: output could not be
flushed; ENOBUFS, ENOMEM; EINVAL: what cannot travel. After each of them nothing was sent. Waits for
room.

=head2 recv_fh

    my $fh = recv_fh($conn) or die "recv_fh: $!\n";
    print 'the first line: ', scalar readline $fh;

Receives one message: a descriptor, or an errno. A second argument receives L</Who has sent it>.
More than one descriptor in the message: the surplus is closed, with a warning.

Returns an L<IO::Handle> that closes when dropped, opened in the descriptor's own mode, with Perl's
default layers and never C<:utf8>. Sockets and terminals have separate buffers for reading and
writing; a handle opened for appending is at the end. A received socket may be non-blocking: whether
it is was its sender's choice. Waits for a message. Close-on-exec as handles. Errors:

    ENOTCONN              the other end is closed, all it sent was received
    any from 1 to 255     the peer sent it in place of a descriptor; the
                          number alone does not tell who had the trouble
    EPROTO                no descriptor with status 0, the end within a
                          message, too much text; what came with it is closed
    EMFILE, ENFILE, EAGAIN, EINTR   nothing is lost; call again
    EACCES                there was room, but the system refuses it to us
    EMSGSIZE              on seqpacket and dgram sockets: longer than a
                          message; it is gone, its descriptors are closed
    EOPNOTSUPP, EINVAL    a socket that carries no descriptors; a listening
                          endpoint, or one that was never connected
    EBADF, ENOTSOCK, ENOMEM   not open, not a socket, no memory

=head2 recv_fd

    my $fd = recv_fd($conn);
    defined $fd or die "recv_fd: $!\n";

L</recv_fh>, its arguments, errors and waiting, but returns a descriptor number, which may be 0 and
survives exec.

=head2 my_getfl

    use Fcntl qw(O_APPEND);
    print "appends\n" if my_getfl($fh) & O_APPEND;

Returns the access mode and status flags of an open file (C<F_GETFL>), or -1 and EBADF. Never waits.
The prototype is C<($)>.

=head2 get_fopen_mode

    my $mode = get_fopen_mode($fh) // die "$!\n";
    print "can be written to\n" if $mode ne 'r';

Returns how it is open, as L<fopen(3)> has it: C<r> for reading, C<w> for writing, C<a> for writing
at the end, C<w+> and C<a+> for reading too. Errors: EBADF; EINVAL: open with Linux's access mode 3
or C<O_PATH>. Never waits.

=head2 write_fd

    my $n = write_fd($conn, "take these\n", $fh, \*STDOUT);
    defined $n or die "write_fd: $!\n";

Writes bytes, and with them 0 to 253 descriptors, in one message: for protocols of your own and for
other programs. On C<seqpacket> and C<dgram> sockets there may be no bytes: C<''>, not C<undef>. On
others it dies. Returns the number of bytes written, C<"0 but true"> for none, like C<syswrite>
perhaps fewer than all: on a non-blocking endpoint, and when a signal or the end comes after the
first. The descriptors go with the first byte: don't send them again with the rest. Errors: as
L</send_file>; EINVAL: more than 253 descriptors; EMSGSIZE: a packet too long for the socket. Waits
for room.

=head2 read_fd

    my ($bytes, @fh) = read_fd($conn, 4096, 10);
    defined $bytes or die "read_fd: $!\n";

Reads up to so many bytes, and up to so many descriptors (253 if not given) that come with them,
from whatever sends with C<SCM_RIGHTS>. A fourth argument receives L</Who has sent it>. On Linux a
read ends behind the bytes that descriptors came with. Descriptors beyond those asked for are
closed, with a warning.

Returns the bytes, then handles as those of L</recv_fh>; at the end of the connection one empty
string; on failure the empty list. In scalar context the bytes; what came with them is closed.
Errors: EMFILE, ENFILE, EACCES, EAGAIN, EINTR, EBADF, ENOTSOCK, EOPNOTSUPP, EINVAL, ENOMEM as
L</recv_fh>; ECONNRESET: the peer was gone before it had read all; EMSGSIZE: the next packet is
longer than asked for, and stays queued. Waits for a byte. Close-on-exec as handles.

=head2 send_files

    my $n = send_files($conn, \*STDIN, \*STDOUT, \*STDERR);
    defined $n && $n == 3 or die "send_files: $!\n";

Sends any number of descriptors, a quarter of our C<RLIMIT_NOFILE> in a message, at least 64 and at
most 253. All arguments are checked before the first goes. Returns how many went, on failure perhaps
fewer than all, C<undef> if none; without handles 0. Errors: as L</send_file>. Waits for room.

=head2 recv_fhs

    my @fh = recv_fhs($conn, 10) or die "recv_fhs: $!\n";
    print scalar @fh, " descriptors\n";

Receives all descriptors of the next message, at most so many, or 253. A third argument receives
L</Who has sent it>. Returns handles as those of L</recv_fh>; on failure the empty list; in scalar
context the last one, and the others are closed. Errors: as L</recv_fh>; EMFILE: there is no room
for all of them; EMSGSIZE: they are more than asked for; in both cases the message stays queued.
Waits for a message. Close-on-exec as handles.

=head2 recv_fds

    my @fd = recv_fds($conn) or die "recv_fds: $!\n";
    POSIX::close($_) for @fd;

L</recv_fhs>, its arguments, errors and waiting, but returns descriptor numbers. Unlike that of
L</recv_fd> these are close-on-exec.

=head2 send_err

    use Errno qw(EACCES);
    send_err($conn, EACCES, "not you\n") or die "send_err: $!\n";

Sends an errno, an integer from 1 to 255: the other end's L</recv_fh> fails with it. The text,
optional, bytes without a NUL, is for a person there; packets have no room for it. On a non-blocking
endpoint it is cut to what goes in one piece, at least 1,000 bytes. Returns 1. Errors: as
L</send_file>; EINTR within a long text: what was sent has no end then, close the connection. Waits
for room.

=head2 ask_sender

    ask_sender($conn) or die "ask_sender: $!\n";
    my $fh = recv_fh($conn, my $sender);    # $sender->{uid}

Asks the kernel to note who sends on a connection, or on those that a listener accepts, from now on:
L</Who has sent it>. Returns 1. Errors: EBADF, ENOTSOCK; EOPNOTSUPP: all systems but Linux. Never
waits.

=head2 peer_cred

    my ($pid, $uid, $gid) = peer_cred($conn) or die "peer_cred: $!\n";
    print 'uid ', $uid // 'unknown', "\n";

Returns process id, effective uid and effective gid of the process at the other end: the one that
called C<endp_connect>, C<endp_create> or C<spipe>, as they were then. Who has inherited or received
the endpoint since does not show. C<undef> for what
L<the system can't tell|File::FDpasser::Protocol/WHO IS AT THE OTHER END>; the empty list on
failure. Errors: EBADF, ENOTSOCK; ENOTCONN: not connected, or listening. Never waits.

=head2 peer_pidfd

    my $client = peer_pidfd($conn) or die "peer_pidfd: $!\n";
    print "it has ended\n" if IO::Select->new($client)->can_read(0);

Returns a handle that stands for the very process that L</peer_cred> names, which a process id, used
again, does not. It is readable once that process has ended. Errors: EBADF, ENOTSOCK, ENOTCONN as
L</peer_cred>; ESRCH: it has ended and is gone; EMFILE, ENFILE, ENOMEM; EOPNOTSUPP: before Linux
6.5, and other systems. Never waits. Close-on-exec as handles.

=head2 peer_groups

    my %in = map { $_ => 1 } peer_groups($conn);
    print "may use sudo\n" if $in{ getgrnam('sudo') // '' };

Returns the supplementary group ids of the process that L</peer_cred> names, as they were then,
without its effective gid; in scalar context how many, maybe 0; the empty list, C<undef>, on
failure. Errors: as L</peer_cred>; ENOMEM; EOPNOTSUPP: all systems but Linux. Never waits.

=head2 memfd

    my $fh = memfd('table', $bytes) or die "memfd: $!\n";
    send_file($conn, $fh) or die "send_file: $!\n";

Makes a file in memory with these bytes, sealed against every change: for what is too large for a
message. The name is for people only. Returns a handle at its start. Errors: EOPNOTSUPP: neither
Linux nor FreeBSD; EINVAL: a name of more than 249 bytes; EMFILE, ENFILE, ENOMEM, ENOSPC, EFBIG.
Never waits. Close-on-exec as handles.

=head2 start_with_end

    my ($conn, $pid) = start_with_end(sub { exec 'helper', $_[0] })
        or die "helper: $!\n";

Makes a pair, forks, and calls the code in the child with the descriptor number of the other end,
which survives exec. The code execs a program and tells it the number; that makes a handle of it
with C<< open my $conn, '+<&=', $number >>. Returns our end, and the child's process id for
C<waitpid>; in scalar context our end. If C<exec> fails, or the code returns, dies or exits, no child
is left, and the call fails: the empty list, with the child's C<$!>, or ECANCELED if it has none.
The child runs no handler, C<END> block or destructor of the program's. Errors: the child's; EMFILE,
ENFILE, ENOBUFS, ENOMEM; EAGAIN: too many processes. Waits until the program has started; a signal
handler that dies meanwhile kills the child. Close-on-exec as handles.

=head2 transport

    print File::FDpasser::transport(), "\n";

Returns C<socket>, C<streams> or C<streams (emulated)>, see L<File::FDpasser::Protocol/TRANSPORTS>.
Never fails or waits.

=head1 VARIABLES

    $File::FDpasser::on_text = sub { $log .= $_[0] };

C<$File::FDpasser::on_text> is called with each piece of text that a peer sends for a person, before
a descriptor or a status, as it arrives: bytes. Without it text goes to STDERR. It may do anything,
also close the connection (then EBADF). An exception in it ends the call, and what was received by
then is closed. C<$File::FDpasser::max_text> is how many bytes of text one call accepts, 16 MiB
(16_777_216) at first. More is EPROTO.

=head1 DIAGNOSTICS

Exceptions, with the caller's file and line, of arguments (C<is closed>, C<is no handle and no
descriptor number> ...), of options, of too few or too many arguments, and of a tainted path:

    Invalid args to send_file: %s, %s: argument %d %s
    Invalid args to %s: %s
    Usage: File::FDpasser::%s(%s)
    Insecure dependency in %s while running with -T switch

Warnings, in the category C<File::FDpasser>, of arguments that the functions of 0.09 refuse, of other
mistakes, and of surplus descriptors (what the system closed for want of room counts as one):

    %s: argument %d %s
    %s: argument 1, the %s, is no socket
    %s: this is a listening endpoint; serv_accept_fh takes its clients
    %s: this is no listening endpoint, as endp_create makes them
    %s: this is no Unix-domain socket, and no other carries descriptors
    %s returns one value; %s goes into its second argument
    at least %d more descriptors than asked for came with the message and
        were closed
    %s: %d bytes that came over the connection are in its read buffer, which
        is left alone; read from it by sysread only
    %s: %d bytes that came over the socket that is sent stay in its read
        buffer; the receiver does not get them

=head1 LIMITATIONS

A message has at most 253 descriptors: the kernel's limit. Several processes may receive from one
endpoint, and each ordinary message goes whole to one of them; text, and messages that were written
in pieces, are not shared fairly. Rarer limits are in L<File::FDpasser::Guarantees/LIMITATIONS>.
Linux is tested. FreeBSD, NetBSD, OpenBSD, DragonFly BSD, macOS, illumos and Solaris are
type-checked, and have not been run. Windows passes no descriptors.

=head1 EXAMPLES

Short ones are in L<File::FDpasser::Cookbook>, which is installed with the module. Larger ones are in
the directory F<examples> of the distribution. Debian's package has them in
F</usr/share/doc/libfile-fdpasser-perl/examples>; C<make install> and C<cpan> install none of them
(C<cpan -g File::FDpasser> fetches the distribution):

    demo.pl                 a process reads a file that it cannot open
    handover.pl             a server that its successor replaces
    zero-downtime/          an HTTP server that restarts without a loss
    dispatcher/             one process accepts, workers serve
    privsep/                a root process opens, another one works

=head1 SEE ALSO

L<IO::FDPass>, L<Socket::MsgHdr>, L<AnyEvent::FDpasser>: other modules that pass descriptors.
L<File::FDkeeper>: a server built on this one, which keeps descriptors while a program is restarted.
L<perlipc>, L<perlsec>, L<unix(7)>, L<cmsg(3)>.

Stevens and Rago, I<Advanced Programming in the UNIX Environment>, "Passing File Descriptors".
Stevens, Fenner and Rudoff, I<UNIX Network Programming>, volume 1, "Passing Descriptors".

=head1 AUTHOR AND LICENSE

The original, up to 0.09, is by Arnar M. Hrafnkelsson, addi@umich.edu. Version 1.00 is a new
implementation of its interface, in Rust. This library is free software; you can redistribute it
and/or modify it under the same terms as Perl itself.
