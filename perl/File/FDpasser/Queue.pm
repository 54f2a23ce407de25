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

# What goes in one piece, whatever room there is.
my $LONGEST_TEXT = 4096;

# A queue is a hash:
#   connection  as the caller gave it; gone when the queue is closed
#   receivers   callbacks that wait for a descriptor each, in order
#   received    handles that came and that no callback has taken yet
#   sends       { handles or error, callback } that wait, in order
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
    $text = '' if !defined $text;
    _invalid('push_send_err', 'the errno is not between 1 and 255')
        if $errno !~ /\A[0-9]+\z/ && !($errno = 0 + $errno)
        || $errno < 1 || $errno > 255;
    _invalid('push_send_err', 'the text has a NUL or a wide character')
        if $text =~ /[^\x01-\xff]/;
    _invalid('push_send_err', "the text is longer than $LONGEST_TEXT bytes")
        if length $text > $LONGEST_TEXT;
    return $self->_push('push_send_err', { error => [0 + $errno, $text] },
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
            && !$self->{pausing}{receive});
}

sub wants_write {
    my ($self) = @_;
    return !!(@{ $self->{sends} } && !$self->{pausing}{send});
}

sub timeout {
    my ($self) = @_;
    my $wait = @{ $self->{receivers} };
    return 0 if $wait && @{ $self->{received} };
    return $PAUSE if $wait && $self->{pausing}{receive};
    return $PAUSE if @{ $self->{sends} } && $self->{pausing}{send};
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
    delete $self->{connection} or return;
    my @turns = (
        (map { $_->{callback} } splice @{ $self->{sends} }),
        splice @{ $self->{receivers} });
    @{ $self->{received} } = ();
    $self->_tell;
    delete $self->{on_wants};    # what it holds may hold the queue
    for my $callback (grep {defined} @turns) {
        $! = Errno::ECANCELED();
        $callback->(undef);
    }
    return;
}

# ---- one send, one receive: the call that remains to be made, to a callback
# that is off the queue already; nothing if there is none or it has to wait.

sub _send {
    my ($self) = @_;
    my $send = $self->{sends}[0] or return;
    my $went = $self->_send_now($send);
    my $errno = $! + 0;
    return $self->_pause('send') if !$went && _is_transient($errno);

    shift @{ $self->{sends} };
    return $self->_turn($send->{callback} || sub { }, $went || undef, $errno);
}

# True if all of it went; else $! says why. What did go is off the list.
sub _send_now {
    my ($self, $send) = @_;
    my $connection = $self->{connection};
    local $SIG{PIPE} = 'IGNORE';    # the callback hears of EPIPE
    local $@;
    if ($send->{error}) {
        return eval { File::FDpasser::send_err($connection, @{ $send->{error} }) }
            || _closed_meanwhile();
    }
    my $handles = $send->{handles};
    my $went = eval { File::FDpasser::send_files($connection, @$handles) };
    return _closed_meanwhile() if !defined $went;
    splice @$handles, 0, $went;
    return !@$handles;
}

# An exception says that a handle is none any more.
sub _closed_meanwhile {
    $! = Errno::EBADF() if $@ ne '';
    return;
}

sub _receive {
    my ($self) = @_;
    return if !@{ $self->{receivers} };
    my $errno = 0;
    if (!@{ $self->{received} }) {
        my @got = File::FDpasser::_receive($self->{connection});
        $errno = $! + 0;
        return $self->_pause('receive') if !@got && _is_transient($errno);
        # A number is a status of the peer's, which may be EAGAIN, too.
        $self->{received} = [@got] if ref $got[0];
    }
    my $callback = shift @{ $self->{receivers} };
    return $self->_turn($callback, shift @{ $self->{received} }, $errno);
}

# The loop hears how things stand before the callback does what it likes.
sub _turn {
    my ($self, $callback, $value, $errno) = @_;
    $self->_tell;
    return sub {
        my @argument = $value;
        undef $value;    # so that the handle is the callback's to drop
        $! = $errno if !defined $argument[0];
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
    my $number = _number($self->{connection});
    return 1 if !defined $number;
    my %set = (receive => '', send => '');
    vec($set{$direction}, $number, 1) = 1;
    return select $set{receive}, $set{send}, undef, 0;
}

sub _tell {
    my ($self) = @_;
    my $on_wants = $self->{on_wants} or return;
    my @wants = (
        $self->wants_read  ? 1 : 0,
        $self->wants_write ? 1 : 0, $self->timeout
    );
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
    my ($errno) = @_;
    local $! = $errno;
    return scalar grep { $!{$_} } @TRANSIENT;
}

sub _number {
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
        open $handle, '+<&', _number($connection) or return;
    }
    return defined IO::Handle::blocking($handle, 0);
}

1;
