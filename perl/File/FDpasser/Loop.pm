package File::FDpasser::Loop;

use 5.016;
use strict;
use warnings;

use Carp ();
use Exporter 'import';
use File::FDpasser::Watchable ();
use Scalar::Util qw(blessed openhandle refaddr weaken);

our $VERSION = '1.00';

our @EXPORT_OK = qw(run watch);

our @CARP_NOT = ('File::FDpasser::Watchable');

# For each loop a class, a method that it has, and the glue: which takes a handle,
# what is to be called, and the loop, and returns a function that is told whether
# to read and to write, and after how many seconds to call anyway. It can be told
# the same again, by whoever has left it by an exception.
my @GLUE = (
    [ 'IO::Async::Loop', 'watch_time',  \&_io_async ],
    [ 'Mojo::IOLoop',    'singleton',   \&_mojo_loop ],
    [ 'Mojo::Reactor',   'watch',       \&_mojo ],
    [ 'POE::Kernel',     'select_read', \&_poe ],
    [ 'AnyEvent',        'io',          \&_any_event ],
);

# A timer rings until it is told to stop, as a connection is readable: what is
# called may be left before it has done anything. This long after it rang at once.
my $AGAIN = 0.1;

# What is watched, by its address: it lives until it is closed.
my %watched;

sub watch {
    my ($thing, $loop) = @_;
    _check('watch', $thing, 1);
    _invalid('watch', 'argument 1 is closed') if $thing->is_closed;
    _invalid('watch', 'argument 1 is watched already')
        if $watched{ refaddr $thing };
    my $glue   = _glue_for($loop);
    my $errno  = $! + 0;
    my $handle = _handle_of($thing) or return undef;
    my $tell   = $glue->($handle, sub { $thing->ready; return }, $loop);

    $watched{ refaddr $thing } = $thing;
    $thing->on_wants(sub {
        my ($self, @wants) = @_;
        $tell->(@wants);
        delete $watched{ refaddr $self } if $self->is_over;
    });
    $! = $errno;
    return $thing;
}

sub run {
    my @things = @_;
    _check('run', $things[$_], $_ + 1) for 0 .. $#things;
    while (my @waiting = grep { _wants_anything($_) } @things) {
        my ($read, $write, $timeout) = _sets(@waiting);
        my $count = select $read, $write, undef, $timeout;
        for my $thing (@waiting) {
            $thing->ready if $count < 0 || defined $thing->timeout
                || _is_set($read, $thing) || _is_set($write, $thing);
        }
    }
    return;
}

# ---- without a loop

sub _wants_anything {
    my ($thing) = @_;
    return $thing->wants_read || $thing->wants_write || defined $thing->timeout;
}

sub _sets {
    my ($read, $write, $timeout) = ('', '', undef);
    for my $thing (@_) {
        vec($read,  $thing->fileno, 1) = 1 if $thing->wants_read;
        vec($write, $thing->fileno, 1) = 1 if $thing->wants_write;
        my $its = $thing->timeout;
        $timeout = $its if defined $its && !(defined $timeout && $timeout < $its);
    }
    return ($read, $write, $timeout);
}

sub _is_set {
    my ($set, $thing) = @_;
    my $number = $thing->fileno;
    return defined $number && vec $set, $number, 1;
}

# ---- with one

sub _any_event {
    my ($handle, $ready) = @_;
    my ($reader, $writer, $timer);
    return sub {
        my ($read, $write, $timeout) = @_;
        $reader = !$read ? undef : $reader
            || AnyEvent->io(fh => $handle, poll => 'r', cb => $ready);
        $writer = !$write ? undef : $writer
            || AnyEvent->io(fh => $handle, poll => 'w', cb => $ready);
        $timer = !defined $timeout ? undef
            : AnyEvent->timer(after => $timeout, interval => $timeout || $AGAIN, cb => $ready);
    };
}

sub _io_async {
    my ($handle, $ready, $loop) = @_;
    my ($timer, %watches);
    return sub {
        my ($read, $write, $timeout) = @_;
        my %wanted = (on_read_ready => $read, on_write_ready => $write);
        for my $event (sort keys %wanted) {
            next if !$wanted{$event} == !$watches{$event};
            $wanted{$event}
                ? $loop->watch_io(handle => $handle, $event => $ready)
                : $loop->unwatch_io(handle => $handle, $event => 1);
            $watches{$event} = $wanted{$event};
        }
        my $former = $timer;
        $timer = !defined $timeout ? undef
            : _io_async_timer({}, $ready, $loop, $timeout);
        $loop->unwatch_time($former->{id}) if $former;
    };
}

# Its timers ring once: this is set again as long as somebody has the hash.
sub _io_async_timer {
    my ($timer, $ready, $loop, $timeout) = @_;
    weaken(my $still = $timer);
    $timer->{id} = $loop->watch_time(after => $timeout, code => sub {
        return if !$still;
        _io_async_timer($still, $ready, $loop, $timeout || $AGAIN);
        $ready->();
    });
    return $timer;
}

# The class stands for its singleton, as everywhere in Mojo.
sub _mojo_loop {
    my ($handle, $ready, $loop) = @_;
    $loop = $loop->singleton if !ref $loop;
    return _mojo($handle, $ready, $loop->reactor);
}

sub _mojo {
    my ($handle, $ready, $reactor) = @_;
    my ($timer, $is_watched);
    return sub {
        my ($read, $write, $timeout) = @_;
        $reactor->io($handle => $ready) if !$is_watched && ($read || $write);
        if ($read || $write) { $reactor->watch($handle, $read, $write) }
        elsif ($is_watched)  { $reactor->remove($handle) }
        $is_watched = $read || $write;
        my $former = $timer;
        $timer = defined $timeout ? $reactor->recurring($timeout => $ready) : undef;
        $reactor->remove($former) if defined $former;
    };
}

# There is a session while something is wanted, so that POE ends without us.
sub _poe {
    my ($handle, $ready, $kernel) = @_;
    my $alias  = __PACKAGE__ . ' ' . fileno $handle;
    my %states = (
        _start => sub { $kernel->alias_set($alias); return },
        ready  => $ready,
        tell   => sub {
            my ($read, $write, $timeout) = @_[ POE::Session::ARG0() .. $#_ ];
            $kernel->select_read($handle, $read ? 'ready' : undef);
            $kernel->select_write($handle, $write ? 'ready' : undef);
            $kernel->delay(ready => $timeout);
            $kernel->alias_remove($alias)
                if !$read && !$write && !defined $timeout;
            return;
        },
    );
    return sub {
        my @wants = @_;
        POE::Session->create(inline_states => \%states)
            if !$kernel->alias_resolve($alias);
        $kernel->call($alias => tell => @wants);
        return;
    };
}

# ---- arguments

sub _check {
    my ($function, $thing, $which) = @_;
    _invalid($function, "argument $which is no queue and no channel")
        if !blessed $thing || !$thing->isa('File::FDpasser::Watchable');
    # Its callbacks would stop the loop.
    _invalid($function, "argument $which is a channel that blocks; make it with blocking => 0")
        if $thing->can('blocking') && $thing->blocking;
    return;
}

# No loop is loaded: who has one has its modules.
sub _glue_for {
    my ($loop) = @_;
    my $wanted = defined $loop ? $loop : 'AnyEvent';
    for my $known (@GLUE) {
        my ($class, $method, $glue) = @$known;
        return $glue if UNIVERSAL::isa($wanted, $class) && $class->can($method);
    }
    return _invalid('watch', defined $loop ? 'argument 2 is no loop that is known'
        : 'there is no argument 2, and AnyEvent is not loaded');
}

# A glob of its own for loops, which know a handle by its number, so that this
# stays open as long as it is watched.
sub _handle_of {
    my ($thing) = @_;
    my $is_perls = openhandle($thing->handle);
    open my $handle, $is_perls ? '+<&=' : '+<&', $thing->fileno or return;
    return $handle;
}

sub _invalid {
    my ($function, $why) = @_;
    Carp::croak('Invalid args to ' . __PACKAGE__ . "::$function: $why");
}

1;

__END__

=encoding UTF-8

=head1 NAME

File::FDpasser::Loop - queues and channels in an event loop

=head1 SYNOPSIS

    use strict;
    use warnings;
    use File::FDpasser;
    use File::FDpasser::Loop qw(run);
    use File::FDpasser::Queue;

    my ($one, $other) = spipe();
    my ($sends, $receives) = map { File::FDpasser::Queue->new($_) } $one, $other;
    $sends->push_send_fh(\*STDIN, sub { print "sent\n" });
    $receives->push_recv_fh(sub { print 'received ', fileno $_[0], "\n" });
    run($sends, $receives);

With a loop:

    use strict;
    use warnings;
    use File::FDpasser;
    use File::FDpasser::Channel;
    use File::FDpasser::Loop qw(watch);
    use IO::Async::Loop;

    my $loop = IO::Async::Loop->new;
    my ($one, $other) = spipe();
    my $channel = watch(
        File::FDpasser::Channel->new($one,
            blocking => 0,
            on_input => sub { print $_[0]->read_line },
            on_end   => sub { $_[0]->close; $loop->stop },
        ),
        $loop,
    );
    syswrite $other, "hello\n";
    close $other;
    $loop->run;

=head1 FUNCTIONS

They are exported by name.

=head2 watch

    watch($queue_or_channel, $loop);

Has the loop call the object's C<ready> whenever it wants to be called. Until it
is closed it is kept, also if the program forgets it: an object that nobody needs
any more has to be closed, at the end of its connection too.

No loop is loaded: it is there already, in a program that has one.

B<Arguments:> A L<File::FDpasser::Queue>; or a L<File::FDpasser::Channel> that was
made with C<< blocking => 0 >>. Then the loop:

=over 4

=item *

an L<IO::Async::Loop>;

=item *

a L<Mojo::IOLoop>, or its name, which stands for the singleton; or any
L<Mojo::Reactor>;

=item *

a L<POE::Kernel>, usually C<$poe_kernel>;

=item *

nothing, or C<'AnyEvent'>: L<AnyEvent>, with whatever it works on.

=back

A loop knows a connection by its descriptor. This stays open as long as the object
is watched, even if the program closes its handle: close the object.

B<Returns:> The object; or C<undef> and C<$!> where the connection is given as a
number or an object with a C<fileno> method, and there is no room for a duplicate.

B<Errors:> Dies with C<Invalid args to File::FDpasser::Loop::watch: ...> of what is
no queue and no channel, blocks, is closed or watched already, and of a loop that it
does not know.

=head2 run

    run(@queues_and_channels);

A loop for programs that have none: calls the C<ready> of each when that is wanted,
with L<perlfunc/select>, until none of them wants anything: queues, when nothing is
pending; channels, when they are closed, or at their end. Signal handlers run as
always. Exceptions of callbacks leave it; call it again to go on.

=head1 OTHER LOOPS

What C<watch> does is not much: the object tells a function, see
L<File::FDpasser::Queue/on_wants>, whether it wants to be called when its connection
is readable, when it is writable, and after how many seconds. That function sets up
the loop's watchers, and they call C<ready>.

=head1 EXCEPTIONS

An exception, of a callback or a signal handler, leaves C<ready>, and then it is the
loop's: IO::Async lets it out, L<Mojo::Reactor> emits C<error>, AnyEvent does what
the module below does, and POE ends the session, which is one of this module's. All
but POE go on to call C<ready> as if nothing had been, wherever it was left.

=head1 SEE ALSO

L<File::FDpasser::Queue>, L<File::FDpasser::Channel>;
L<File::FDpasser::Cookbook/On every event loop>, a server

=head1 COPYRIGHT AND LICENSE

This library is free software; you can redistribute it and/or modify it under
the same terms as Perl itself.

=cut
