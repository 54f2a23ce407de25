package File::FDpasser::Queue;

use 5.016;
use strict;
use warnings;

use Errno ();
use File::FDpasser ();
use File::FDpasser::Watchable ();
use IO::Handle;
use Scalar::Util qw(refaddr weaken);

our $VERSION = '1.00';

our @ISA = ('File::FDpasser::Watchable');
my $LONGEST_TEXT = 4096;

# So many handles at most go to the native layer at once.
my $BATCH = 1012;

# Of each list, by the address of its queue: something is being pushed.
our %coming;

# A queue is a Watchable with
#   receivers   callbacks that wait for a descriptor each, in order
#   received    handles and errnos that came and that no callback has taken yet
#   sends       those that wait, in order, each with
#       what        duplicates of the handles that have not gone yet; or the
#                   errno and the text of a reply that has not
#       take        a function that sends from there, and takes off what has gone
#       value       what the callback hears when all of it went
#       over        the errno, when nothing more is tried
#       callback
# While a callback runs nothing is in progress: it may die, push more, run
# `ready`, close the queue or drop it.

sub new {
    my ($class, $connection, @options) = @_;
    my $self = $class->_new($connection, @options) or return undef;
    _make_nonblocking($self) or return undef;
    $self->{$_} = [] for qw(receivers received sends);
    return $self;
}

sub push_recv_fh {
    my ($self, $callback) = @_;
    $self->_check_push('push_recv_fh', $callback, 1);
    return $self->_push(receivers => $callback);
}

sub push_send_fh {
    my ($self, $handle, $callback) = @_;
    $self->_check_push('push_send_fh', $callback);
    return $self->_push_send('push_send_fh', [$handle], $callback);
}

sub push_send_fhs {
    my ($self, $handles, $callback) = @_;
    $self->_check_push('push_send_fhs', $callback);
    $self->_invalid('push_send_fhs', 'the handles are no reference to an array')
        if ref $handles ne 'ARRAY';
    return $self->_push_send('push_send_fhs', $handles, $callback);
}

sub push_send_err {
    my ($self, $errno, $text, $callback) = @_;
    $self->_check_push('push_send_err', $callback);
    my $status = do { no warnings; int $errno };
    $text = defined $text ? "$text" : '';
    $self->_invalid('push_send_err', 'the errno is not between 1 and 255')
        if $status < 1 || $status > 255;
    $self->_invalid('push_send_err', 'the text has a NUL or a wide character')
        if $text =~ /[^\x01-\xff]/;
    $self->_invalid('push_send_err',
        "the text is longer than $LONGEST_TEXT bytes")
        if length $text > $LONGEST_TEXT;
    return $self->_push(sends => {
        what     => [ $status, $text ],
        take     => \&_take_reply,
        value    => 1,
        callback => $callback,
    });
}

# What is sent is what is open now, so duplicates wait. Where there is no room for
# them it goes at once, if nothing is before it, or not at all.
sub _push_send {
    my ($self, $function, $handles, $callback) = @_;
    my $duplicates = $self->_duplicates($function, $handles);
    my $errno      = $! + 0;
    my $is_full    = !$duplicates && ($!{EMFILE} || $!{ENFILE});
    my $send = {
        what     => $duplicates || [@$handles],
        take     => \&_take_handles,
        value    => scalar @$handles,
        callback => $callback,
        over     => $duplicates ? undef : $errno,
    };
    $self->_push(sends => $send);
    _take_handles($self->{connection}, $send->{what})
        if $is_full && $self->{sends}[0] == $send;
    return;
}

# The loop is told first: an exception between leaves it wanting too much, and not
# too little.
sub _push {
    my ($self, $list, $what) = @_;
    local $coming{$list}{ refaddr $self } = 1;
    $self->_tell;
    push @{ $self->{$list} }, $what;
    return;
}

sub wants_read {
    my ($self) = @_;
    return !!($self->_has('receivers') && !@{ $self->{received} }
            && !$self->{pausing}{read} && defined $self->fileno);
}

sub wants_write {
    my ($self) = @_;
    return !!($self->_has('sends') && !$self->{pausing}{write}
            && defined $self->fileno);
}

sub _has {
    my ($self, $list) = @_;
    return @{ $self->{$list} } || $coming{$list}{ refaddr $self };
}

sub pending {
    my ($self) = @_;
    return @{ $self->{receivers} } + @{ $self->{sends} };
}

sub close {
    my ($self) = @_;
    $self->_promising(sub {
        @$self{qw(connection received)} = (undef, []);
        $self->ready;
    });
    return;
}

sub _is_due {
    my ($self) = @_;
    return $self->pending && !defined $self->fileno
        || $self->_has('receivers') && @{ $self->{received} };
}

sub is_over { return $_[0]->is_closed && !$_[0]->pending }

# Callbacks that are pushed meanwhile have their turn at the next call: one that
# pushes itself again must not keep the loop from everything else.
sub _serve {
    my ($self)   = @_;
    my $sends    = @{ $self->{sends} };
    my $receives = @{ $self->{receivers} };
    my $working  = \$File::FDpasser::Watchable::working{ refaddr $self };
    weaken $self;
    while ($self && $sends-- > 0) {
        last if !$self->_send || !$self;
        _report($self->{sends}, $working);
        $$working = 1;
    }
    while ($self && $receives-- > 0) {
        last if !$self->_receive($working) || !$self;    # on_text may have dropped it
        _answer($self->{receivers}, $self->{received}, $working);
        $$working = 1;
    }
    return;
}

# ---- sends

# True if the next one is over.
sub _send {
    my ($self) = @_;
    my $send = $self->{sends}[0] or return;
    $self->_promise;
    while (!defined $send->{over} && @{ $send->{what} }) {
        defined $self->{connection}
            or return $send->{over} = Errno::ECANCELED();
        next if $send->{take}->($self->{connection}, $send->{what});
        my $errno = $! + 0;
        return $self->_pause('write') if $self->_is_transient($errno);
        $send->{over} = defined $self->{connection} ? $errno : Errno::ECANCELED();
    }
    return 1;
}

sub _take_handles {
    my ($connection, $handles) = @_;
    my $last = $#$handles < $BATCH ? $#$handles : $BATCH - 1;
    return File::FDpasser::_send_files_from($connection, $handles,
        @$handles[ 0 .. $last ]);
}

sub _take_reply {
    my ($connection, $reply) = @_;
    return File::FDpasser::_send_err_from($connection, $reply, @$reply);
}

# Calls the callback of the next send, which is over. The list is left and the
# callback called in one expression, so that each is called once.
sub _report {
    my ($sends, $working) = @_;
    my $send    = $sends->[0] or return;
    my $left    = @{ $send->{what} };
    my $errno   = $send->{over};
    my $value   = $send->{value};
    if ($left) {    # a reply, which is two, goes whole or not at all
        $value -= $left;
        $value = undef if $value < 1;
    }
    $send = $send->{callback} || sub { };
    if ($left) {
        &{ (@_ = $value, shift @$sends, $$working = 0, $! = $errno, $send)[-1] };
    }
    else {
        &{ (@_ = $value, shift @$sends, $$working = 0, $send)[-1] };
    }
    return;
}

# ---- receives

# True if there is an answer for the next callback. Texts are handed on meanwhile, by
# code that may do anything.
sub _receive {
    my ($self, $working) = @_;
    $self->_promise;
    return 1 if @{ $self->{received} };
    my $errno = Errno::ECANCELED();
    if (defined $self->{connection}) {
        my $came = ($$working = 0,
            File::FDpasser::_receive_into(@$self{qw(connection received)}))[-1];
        $errno    = $! + 0;
        $$working = 1;
        return 1 if $came;
        return $self->_pause('read') if $self->_is_transient($errno);
    }
    push @{ $self->{received} }, $errno if @{ $self->{receivers} };
    return 1;
}

# Calls the next callback with the next answer, in one expression, so that none
# is lost. The handle is in @_ alone, where the callback can take it from.
sub _answer {
    my ($receivers, $received, $working) = @_;
    return if !@$receivers || !@$received;
    if (ref $received->[0]) {
        &{ (@_ = $received->[0], undef $received->[0], shift @$received,
            $$working = 0, shift @$receivers)[-1] };
    }
    else {
        &{ (@_ = undef, $! = shift @$received, $$working = 0,
            shift @$receivers)[-1] };
    }
    return;
}

# ---- arguments

sub _check_push {
    my ($self, $function, $callback, $is_needed) = @_;
    $self->_check_code($function, 'the callback', $callback);
    $self->_invalid($function, 'there is no callback')
        if $is_needed && !defined $callback;
    $self->_invalid($function, 'the queue is closed') if $self->is_closed;
    return;
}

# The flag belongs to the socket, so that any descriptor of it will do.
sub _make_nonblocking {
    my ($self) = @_;
    my $handle = $self->_a_handle or return;
    my $is_stream = File::FDpasser::my_isastream($handle);
    return if $is_stream < 0 || !$is_stream && !$self->_is_no_listener($handle);
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

From within an event loop:

    use strict;
    use warnings;
    use AnyEvent;
    use File::FDpasser;
    use File::FDpasser::Loop qw(watch);
    use File::FDpasser::Queue;

    my ($ours, $theirs) = spipe();
    my $done  = AnyEvent->condvar;
    my $queue = watch(File::FDpasser::Queue->new($ours));
    my $other = watch(File::FDpasser::Queue->new($theirs));

    $queue->push_send_fh(\*STDIN);
    $other->push_recv_fh(sub {
        my $fh = shift or return $done->croak("not received: $!\n");
        $done->send(fileno $fh);
    });
    print 'STDIN again, as descriptor ', $done->recv, "\n";
    $_->close for $queue, $other;

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
push more, call C<ready>, close the queue, drop it, or die. An exception leaves
C<ready>, and what still waits goes on at the next call. So does that of a signal
handler, wherever it comes: what was received is kept by the queue before any Perl
code can run, and what was sent is not sent again. One that leaves a push has taken
nothing unless L</pending> has grown; one that leaves L</close> has it called again.
Two things cannot be held: a callback that was called, and left before its first
statement, was called; and over streams an error reply that is left while its text
is handed on is gone.

=item *

A handle that is received belongs to the callback: C<< my $fh = shift >> takes
it, and it closes when that is dropped.

=item *

What is sent is what was open when it was pushed: the queue makes a duplicate,
and whatever becomes of the handle or number after that is no matter. So

    while (my $path = shift @paths) {
        open $fh, '<', $path or die "$path: $!\n";
        $queue->push_send_fh($fh);
    }

sends each of the files. It takes a descriptor for each that waits; for one that is
pushed again and again only one where that can be seen (in one
L</push_send_fhs>, and on Linux since 6.10).

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

whenever its wants have changed, and each time that it wants a new timer; see
L</on_wants>. Loops are watched by L<File::FDpasser::Loop>, which does that.

Whatever the connection's flags say later, the queue never waits on it.

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

B<Arguments:> A handle or a descriptor number, of which the queue keeps a
duplicate until it has gone. What was printed to a handle is flushed now. A
callback may follow: it is called with 1 when the descriptor is on its way; or
with C<undef> and C<$!>: C<EPIPE>, the other end is closed; C<ECANCELED>, the queue
was closed; C<EMFILE>, there was no room for a duplicate and it could not be sent at
once; C<ENOSPC>, C<EAGAIN> and so on, it could not be flushed; others as
L<File::FDpasser/send_file>. SIGPIPE is not raised.

=head2 push_send_fhs

    $queue->push_send_fhs(\@fh, sub { my $went = shift; ... });

Sends several as L<File::FDpasser/send_files> does, many in a message. The
callback is called once, when all have gone, with their number; on a failure
with C<$!> and the number of those that went before, C<undef> if none did.

=head2 push_send_err

    $queue->push_send_err($errno, $text, sub { my $went = shift; ... });

Sends an error reply in place of a descriptor, as L<File::FDpasser/send_err>:
C<$errno> from 1 to 255, and C<$text>, which may be undef, of at most 4096
bytes; of a long one as much is sent as surely goes in one piece with the errno, a
thousand bytes and more.

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

=head2 on_wants

    $queue->on_wants(sub { my ($queue, $read, $write, $timeout) = @_; ... });

What C<new> takes as an option: the function that is told of the wants. It is
called now if there are any, then whenever they change, each time that a new
timer is wanted, and a last time when the queue has been closed. Before it sends or
receives, C<ready> wants to be called again at once, and after that says what it
really wants: so a loop comes back to it though a callback has died. Let a timer
ring again until something else is said: C<ready> may be left by an exception before
it has said anything. If the function dies it is told the same again at the next
occasion; it is told of a push before that is taken, which then is not.

=head2 handle, fileno

The connection as it was given to C<new>, and its descriptor number; C<undef>
when the queue is closed.

=head2 is_closed, is_over

Whether it is closed; whether moreover every callback has been called.

=head2 ready

    $queue->ready;

Sends and receives what can be, and calls the callbacks. To be called when
what the queue wants has come; at other times it does no harm. One call serves
at most those callbacks that waited when it began. One that a signal handler makes
while another is at work leaves the work to that.

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
open files.

A batch is received whole or not at all: it needs room for all of its
descriptors, which for those of this module are a quarter of the sender's limit, or
64, and never more than 253.

=head1 WITH AN EVENT LOOP

L<File::FDpasser::Loop> watches queues from within IO::Async, Mojo::IOLoop,
AnyEvent and POE, and has a loop of its own. With C<select>, C<$conn> being the
connection:

    while ($queue->pending) {
        my ($read, $write) = ('', '');
        vec($read,  fileno $conn, 1) = $queue->wants_read;
        vec($write, fileno $conn, 1) = $queue->wants_write;
        select $read, $write, undef, $queue->timeout;
        $queue->ready;
    }

A program that waits for other things as well passes C<select> the smallest
timeout of all.

=head1 SEE ALSO

L<File::FDpasser>, L<File::FDpasser::Channel>, L<File::FDpasser::Loop>;
L<AnyEvent::FDpasser>, after whose methods those of this
module are named

=head1 COPYRIGHT AND LICENSE

This library is free software; you can redistribute it and/or modify it under
the same terms as Perl itself.

=cut
