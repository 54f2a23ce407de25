package File::FDpasser::Queue;

use 5.016;
use strict;
use warnings;

use Carp ();
use Errno ();
use File::FDpasser ();
use IO::Handle;
use Scalar::Util qw(blessed openhandle reftype weaken);

our $VERSION = '1.00';

our @CARP_NOT = ('File::FDpasser');

# What may be over by itself: the call is made again.
my @TRANSIENT = qw(EAGAIN EINTR EMFILE ENFILE ENOBUFS ENOMEM ETOOMANYREFS);

# Seconds until it is made again where readiness does not tell.
my $PAUSE = 0.1;

# What goes in one piece, or not at all.
my $LONGEST_TEXT = 4096;

# A queue is a hash:
#   connection  as the caller gave it; undef when the queue is closed
#   receivers   callbacks that wait for a descriptor each, in order
#   received    handles that came and that no callback has taken yet
#   sends       { handles or error, went, callback } that wait, in order
#   pausing     { receive, send }: the last call failed for another reason than
#               that the connection was not ready
#   on_wants    tells the loop; told: what it was told last
# While a callback runs nothing is in progress: it may die, push more, close
# the queue or drop it.

sub new {
    my ($class, $connection, %option) = @_;
    my $on_wants = delete $option{on_wants};
    my ($unknown) = sort keys %option;
    _invalid('new', "there is no option $unknown") if defined $unknown;
    _invalid('new', 'on_wants is no code reference')
        if defined $on_wants && !_is_code($on_wants);
    _invalid('new', 'the connection is not open') if !_is_open($connection);

    _make_nonblocking($connection) or return undef;
    return bless {
        connection => $connection,
        receivers  => [],
        received   => [],
        sends      => [],
        pausing    => {},
        on_wants   => $on_wants,
        told       => '0 0 ',
    }, $class;
}

sub push_recv_fh {
    my ($self, $callback) = @_;
    _invalid('push_recv_fh', 'the callback is no code reference')
        if !_is_code($callback);
    push @{ $self->_open_for('push_recv_fh')->{receivers} }, $callback;
    $self->_tell;
    return;
}

sub push_send_fh {
    my ($self, $handle, $callback) = @_;
    return $self->_push_send('push_send_fh', [$handle], $callback);
}

sub push_send_fhs {
    my ($self, $handles, $callback) = @_;
    _invalid('push_send_fhs', 'the handles are no reference to an array')
        if ref $handles ne 'ARRAY';
    return $self->_push_send('push_send_fhs', [@$handles], $callback);
}

sub _push_send {
    my ($self, $function, $handles, $callback) = @_;
    _is_open($_) or _invalid($function, 'a handle is not open') for @$handles;
    return $self->_push($function, { handles => $handles }, $callback);
}

sub push_send_err {
    my ($self, $errno, $text, $callback) = @_;
    my $status = do { no warnings; int $errno };
    $text = '' if !defined $text;
    _invalid('push_send_err', 'the errno is not between 1 and 255')
        if $status < 1 || $status > 255;
    _invalid('push_send_err', 'the text has a NUL or a wide character')
        if $text =~ /[^\x01-\xff]/;
    _invalid('push_send_err', "the text is longer than $LONGEST_TEXT bytes")
        if length $text > $LONGEST_TEXT;
    return $self->_push('push_send_err', { error => [$status, $text] },
        $callback);
}

sub _push {
    my ($self, $function, $send, $callback) = @_;
    _invalid($function, 'the callback is no code reference')
        if defined $callback && !_is_code($callback);
    $send->{callback} = $callback;
    push @{ $self->_open_for($function)->{sends} }, $send;
    $self->_tell;
    return;
}

sub wants_read {
    my ($self) = @_;
    return !!(@{ $self->{receivers} } && !@{ $self->{received} }
            && !$self->{pausing}{receive} && defined $self->_number);
}

sub wants_write {
    my ($self) = @_;
    return !!(@{ $self->{sends} } && !$self->{pausing}{send}
            && defined $self->_number);
}

sub timeout {
    my ($self) = @_;
    my ($receives, $sends) = map { scalar @{ $self->{$_} } } qw(receivers sends);
    return undef if !$receives && !$sends;
    return 0 if $receives && @{ $self->{received} } || !defined $self->_number;
    return $PAUSE if $receives && $self->{pausing}{receive};
    return $PAUSE if $sends && $self->{pausing}{send};
    return undef;
}

sub pending {
    my ($self) = @_;
    return @{ $self->{receivers} } + @{ $self->{sends} };
}

# Callbacks that are pushed meanwhile have their turn at the next call: one that
# pushes itself again must not keep the loop from everything else.
sub ready {
    my ($self) = @_;
    $self->{pausing} = {};
    $self->{told} =~ s/\S+\z/used up/;    # a timer rings once
    $self->_tell;
    my $sends    = @{ $self->{sends} };
    my $receives = @{ $self->{receivers} };

    weaken $self;                         # a callback may drop the queue
    while ($self && $sends-- > 0) {
        my $turn = $self->_send or last;
        $turn->();
    }
    while ($self && $receives-- > 0) {
        my $turn = $self->_receive or last;
        $turn->();
    }
    return;
}

sub close {
    my ($self) = @_;
    $self->{connection} = undef;
    $self->{received}   = [];
    $self->ready;
    return;
}

# ---- one send, one receive: the call that remains to be made, to a callback
# that is off the queue already; nothing if there is none or it has to wait.

sub _send {
    my ($self) = @_;
    my $send = $self->{sends}[0] or return;
    my $errno = defined $self->{connection}
        ? $self->_send_now($send) : Errno::ECANCELED();
    return $self->_pause('send') if _is_transient($errno);

    shift @{ $self->{sends} };
    return $self->_turn($send->{callback} || sub { }, $send->{went}, $errno);
}

# The errno, 0 if all of it went. What did go is off the list.
sub _send_now {
    my ($self, $send) = @_;
    my $connection = $self->{connection};
    local $SIG{PIPE} = 'IGNORE';    # the callback hears of EPIPE
    local $SIG{__DIE__};
    local $@;
    my $went = eval {
        $send->{error}
            ? File::FDpasser::send_err($connection, @{ $send->{error} })
            : File::FDpasser::send_files($connection, @{ $send->{handles} });
    };
    my $errno = $! + 0;
    return $@ eq '' ? $errno : Errno::EBADF() if !defined $went;
    $send->{went} += $went;
    splice @{ $send->{handles} }, 0, $went if $send->{handles};
    return $send->{handles} && @{ $send->{handles} } ? $errno : 0;
}

sub _receive {
    my ($self) = @_;
    return if !@{ $self->{receivers} };
    my $errno = 0;
    $errno = $self->_receive_now if !@{ $self->{received} };
    return $self->_pause('receive') if _is_transient($errno);

    my $callback = shift @{ $self->{receivers} };
    $errno = -$errno if $errno < 0;
    return $self->_turn($callback, shift @{ $self->{received} }, $errno);
}

# 0 if handles came, an errno if not: negative, and no reason to wait, where it
# is a status from the peer.
sub _receive_now {
    my ($self) = @_;
    return Errno::ECANCELED() if !defined $self->{connection};
    my @got = File::FDpasser::_receive($self->{connection})
        or return $! + 0;
    return -$got[0] if !ref $got[0];
    $self->{received} = \@got;
    return 0;
}

# The loop hears how things stand before the callback does what it likes.
sub _turn {
    my ($self, $callback, $value, $errno) = @_;
    $self->_tell;
    return sub {
        my @argument = $value;
        undef $value;    # so that the handle is the callback's to drop
        $! = $errno if $errno;
        $callback->(@argument);
    };
}

# It failed and may work later. Where the connection is ready all the same (the
# table of descriptors is full, half a message is there) the loop would find it
# ready without end, so there its readiness is not asked for.
sub _pause {
    my ($self, $direction) = @_;
    $self->{pausing}{$direction} = 1 if $self->_is_ready($direction);
    $self->_tell;
    return;
}

sub _is_ready {
    my ($self, $direction) = @_;
    my $number = $self->_number;
    return 1 if !defined $number;
    my %set = (receive => '', send => '');
    vec($set{$direction}, $number, 1) = 1;
    return select $set{receive}, $set{send}, undef, 0;
}

sub _tell {
    my ($self) = @_;
    my $on_wants = $self->{on_wants} or return;
    # What a closed queue's on_wants holds may hold the queue.
    delete $self->{on_wants} if !defined $self->{connection} && !$self->pending;
    my @wants    = (0 + $self->wants_read, 0 + $self->wants_write, $self->timeout);
    my $wants = join ' ', @wants[0, 1], defined $wants[2] ? $wants[2] : '';
    return if $wants eq $self->{told};
    $self->{told} = $wants;
    $on_wants->($self, @wants);
    return;
}

sub _open_for {
    my ($self, $function) = @_;
    _invalid($function, 'the queue is closed') if !defined $self->{connection};
    return $self;
}

# ---- arguments

sub _invalid {
    my ($function, $why) = @_;
    Carp::croak('Invalid args to ' . __PACKAGE__ . "::$function: $why");
}

sub _is_code {
    my ($code) = @_;
    return ref $code && (reftype $code eq 'CODE' || blessed $code);
}

sub _is_open { return File::FDpasser::my_getfl($_[0]) != -1 }

sub _is_transient {
    local $! = shift;
    return $! > 0 && grep { $!{$_} } @TRANSIENT;
}

sub _number { return _number_of($_[0]{connection}) }

sub _number_of {
    my ($fh) = @_;
    return $fh if !ref $fh && ref \$fh ne 'GLOB';
    return fileno $fh if openhandle($fh);
    return blessed $fh && $fh->can('fileno') ? $fh->fileno : undef;
}

# The flag belongs to the socket, so that any descriptor of it will do.
sub _make_nonblocking {
    my ($connection) = @_;
    my $handle = openhandle($connection);
    if (!$handle) {
        open $handle, '+<&', _number_of($connection) or return;
    }
    return defined IO::Handle::blocking($handle, 0);
}

1;

__END__

=encoding UTF-8

=head1 NAME

File::FDpasser::Queue - pass descriptors from within an event loop

=head1 SYNOPSIS

    use strict;
    use warnings;
    use File::FDpasser;
    use File::FDpasser::Queue;

    my ($ours, $theirs) = spipe();
    my $queue = File::FDpasser::Queue->new($ours)   or die "Queue: $!\n";
    my $other = File::FDpasser::Queue->new($theirs) or die "Queue: $!\n";

    open my $file, '<', '/etc/passwd' or die "/etc/passwd: $!\n";
    $queue->push_send_fh($file);
    $queue->push_send_fh($file, sub {
        my $went = shift or return warn "not sent: $!\n";
        print "both are on their way\n";
    });
    for my $which (qw(first second)) {
        $other->push_recv_fh(sub {
            my $fh = shift or return warn "not received: $!\n";
            print "the $which is descriptor ", fileno $fh, "\n";
        });
    }
    $_->ready for $queue, $other;    # an event loop does that

=head1 DESCRIPTION

The functions of L<File::FDpasser> on a non-blocking connection either do what
they are asked to or fail with C<EAGAIN>. A queue takes what is to be sent and
the callbacks that are to receive, and does it as soon as that is possible: in
order, without ever waiting, and without losing a descriptor. It works with
every event loop, because it needs none: it says what it waits for, and wants
to be called when that has come.

=over 4

=item *

Sends go in the order in which they were pushed, and independently of them
descriptors come in the order of the callbacks that wait for them: the next
one goes to the oldest callback.

=item *

Every callback is called exactly once, with a result, or with C<undef> and
C<$!>. If nobody holds the queue any more its callbacks are dropped; see
L</close> for an end with notice.

=item *

Callbacks are called by L</ready> and L</close> only, never while something
is pushed. While one runs, nothing else of the queue is in progress: it may
push more, close the queue, drop it, or die. An exception leaves C<ready>, and
what still waits goes on at the next call.

=item *

A handle that is received belongs to the callback, and closes when that does
not keep it. A handle that is pushed is kept open until it has gone.

=back

=head1 METHODS

Methods that are given no sensible arguments die with C<Invalid args to
File::FDpasser::Queue::METHOD: ...>, and the caller's file and line.

=head2 new

    my $queue = File::FDpasser::Queue->new($conn);
    my $queue = File::FDpasser::Queue->new($conn, on_wants => $code);

Makes a queue over a connection, and the connection non-blocking, which it is
from then on for all who share it. Bytes of a protocol of your own may be read
and written on it as before, as long as no descriptor can be among what is
read.

B<Arguments:> C<$conn>, a connected endpoint, see
L<File::FDpasser/Arguments>. With C<on_wants> the queue calls

    $code->($queue, $read, $write, $timeout)

whenever its wants have changed, and each time that it wants a new timer:
L</WITH AN EVENT LOOP> shows what to do then.

B<Returns:> The queue; or C<undef>, with C<$!> set.

=head2 push_recv_fh

    $queue->push_recv_fh(sub { my $fh = shift; ... });

B<Arguments:> A callback. It is called with a handle, as
L<File::FDpasser/recv_fh> makes it; or with C<undef> and C<$!>, which are
recv_fh's:

=over 4

=item *

C<ENOTCONN>, the end of the connection, which all callbacks that wait hear of,
and those that are pushed later;

=item *

any errno from 1 to 255: the peer sent that as its answer, see
L<File::FDpasser/send_err>; C<EPROTO>, C<EACCES>, C<EMSGSIZE>: what came could
not be used. Only this callback is told, the others go on waiting;

=item *

C<ECANCELED>: the queue was closed.

=back

A batch (L<File::FDpasser/send_files>) goes to as many callbacks as it has
descriptors. Where fewer wait the queue keeps the rest for those to come.

To hear of the end of a connection on which nothing is to be received, push a
callback all the same.

=head2 push_send_fh

    $queue->push_send_fh($fh);
    $queue->push_send_fh($fh, sub { my $went = shift; ... });

B<Arguments:> A handle or a descriptor number, which has to stay open until it
has gone. What was printed to a handle is flushed then; of a handle that is
non-blocking itself, flush it before, as Perl forgets what it could not write.
A callback may follow: it is called with 1 when the descriptor is on its way; or
with C<undef> and C<$!>: C<EPIPE>, the other end is closed; C<EBADF>, the
handle was closed meanwhile; C<ECANCELED>, the queue was; others as
L<File::FDpasser/send_file>. SIGPIPE is not raised.

=head2 push_send_fhs

    $queue->push_send_fhs(\@fh, sub { my $went = shift; ... });

Sends several as L<File::FDpasser/send_files> does, up to 64 in a message. The
callback is called once, when all have gone, with their number; on a failure
with C<$!> and the number of those that went before, C<undef> if none did.

=head2 push_send_err

    $queue->push_send_err($errno, $text, sub { my $went = shift; ... });

Sends an error reply in place of a descriptor, as L<File::FDpasser/send_err>:
C<$errno> from 1 to 255, and C<$text>, which may be undef, of at most 4096
bytes.

=head2 close

    $queue->close;

Ends the queue: all callbacks that wait are called with C<undef> and
C<ECANCELED>, descriptors that no callback has taken are closed, and the
connection is let go: it is closed if nobody else holds it.

=head2 wants_read, wants_write, timeout

    my $wants_read  = $queue->wants_read;     # true or false
    my $wants_write = $queue->wants_write;
    my $timeout     = $queue->timeout;        # seconds, or undef

What L</ready> is to be called for: that the connection is readable, that it
is writable, and that so many seconds are over: 0, at once; undef, never.

=head2 ready

    $queue->ready;

Sends and receives what can be, and calls the callbacks. To be called when
what the queue wants has come; at other times it does no harm. One call serves
at most those callbacks that waited when it began.

=head2 pending

How many callbacks and sends wait, an integer.

=head1 WHEN THE TABLE OF DESCRIPTORS IS FULL

Then the next descriptor stays in the connection, and its callback waits. The
queue does not ask for readability meanwhile: the connection is readable all
the time, and the loop would spin.

No system tells a process that there is room again. A program that closes
descriptors knows: it calls L</ready>, and the queue goes on at once. For the
closings that nobody tells it of it has a C<timeout> of a tenth of a second
while the table is full, and at no other time but these: the user has too many
descriptors in flight (C<ETOOMANYREFS>), the system is short of memory or of
open files, a peer has sent half a message, or a handle that is to be sent
could not be flushed now.

A batch is received whole or not at all: it needs room for all of its
descriptors, up to 64 for those of this module.

=head1 WITH AN EVENT LOOP

In each of these C<$conn> is the connection, an endpoint of File::FDpasser or any
other handle. While a queue in a loop has
something to wait for, the loop holds it: what was pushed is done, though the
program keeps no reference. L</close> ends that.

=head2 select

    while ($queue->pending) {
        my ($read, $write) = ('', '');
        vec($read,  fileno $conn, 1) = $queue->wants_read;
        vec($write, fileno $conn, 1) = $queue->wants_write;
        select $read, $write, undef, $queue->timeout;
        $queue->ready;
    }

A program that waits for other things as well passes C<select> the smallest
timeout of all.

=head2 IO::Poll

    my $poll = IO::Poll->new;
    while ($queue->pending) {
        $poll->mask($conn => ($queue->wants_read && POLLIN)
            | ($queue->wants_write && POLLOUT));
        $poll->poll($queue->timeout);
        $queue->ready;
    }

=head2 AnyEvent

    my ($reader, $writer, $timer);
    my $queue = File::FDpasser::Queue->new($conn, on_wants => sub {
        my ($queue, $read, $write, $timeout) = @_;
        my $ready = sub { $queue->ready };
        $reader = $read ? AE::io(fileno $conn, 0, $ready) : undef;
        $writer = $write ? AE::io(fileno $conn, 1, $ready) : undef;
        $timer = defined $timeout ? AE::timer($timeout, 0, $ready) : undef;
    });

(L<EV> takes no endpoint as it is, but takes its C<fileno>.)

=head2 IO::Async

    my $timer;
    my $queue = File::FDpasser::Queue->new($conn, on_wants => sub {
        my ($queue, $read, $write, $timeout) = @_;
        my $ready = sub { $queue->ready };
        $loop->unwatch_io(handle => $conn, on_read_ready => 1, on_write_ready => 1);
        $loop->watch_io(handle => $conn, on_read_ready => $ready) if $read;
        $loop->watch_io(handle => $conn, on_write_ready => $ready) if $write;
        $loop->unwatch_time($timer) if defined $timer;
        $timer = defined $timeout
            ? $loop->watch_time(after => $timeout, code => $ready) : undef;
    });

=head2 Mojo::IOLoop

    my $reactor = Mojo::IOLoop->singleton->reactor;
    my $timer;
    my $queue = File::FDpasser::Queue->new($conn, on_wants => sub {
        my ($queue, $read, $write, $timeout) = @_;
        my $ready = sub { $queue->ready };
        $reactor->remove($_) for $conn, grep { defined } $timer;
        $reactor->io($conn => $ready)->watch($conn, $read, $write)
            if $read || $write;
        $timer = defined $timeout ? $reactor->timer($timeout => $ready) : undef;
    });

=head2 POE

    POE::Session->create(inline_states => {
        _start => sub { $_[KERNEL]->alias_set('queue') },
        wants  => sub {
            my ($kernel, $queue, $read, $write, $timeout) = @_[KERNEL, ARG0 .. $#_];
            $kernel->select_read($conn, $read ? ('ready', $queue) : ());
            $kernel->select_write($conn, $write ? ('ready', $queue) : ());
            $kernel->delay(timer => $timeout, $queue);
        },
        ready => sub { $_[ARG2]->ready },
        timer => sub { $_[ARG0]->ready },
    });
    my $queue = File::FDpasser::Queue->new($conn,
        on_wants => sub { $poe_kernel->call(queue => wants => @_) });

The session ends with the loop. To end it before, remove its alias.

=head1 SEE ALSO

L<File::FDpasser>; L<AnyEvent::FDpasser>, after whose methods those of this
module are named

=head1 COPYRIGHT AND LICENSE

This library is free software; you can redistribute it and/or modify it under
the same terms as Perl itself.

=cut
