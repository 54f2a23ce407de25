package File::FDpasser::Channel;

use 5.016;
use strict;
use warnings;

use Errno ();
use Fcntl ();
use File::FDpasser ();
use File::FDpasser::Watchable ();
use Scalar::Util qw(looks_like_number openhandle refaddr weaken);
use Socket ();
use Time::HiRes ();

our $VERSION = '1.00';

our @ISA = ('File::FDpasser::Watchable');
# Of a message on a byte stream: its length and the number of its descriptors.
my $HEADER        = 'N n';
my $HEADER_LENGTH = 6;

# The kernel lets so many descriptors through in one message.
my $MOST_FHS = 253;

# So much is read at once, less where less has come, and queued in one piece.
my $CHUNK       = 65536;
my $SMALL_CHUNK = 4096;

# ... and handed to the native layer at once.
my $LONGEST = 1 << 18;

# One call of ready reads so often.
my $ROUNDS = 16;

my %DEFAULT = (
    separator   => "\n",
    max_bytes   => 1 << 20,
    max_fhs     => 1024,
    max_pending => 64 << 20,
    timeout     => undef,
    blocking    => undef,
);
my @CALLBACKS = qw(on_drain on_input on_end on_error);

# A channel is a Watchable with the options, and
#   is_packets  the socket keeps boundaries: SOCK_SEQPACKET, SOCK_DGRAM;
#               is_datagrams: the latter
#   is_begun    bytes of the packet were taken
#   input       what has come: bytes, then handles. Of packets it is one, and
#               empty where there is none
#   scanned     so many bytes have no separator
#   failure     an errno that every read ends with, once what came is read
#   is_full     ready has stopped reading until some of the input is taken
#   output      what waits, in pieces: bytes, then handles that are duplicates
#   current     the pieces that a write is at, with the caller's handles
#   is_writing  that write is not over
#   taken, gone bytes that were taken to be written; those that have gone; and
#   gone_before when the current write began
#   news        callbacks that are to be called, with the errno to set
#   closing     the handle, until close has closed it
# The native layer takes what it has written off a piece: an empty one has gone.

sub new {
    my ($class, $connection, @options) = @_;
    my %option = (@options, @options % 2 ? undef : ());
    my %own    = map { $_ => delete $option{$_} } grep { exists $option{$_} }
        keys %DEFAULT, @CALLBACKS;
    my $self = $class->_new($connection, @options % 2 ? $options[-1] : %option)
        or return undef;
    $self->_check_options('new', \%own);
    my $type = _type_of($self) or return undef;
    my $is_packets = $type != Socket::SOCK_STREAM();
    %$self = (
        %$self, %DEFAULT, %own,
        is_packets => $is_packets,
        input      => [ $is_packets ? () : '' ],
        chunk      => $SMALL_CHUNK,
        output     => [],
        news       => {},
        map { $_ => 0 } qw(failure scanned is_full taken gone gone_before),
    );
    $self->{limit} = $self->{max_bytes} + ($is_packets ? 0 : $HEADER_LENGTH);
    $self->{is_datagrams} = $type == Socket::SOCK_DGRAM();
    $self->{blocking} = _is_blocking($self) // return undef if !defined $own{blocking};
    $self->_tell;
    return $self;
}

sub separator {
    my ($self, @new) = @_;
    if (@new) {
        $self->_check_options('separator', { separator => $new[0] });
        @$self{qw(separator scanned)} = ($new[0], 0);
    }
    return $self->{separator};
}

sub blocking {
    my ($self, @new) = @_;
    my $was = $self->{blocking};
    $self->{blocking} = !!$new[0] if @new;
    return $was;
}

sub bytes_waiting {
    my ($self) = @_;
    return @{ $self->{input} } ? length $self->{input}[0] : 0;
}

sub fhs_waiting {
    my ($self) = @_;
    return @{ $self->{input} } ? $#{ $self->{input} } : 0;
}

sub pending_bytes {
    my ($self) = @_;
    $self->_settle;
    return $self->{taken} - $self->{gone};
}

sub bytes_taken {
    my ($self) = @_;
    $self->_settle;
    return $self->{taken};
}

# ---- reading. What is returned is taken by the last expression: see Watchable.

sub read_some {
    my ($self) = @_;
    $self->_await(1, $self->_begin_to_read) or return undef;
    my $input = $self->{input};
    return substr $input->[0], 0, length $input->[0], '';
}

sub read_exactly {
    my ($self, $length) = @_;
    $self->_invalid('read_exactly', 'the length is no number of bytes')
        if !_is_natural($length);
    return _fails(Errno::EMSGSIZE()) if $length > $self->{max_bytes};
    $self->_await($length, $self->_begin_to_read) or return undef;
    return substr $self->{input}[0], 0, $length, '';
}

sub read_line {
    my ($self) = @_;
    my ($input, $separator) = @$self{qw(input separator)};
    my $deadline = $self->_begin_to_read;
    my $at;
    no warnings 'uninitialized';    # there may be no packet
    while (($at = index $input->[0], $separator, $self->{scanned}) < 0) {
        my $length = length $input->[0];
        return _fails(Errno::EMSGSIZE()) if $length >= $self->{max_bytes};
        $self->{scanned} = $length < length $separator ? 0
            : $length - length($separator) + 1;
        $self->_more($deadline) or return undef;
    }
    $at += length $separator;
    return _fails(Errno::EMSGSIZE()) if $at > $self->{max_bytes};
    $self->_begin_to_take;
    return substr $input->[0], 0, $at, '';
}

sub read_message {
    my ($self) = @_;
    return $self->_read_packet if $self->{is_packets};
    my ($length, $count) = $self->_await_message or return;
    my $input = $self->{input};
    $self->{scanned} = 0;
    return (substr(substr($input->[0], 0, $length, ''), $HEADER_LENGTH),
        splice @$input, 1, $count) if wantarray;
    return (substr(substr($input->[0], 0, $length, ''), $HEADER_LENGTH),
        splice @$input, 1, $count)[0];
}

# Its length, with the header, and how many handles are its own.
sub _await_message {
    my ($self)   = @_;
    my $input    = $self->{input};
    my $deadline = $self->_begin_to_read;
    my ($length, $count) = (0, 0);
    while (1) {
        my $have = length $input->[0];
        ($length, $count) = unpack $HEADER, $input->[0] if $have >= $HEADER_LENGTH;
        if ($length > $self->{max_bytes} || $count > $self->{max_fhs}) {
            $! = Errno::EMSGSIZE();
            return;
        }
        $length += $HEADER_LENGTH;
        last if $have >= $length;
        $self->_more($deadline, $length - $have) or return;
    }
    return ($length, $count) if $count <= $#$input;
    $! = Errno::EPROTO();
    return;
}

sub _read_packet {
    my ($self) = @_;
    my $input    = $self->{input};
    my $deadline = $self->_begin_to_read;
    while (!@$input) {
        $self->_more($deadline) or return;
    }
    $self->_begin_to_take;
    $self->{is_begun} = 0;
    return splice @$input, 0 if wantarray;
    return (splice @$input, 0)[0];
}

sub take_fhs {
    my ($self, $count) = @_;
    my $waiting = $self->fhs_waiting;
    $count = $waiting if !defined $count;
    $self->_invalid('take_fhs', 'the count is no number of handles')
        if !_is_natural($count);
    if ($count > $waiting) {
        $! = Errno::EPROTO();
        return;
    }
    return splice @{ $self->{input} }, 1, $count;
}

# Waits until so many bytes are there.
sub _await {
    my ($self, $length, $deadline) = @_;
    my $input = $self->{input};
    no warnings 'uninitialized';    # there may be no packet
    while (length $input->[0] < $length) {
        $self->_more($deadline, $length - length $input->[0]) or return;
    }
    $self->_begin_to_take;
    return 1;
}

# Input is about to be taken.
sub _begin_to_take {
    my ($self) = @_;
    $self->{scanned}  = 0;
    $self->{is_begun} = $self->{is_packets};
    return;
}

# What reading begins with: there will be room. Until when it may wait.
sub _begin_to_read {
    my ($self) = @_;
    $self->_promising(sub { $self->{is_full} = 0 }) if $self->{is_full};
    @{ $self->{input} } = () if $self->{is_packets} && $self->_is_used_up;
    return defined $self->{timeout} ? _now() + $self->{timeout} : undef;
}

# More input, or nothing and $!. Waits as long as the channel does.
sub _more {
    my ($self, $deadline, $length) = @_;
    return 1 if $self->_read($self->_patience($deadline), $length);
    $! = Errno::ETIMEDOUT() if $self->{blocking} && $!{EAGAIN};
    return undef;
}

sub _read {
    my ($self, $patience, $length) = @_;
    return $self->_fail_again if $self->{failure};
    my $input = $self->{input};
    return $self->_check_input(1) if $#$input > $self->{max_fhs};
    no warnings 'uninitialized';    # there may be no packet
    my $room = $self->{limit} - length $input->[0];
    if (!$self->{is_packets}) {
        $length = $self->{chunk} if $length < $self->{chunk};
        $room   = $length        if $length < $room;
    }
    # An empty datagram is input, for which the native layer adds nothing. It is added
    # in the same statement, without `&&`: at both a handler may run, and die.
    push @$input, ('') x ($self->{is_datagrams}
            * defined(my $came = File::FDpasser::_read_into($self->{connection},
                $input, $room, $patience)) * !@$input);
    # Memory for more is taken when it was needed.
    $self->{chunk} = $came < $room ? $SMALL_CHUNK : $CHUNK;
    return 1 if $came && $#$input <= $self->{max_fhs};
    return $self->_check_input($came, $!);
}

# Nothing has come, or too much.
sub _check_input {
    my ($self, $came, $why) = @_;
    my $errno = defined $came ? 0 : $why + 0;
    if ($came) {
        $errno = Errno::EMSGSIZE();
    }
    elsif (!$errno && $self->{is_datagrams}) {
        return 1;
    }
    elsif (!$errno) {
        $errno = Errno::ENOTCONN();
    }
    elsif ($self->_is_transient($errno) || $errno == Errno::EMSGSIZE()) {
        return _fails($errno);
    }
    return $self->_fail_for_good($errno);
}

# What is too much is closed.
sub _fail_for_good {
    my ($self, $errno) = @_;
    my $event = $errno == Errno::ENOTCONN() ? 'on_end' : 'on_error';
    my $last  = $#{ $self->{input} };
    $last = $self->{max_fhs} if $last > $self->{max_fhs};
    $self->_promising(sub {
        ($self->{failure}, $self->{news}{$event}, $#{ $self->{input} })
            = ($errno, $errno, $last);
    });
    return $self->_fail_again;
}

sub _fail_again {
    my ($self) = @_;
    my $is_within = $self->{failure} == Errno::ENOTCONN() && $self->bytes_waiting;
    return _fails($is_within ? Errno::EPROTO() : $self->{failure});
}

# Nothing is left of a packet that was taken bit by bit.
sub _is_used_up {
    my ($self) = @_;
    my $input = $self->{input};
    return $self->{is_begun} && @$input == 1 && !length $input->[0];
}

# ---- writing

sub write {
    my ($self, $bytes, @fh) = @_;
    $self->_check_bytes('write', $bytes);
    return $self->_write('write', $bytes, \@fh);
}

sub write_message {
    my ($self, $bytes, @fh) = @_;
    $self->_check_bytes('write_message', $bytes);
    if (!$self->{is_packets}) {
        $self->_invalid('write_message', 'that is more than a header can tell')
            if length $bytes > 0xffff_ffff || @fh > 0xffff;
        $bytes = pack($HEADER, length $bytes, scalar @fh) . $bytes;
    }
    return $self->_write('write_message', $bytes, \@fh);
}

sub flush {
    my ($self) = @_;
    return $self->_promising(sub {
        $self->_settle;
        $self->_put_output($self->_deadline);
    });
}

sub _write {
    return &_put_or_queue if !$_[0]{on_wants};    # with the same arguments
    my ($self, @what) = @_;
    return $self->_promising(sub { $self->_put_or_queue(@what) });
}

# What was written before goes first.
sub _put_or_queue {
    my ($self, $function, $bytes, $fhs) = @_;
    return _fails(Errno::EBADF()) if !defined $self->{connection};
    $self->_settle if $self->{current};
    my $pieces = $self->_pieces($function, $bytes, $fhs) or return undef;
    my $deadline = defined $self->{timeout} ? $self->_deadline : undef;
    if ($self->{current} || @{ $self->{output} }) {
        return $self->_queue($function, $pieces, length $bytes)
            if $self->{current} || !$self->{blocking};
        $self->_put_output($deadline) or return undef;
    }
    local $self->{is_writing} = 1;
    ($self->{gone_before}, $self->{taken}, $self->{current})
        = ($self->{gone}, $self->{taken} + length $bytes, $pieces);
    return $self->_write_later($function, $pieces, $fhs)
        if !$self->_put($pieces, $deadline);
    $self->{current} = undef;
    # What a signal handler has written meanwhile.
    return @{ $self->{output} } ? $self->_put_output($deadline) : 1;
}

# Not all of it has gone, for the reason in $!.
sub _write_later {
    my ($self, $function, $pieces, $fhs) = @_;
    my $errno    = $! + 0;
    my $is_begun = do { local $self->{is_writing}; $self->_settle };
    if (!$self->_is_transient($errno)) {
        $self->_duplicates($function, $fhs) if $errno == Errno::EBADF();
        $self->_drop_output if $errno != Errno::ETIMEDOUT();
    }
    elsif (!$self->{blocking}) {
        return $is_begun || $self->_queue($function, $pieces, _length_of($pieces));
    }
    return _fails($errno);
}

# Of the write that was going on when an exception came, or that has failed: if
# some of it has gone the rest waits; if nothing has, it was not taken.
sub _settle {
    my ($self) = @_;
    my $pieces = $self->{current};
    return 0 if !$pieces || $self->{is_writing};
    if ($self->{gone} == $self->{gone_before}) {
        ($self->{taken}, $self->{current})
            = ($self->{taken} - _length_of($pieces), undef);
        return 0;
    }
    my @left = grep { @$_ } @$pieces;
    (unshift(@{ $self->{output} }, @left), $self->{current} = undef,
        $self->{drains} |= @left > 0);
    return 1;
}

# What is queued is what is open now, so duplicates wait.
sub _queue {
    my ($self, $function, $pieces, $length) = @_;
    my $pending = $self->{taken} - $self->{gone};
    return _fails(Errno::EAGAIN())
        if $pending && $pending + $length > $self->{max_pending};
    my @waiting;
    for my $piece (@$pieces) {
        my ($bytes, @fh) = @$piece;
        my $duplicates = $self->_duplicates($function, \@fh) or return undef;
        push @waiting, [ $bytes, @$duplicates ];
    }
    my $last = $self->{output}[-1];
    if ($last && @$last && !$self->{is_packets} && @{ $waiting[0] } == 1
        && length $last->[0] < $CHUNK)
    {
        ($last->[0] .= $waiting[0][0], $self->{taken} += $length);
    }
    else {
        (push(@{ $self->{output} }, @waiting), $self->{taken} += $length,
            $self->{drains} = 1);
    }
    return 1;
}

# A list of bytes and handles for each call of the native layer: of so many
# descriptors as one message brings, with a byte at least.
sub _pieces {
    my ($self, $function, $bytes, $fhs) = @_;
    return [ [ $bytes, @$fhs ] ] if @$fhs <= $MOST_FHS && length $bytes;
    if ($self->{is_packets}) {
        return _fails(Errno::EMSGSIZE()) if @$fhs > $MOST_FHS;
        return [ [ $bytes, @$fhs ] ];
    }
    elsif (!length $bytes) {
        $self->_invalid($function, 'descriptors need a byte to go with') if @$fhs;
        return [];
    }
    my @pieces;
    my $duplicates = $self->_duplicates($function, $fhs) or return undef;
    while (@$duplicates > $MOST_FHS) {
        push @pieces, [ substr($bytes, 0, 1, ''), splice @$duplicates, 0, $MOST_FHS ];
        $self->_invalid($function,
            'it takes a byte for every 253 descriptors') if !length $bytes;
    }
    return [ @pieces, [ $bytes, @$duplicates ] ];
}

sub _length_of {
    my ($pieces) = @_;
    my $length = 0;
    $length += length $_->[0] for grep { @$_ } @$pieces;
    return $length;
}

# Writes all pieces; or undef, with $!.
sub _put {
    my ($self, $pieces, $deadline, $is_quiet) = @_;
    my $write = $is_quiet ? \&File::FDpasser::_write_quietly_from
        : \&File::FDpasser::_write_from;
    my $is_cut = 0;
    while (my $piece = $pieces->[0]) {
        if (@$piece) {
            my @begin = length $piece->[0] > $LONGEST ? $self->_beginning($piece) : @$piece;
            my $gone  = $self->{gone};
            my $patience = $is_quiet || $is_cut ? 0 : $self->_patience($deadline);
            $self->{gone} += $write->($self->{connection}, $piece, $patience, @begin);
            my $went = $self->{gone} - $gone;
            # A wait is over before all has gone: by a signal, or by what the next
            # attempt will say.
            if (@$piece && ($is_cut || !$went)) {
                $! = $self->_why_not($deadline, $is_cut)
                    if $went || $self->{blocking} && !$is_quiet && $!{EAGAIN};
                return undef;
            }
            $is_cut = $patience && $went < length $begin[0];
        }
        shift @$pieces if !@$piece;
    }
    return 1;
}

sub _why_not {
    my ($self, $deadline, $is_cut) = @_;
    return Errno::ETIMEDOUT()
        if !$is_cut || defined $deadline && !_left_until($deadline);
    return Errno::EINTR();
}

# The native layer copies what it is given.
sub _beginning {
    my ($self, $piece) = @_;
    return @$piece if $self->{is_packets};
    return (substr($piece->[0], 0, $LONGEST), @$piece[ 1 .. $#$piece ]);
}

sub _put_output {
    my ($self, $deadline, $is_quiet) = @_;
    return 1 if $self->_put($self->{output}, $deadline, $is_quiet);
    my $errno = $! + 0;
    if (!$self->_is_transient($errno) && $errno != Errno::ETIMEDOUT()) {
        $self->{news}{on_error} = $errno if $is_quiet;
        $self->_drop_output;
    }
    return _fails($errno);
}

sub _drop_output {
    my ($self) = @_;
    @$self{qw(output taken drains)} = ([], $self->{gone}, 0);
    return;
}

# ---- for event loops

sub wants_read {
    my ($self) = @_;
    return !!(!$self->{failure} && !$self->{is_full} && !$self->{pausing}{read}
        && defined $self->fileno);
}

sub wants_write {
    my ($self) = @_;
    return !!($self->pending_bytes && !$self->{pausing}{write}
        && defined $self->fileno);
}

sub close {
    my ($self) = @_;
    my $handle = openhandle($self->{connection}) || $self->{closing};
    $self->_promising(sub {
        @$self{qw(connection closing current input output news drains failure taken)}
            = (undef, $handle, undef, [''], [], {}, 0, Errno::EBADF(), $self->{gone});
    });
    CORE::close($handle) if $handle;
    $self->{closing} = undef;
    return;
}

sub is_over { return $_[0]->is_closed }

sub _is_due { return defined $_[0]->_event }

# What is to be called next.
sub _event {
    my ($self) = @_;
    return 'on_drain' if $self->{drains} && !$self->pending_bytes;
    for my $event (qw(on_input on_end on_error)) {
        return $event if exists $self->{news}{$event};
    }
    return;
}

sub _serve {
    my ($self) = @_;
    my $rounds  = $ROUNDS;
    my $working = \$File::FDpasser::Watchable::working{ refaddr $self };
    $self->_promise;
    $self->_settle;
    $self->_write_on;
    weaken $self;
    while ($self) {
        if (defined $self->_event) { $self->_notify($working) }
        else                       { $rounds-- && $self->_read_on || last }
        $$working = 1;
    }
    return;
}

sub _write_on {
    my ($self) = @_;
    return if $self->_put_output(undef, 1) || !$self->_is_transient($! + 0);
    return $self->_pause('write');
}

# True if there is more, or an end to it.
sub _read_on {
    my ($self) = @_;
    return if $self->{failure};
    $self->_promise;
    my $input = $self->{input};
    @$input = () if $self->{is_packets} && $self->_is_used_up;
    # A packet waits until the one before it is taken.
    if ($self->{is_packets} ? @$input : length $input->[0] >= $self->{limit}) {
        $self->{is_full} = 1;
        return;
    }
    $self->{news}{on_input} = 0;
    return 1 if $self->_read(0);
    my $errno = $! + 0;
    delete $self->{news}{on_input};
    return 1 if $self->{failure};
    return $self->_pause('read') if $self->_is_transient($errno);
    # A message of a stream is longer than the room beside what waits.
    return !($self->{is_full} = 1)
        if $errno == Errno::EMSGSIZE() && !$self->{is_packets} && length $input->[0];
    return $self->_fail_for_good($errno), 1;
}

# In one expression, so that each is called once.
sub _notify {
    my ($self, $working) = @_;
    my $event    = $self->_event;
    my $errno    = $event eq 'on_error' ? $self->{news}{$event} : 0;
    my $callback = $self->{$event} || sub { };
    if ($errno) {
        &{ (@_ = $self, delete $self->{news}{$event}, $$working = 0, $! = $errno,
            $callback)[-1] };
    }
    elsif ($event eq 'on_drain') {
        &{ (@_ = $self, $self->{drains} = 0, $$working = 0, $callback)[-1] };
    }
    else {
        &{ (@_ = $self, delete $self->{news}{$event}, $$working = 0, $callback)[-1] };
    }
    return;
}

# ---- waiting

sub _deadline {
    my ($self) = @_;
    return defined $self->{timeout} ? _now() + $self->{timeout} : undef;
}

sub _now { return Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) }

# Milliseconds; -1: as long as it takes.
sub _patience {
    my ($self, $deadline) = @_;
    return 0 if !$self->{blocking};
    return defined $deadline ? _left_until($deadline) : -1;
}

sub _left_until {
    my ($deadline) = @_;
    my $left = $deadline - _now();
    return $left <= 0 ? 0 : int(1000 * $left) + 1;
}

# ---- arguments

my %IS_VALID = (
    separator   => sub { defined $_[0] && length $_[0] && $_[0] !~ /[^\x00-\xff]/ },
    timeout     => sub { !defined $_[0] || looks_like_number($_[0]) && $_[0] >= 0 },
    blocking    => sub { 1 },
    map { $_ => sub { _is_natural($_[0]) && $_[0] > 0 } }
        qw(max_bytes max_fhs max_pending),
);

sub _check_options {
    my ($self, $function, $option) = @_;
    for my $name (sort keys %$option) {
        my $value = $option->{$name};
        if (my $is_valid = $IS_VALID{$name}) {
            $self->_invalid($function,
                "$name => " . (defined $value ? "'$value'" : 'undef') . ' makes no sense')
                if !$is_valid->($value);
        }
        else {
            $self->_check_code($function, $name, $value);
        }
    }
    return;
}

# The third argument, which becomes bytes.
sub _check_bytes {
    my ($self, $function) = @_;
    $self->_invalid($function, 'there are no bytes') if !defined $_[2];
    $self->_invalid($function, 'the bytes are a reference') if ref $_[2];
    $self->_invalid($function, 'a wide character is among the bytes')
        if utf8::is_utf8($_[2]) && !utf8::downgrade($_[2], 1);
    return;
}

# SOCK_STREAM, which a STREAMS pipe is as well, or another; undef with $!.
sub _type_of {
    my ($self) = @_;
    my $handle = $self->_a_handle or return;
    my $is_stream = File::FDpasser::my_isastream($handle);
    return                       if $is_stream < 0;
    return Socket::SOCK_STREAM() if $is_stream;
    $self->_is_no_listener($handle) or return;
    my $name = getsockname $handle;
    return if !defined $name;
    return _fails(Errno::EOPNOTSUPP())
        if length $name && Socket::sockaddr_family($name) != Socket::AF_UNIX();
    my $type = getsockopt $handle, Socket::SOL_SOCKET(), Socket::SO_TYPE();
    return defined $type ? unpack 'i', $type : undef;
}

sub _is_blocking {
    my ($self) = @_;
    my $flags = File::FDpasser::my_getfl($self->{connection});
    return undef if $flags < 0;
    return !($flags & Fcntl::O_NONBLOCK());
}

sub _is_natural {
    my ($number) = @_;
    return defined $number && !ref $number && $number =~ /\A[0-9]{1,15}\z/;
}

sub _fails {
    $! = shift;
    return undef;
}

1;

__END__

=encoding UTF-8

=head1 NAME

File::FDpasser::Channel - a protocol of bytes and descriptors, buffered

=head1 SYNOPSIS

A program that waits for its peer:

    use strict;
    use warnings;
    use File::FDpasser;
    use File::FDpasser::Channel;

    my ($ours, $theirs) = spipe();
    defined(my $pid = fork) or die "fork: $!\n";
    if ($pid == 0) {    # opens files by name, until the end
        my $channel = File::FDpasser::Channel->new($theirs);
        close $ours;
        while (defined(my $path = $channel->read_line)) {
            chomp $path;
            my $answer = open(my $fh, '<', $path) ? "ok\n" : "$!\n";
            $channel->write($answer, $answer eq "ok\n" ? $fh : ())
                or die "write: $!\n";
        }
        exit 0;
    }
    close $theirs;
    my $channel = File::FDpasser::Channel->new($ours, timeout => 5);
    $channel->write("/etc/passwd\n") or die "write: $!\n";
    my $answer = $channel->read_line;
    die "no answer: $!\n" if !defined $answer;
    die "not opened: $answer" if $answer ne "ok\n";
    my ($fh) = $channel->take_fhs(1) or die "no descriptor: $!\n";
    print 'the first line: ', scalar readline $fh;
    $channel->close;
    waitpid $pid, 0;

One in an event loop (here the one that comes with the module, see
L<File::FDpasser::Loop> for others):

    use strict;
    use warnings;
    use File::FDpasser;
    use File::FDpasser::Channel;
    use File::FDpasser::Loop qw(run);

    my ($one, $other) = spipe();
    my $server = File::FDpasser::Channel->new($one,
        blocking => 0,
        on_input => sub {
            my ($channel) = @_;
            while (my ($message, @fh) = $channel->read_message) {
                $channel->write_message("$message: " . @fh, @fh)
                    or warn "no answer: $!\n";
            }
        },
        on_end => sub { my ($channel) = @_; $channel->close },
    );
    my $client = File::FDpasser::Channel->new($other,
        blocking => 0,
        on_input => sub {
            my ($channel) = @_;
            my ($message, @fh) = $channel->read_message or return;
            print "$message\n";    # how many: 2
            $channel->close;
        },
    );
    $client->write_message('how many', \*STDIN, \*STDOUT)
        or die "write: $!\n";
    run($server, $client);

=head1 DESCRIPTION

With L<File::FDpasser/write_fd> and L<File::FDpasser/read_fd> a program speaks
any protocol that passes descriptors, but as L<sendmsg(2)> and L<recvmsg(2)> do:
a write may be short, a read brings half a line or three of them, and descriptors
come whenever they like. A channel is what has to be written around that: it
reads lines, numbers of bytes or whole messages, keeps what has come too early,
with the descriptors in order, and writes all or says why not.

It works on every connected socket of the family AF_UNIX, wherever that comes
from, and on what L<File::FDpasser::Protocol/TRANSPORTS> calls streams. Whoever is at the
other end, in whatever language, sees bytes and descriptors as L<unix(7)> has them.

=head2 Bytes and descriptors

What the kernel promises is this: a descriptor comes no later than the first of
the bytes that it was sent with. So when a line, a message or a number of bytes
has been read, the descriptors that were sent with it have come: L</take_fhs>
gives them, and never waits.

It does I<not> promise that they come no earlier. Bytes that were sent before,
without descriptors, arrive in the same read, and a channel reads ahead. So a
protocol says, or its bytes say, how many descriptors belong to what was read, and
the program takes that many, in order:

    my $line = $channel->read_line;
    my ($fh) = $channel->take_fhs(1) if $line =~ /^OPENED/;

L</take_fhs> without a number takes all that have come, which is what is wanted
only where nothing else can have come yet: a request and its answer.
L</write_message> and L</read_message> count for you.

=head2 Blocking or not

A channel is as blocking as its connection was when it was made, unless the
option C<blocking> says something else. It looks at the connection's own flag no
more, and never changes it: that belongs to the socket, which other processes may
share.

A blocking channel waits until a call can be answered, for C<timeout> seconds at
most if that was given. A signal ends the wait with C<EINTR> at once; handlers
run, and may die.

On a channel that is not, a call that would have to wait returns its failure
value, with C<$!> set to C<EAGAIN>, and can be made again. Use C<select> with
L</wants_read, wants_write, timeout>, or an event loop: L<File::FDpasser::Loop>.

=head2 What is never lost

What has come stays with the channel until a call returns it: also when that
call ends with C<EAGAIN>, C<EINTR>, C<ETIMEDOUT>, C<EMFILE> or C<EMSGSIZE>, and when
a signal handler dies in the middle of it. Handles that nobody takes are closed
when the channel is closed or dropped. (A handler that calls methods of the very
channel which it has interrupted in reading gets in its way. Don't.)

=head1 METHODS

Methods die with C<Invalid args to File::FDpasser::Channel::METHOD: ...>, and the
caller's file and line, if they are given what makes no sense. Failures of the
system make them return C<undef>, those that return lists the empty list, and set
C<$!>. After L</close> that is C<EBADF>.

=head2 new

    my $channel = File::FDpasser::Channel->new($conn, %options);

B<Arguments:> C<$conn>, a connected socket, see
L<File::FDpasser/Arguments>. It should not be read from otherwise as
long as there is the channel. Options:

=over 4

=item blocking => 0 or 1

Whether calls wait. Without it as the connection says.

=item timeout => $seconds

How long a call on a blocking channel may take, fractions allowed; then
C<ETIMEDOUT>. Without it as long as it takes.

=item max_bytes => $n

The longest line or message that is read, and how much is read ahead: 1 MiB if
not given.

=item max_fhs => $n

So many handles wait to be taken at most, 1,024 if not given. If more come they
are closed, and reading fails with C<EMSGSIZE> from then on: so a peer cannot fill
the table of descriptors.

=item max_pending => $n

So many bytes wait to be written at most on a channel that is not blocking, 64
MiB if not given. What would be more is not taken: C<EAGAIN>. A single write to a
channel where nothing waits may be longer.

=item separator => $bytes

See L</separator>.

=item on_input, on_end, on_error, on_drain => $code

See L</CALLBACKS>.

=item on_wants => $code

As for L<File::FDpasser::Queue/on_wants>; for loops.

=back

B<Returns:> The channel; or C<undef>.

B<Errors:> C<ENOTSOCK>; C<EOPNOTSUPP>: it is a socket of another family, which
passes no descriptors.

=head2 read_line

    my $line = $channel->read_line;

The next line, with its end, see L</separator>.

B<Returns:> A string, which is tainted where Perl taints; or C<undef>.

B<Errors:>

=over 4

=item *

C<ENOTCONN>: the end of the connection, and everything was read.

=item *

C<EPROTO>: the end came within a line. L</read_some> has what there is of it.

=item *

C<EMSGSIZE>: a line that is longer than C<max_bytes>; it stays. Or there were too
many handles, see C<max_fhs>.

=item *

C<EAGAIN>, C<EINTR>, C<ETIMEDOUT>: see L</Blocking or not>.

=item *

C<EMFILE>, C<ENFILE>: no room in the table for descriptors that are next. They stay
where they are, and the same call goes on when something was closed.

=item *

C<EACCES>, C<ENOMEM> and others: as L<File::FDpasser/read_fd>.

=back

=head2 read_exactly

    my $bytes = $channel->read_exactly($n);

Exactly so many bytes, at most C<max_bytes> of them (C<EMSGSIZE>). Returns and
errors as L</read_line>.

=head2 read_some

    my $bytes = $channel->read_some;

What is there, one byte at least. Returns and errors as L</read_line>, but for the
errors of lines.

=head2 read_message

    my ($bytes, @fh) = $channel->read_message;
    my $bytes        = $channel->read_message;

What the other end wrote with one L</write_message>, with its descriptors; see
L</MESSAGES ON THE WIRE>. In scalar context the bytes, and the handles are closed.

B<Returns:> A list, whose first element may be an empty string; the empty list on
failure.

B<Errors:> As L</read_line>. C<EMSGSIZE>: a message that is longer than
C<max_bytes>, or is said to have more descriptors than C<max_fhs>; it stays, and so
does the error: close the channel. C<EPROTO>: the end came within a message, or it
has fewer descriptors than it says.

=head2 take_fhs

    my @fh   = $channel->take_fhs;
    my ($fh) = $channel->take_fhs(1);

Handles that have come, as L<File::FDpasser/recv_fh> makes them, in the order in
which they were sent: so many, or all. Never waits; see L</Bytes and descriptors>.

B<Returns:> A list of handles, in scalar context the last; the empty list if there
are fewer, with C<EPROTO>, and none is taken.

=head2 fhs_waiting, bytes_waiting

How many handles, how many bytes have come and were not taken. What is still in
the socket does not count.

=head2 write

    $channel->write($bytes, @fh) or die "write: $!\n";

Writes all of it. The descriptors go with the first byte; if they are more than
253, with the first few, as the kernel lets no more through in one message. On
SOCK_SEQPACKET and SOCK_DGRAM sockets it is one packet, of 253 descriptors at most.

B<Arguments:> C<$bytes>, a string without wide characters; C<@fh>, handles, which
need a byte to go with, one for each 253, but in packets. What was printed to them
is flushed. They may be closed at once.

B<Returns:> 1: on a blocking channel it has gone; on another it has gone, or waits
to go when L</ready> is called. What waits are duplicates of the handles, so that
what is sent is what was open now; each takes a descriptor, but the same one again
and again only one (L<File::FDpasser::Queue/DESCRIPTION>). Or C<undef>.

B<Errors:>

=over 4

=item *

C<EPIPE>: the other end is closed. As with C<print> C<SIGPIPE> is raised, but not
for what L</ready> writes.

=item *

C<EAGAIN>: too much waits already, see C<max_pending>; nothing was taken.

=item *

C<EMFILE>, C<ENFILE>: the descriptors would have to wait, and there is no room for
duplicates of them; nothing was taken.

=item *

C<EINTR>, C<ETIMEDOUT>, on a blocking channel. If L</pending_bytes> is 0 nothing of
it has gone, and the call can be made again. Else a part has, and the rest waits:
L</flush> goes on with it, and so does the next C<write>, which must not be of the
same bytes.

=item *

C<EMSGSIZE>: too much for a packet.

=item *

C<ETOOMANYREFS>, C<ENOBUFS> and others: as L<File::FDpasser/send_file>.

=back

If an exception leaves it, a signal handler's, the same holds; L</bytes_taken>
tells whether it was taken, which of a packet of no bytes cannot be told. In a loop
the rest goes by itself.

=head2 write_message

    $channel->write_message($bytes, @fh) or die "write_message: $!\n";

The same, with boundaries: see L</read_message>. C<$bytes> may be empty.

=head2 flush

    $channel->flush or die "flush: $!\n";

Writes what waits, as L</write> would. Returns 1 if nothing waits any more.

=head2 pending_bytes

How many bytes wait to be written.

=head2 bytes_taken

How many bytes C<write> and C<write_message> have taken, in all; with the headers
of messages. What has gone is that less L</pending_bytes>.

=head2 separator, blocking

    $channel->separator("\0");
    my $separator = $channel->separator;

What a line ends with, a newline if nothing else is said, and whether calls wait.
With an argument they set it.

=head2 handle, fileno

The connection as it was given to C<new>, and its descriptor number; C<undef>
after C<close>.

=head2 close

    $channel->close;

Closes the connection (a number or an object with a C<fileno> method is only let
go), what has come and was not read, and what waits to be written: L</flush> before,
or close in C<on_drain>. A channel that is dropped lets go of all that, and the
connection is closed if nobody else holds it. If an exception leaves it, call it
again.

=head2 is_closed, is_over

Whether it is.

=head1 EVENT LOOPS

L<File::FDpasser::Loop> watches channels for you. Otherwise, as with
L<File::FDpasser::Queue>:

=head2 wants_read, wants_write, timeout

What L</ready> is to be called for: that the connection is readable, that it is
writable, and that so many seconds are over (0: at once; undef: never). A channel
wants to be read while it is open and there is room; when C<max_bytes>, or a packet,
wait to be read by the program it does not, until they are.

=head2 ready

    $channel->ready;

Reads and writes what can be, and calls the callbacks. Never waits.

=head2 on_wants

    $channel->on_wants($code);

See L<File::FDpasser::Queue/on_wants>.

=head1 CALLBACKS

They are called by L</ready>, with the channel as their argument, and may do
anything: read, write, close the channel, drop it, call C<ready>, die. An
exception leaves C<ready>; nothing is forgotten for it. Only the callback that it
came from has been called: what that has not read stays, and it is called again when
more has come.

=over 4

=item on_input

More bytes or descriptors have come. Read until there is nothing:

    on_input => sub {
        my ($channel) = @_;
        while (defined(my $line = $channel->read_line)) { ... }
    },

What is left over, half a line, stays until the rest has come. If a reading method
fails with something else than C<EAGAIN>, that is told by C<on_end> or C<on_error>
as well; but not C<EMSGSIZE> of a line or message that is too long, and C<EPROTO> of
one without its descriptors.

=item on_end

The peer sends nothing more; once. What it has sent may still be read.

=item on_error

Reading or writing has failed for good, C<$!> says why; once for each. What waited
to be written is dropped.

=item on_drain

Something had to wait to be written, and all has gone.

=back

=head1 MESSAGES ON THE WIRE

On SOCK_SEQPACKET and SOCK_DGRAM a message is a packet. On byte streams it begins
with a header of six bytes: the number of bytes that follow, four bytes, and the
number of descriptors, two bytes, both big-endian. The descriptors come with the
message's bytes, usually with the first of them, in the order in which they are to
be taken, and never with bytes of the next message. A sender of more than 253
spreads them over several writes.

In Python, with a C<socket> s:

    import socket, struct

    def write_message(s, data, fds=()):
        data = struct.pack('>IH', len(data), len(fds)) + data
        sent = socket.send_fds(s, [data], fds) if fds else 0
        if sent < len(data): s.sendall(data[sent:])

    def read_message(s):
        data, fds, size = b'', [], 6
        while len(data) < size:
            more, new, *_ = socket.recv_fds(s, size - len(data), 253)
            if not more: raise EOFError
            data, fds = data + more, fds + new
            if len(data) == 6: size += struct.unpack('>IH', data)[0]
        return data[6:], fds

(It asks for no more than is missing, so that nothing has to be kept for the next
message.) In C, for one descriptor or none, which is -1, and a C<data> that is large
enough:

    #include <stdint.h>
    #include <string.h>
    #include <sys/socket.h>

    typedef union { struct cmsghdr c; char room[CMSG_SPACE(sizeof(int))]; } control;

    int write_message(int s, const void *data, uint32_t length, int fd)
    {
        unsigned char header[6] = { length >> 24, length >> 16, length >> 8, length, 0, fd >= 0 };
        control one = { .c = { .cmsg_len = CMSG_LEN(sizeof(int)),
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
        struct iovec parts[] = { { header, 6 }, { (void *)data, length } };
        struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
        memcpy(CMSG_DATA(&one.c), &fd, sizeof(int));
        if (fd >= 0) { m.msg_control = &one; m.msg_controllen = sizeof(one); }
        return sendmsg(s, &m, 0) == 6 + (ssize_t)length ? 0 : -1;
    }

    ssize_t read_message(int s, void *data, int *fd)
    {
        unsigned char header[6];
        control one;
        struct iovec part = { header, 6 };
        struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1,
            .msg_control = &one, .msg_controllen = sizeof(one) };
        if (recvmsg(s, &m, MSG_WAITALL) != 6) return -1;
        uint32_t length = (uint32_t)header[0] << 24 | header[1] << 16 | header[2] << 8 | header[3];
        *fd = -1;
        if (header[5] && CMSG_FIRSTHDR(&m)) memcpy(fd, CMSG_DATA(&one.c), sizeof(int));
        return length ? recv(s, data, length, MSG_WAITALL) : 0;
    }

=head1 SEE ALSO

L<File::FDpasser>, L<File::FDpasser::Loop>, L<File::FDpasser::Queue>, L<unix(7)>;
L<File::FDpasser::Cookbook/A protocol of lines>, a server and its client

=head1 COPYRIGHT AND LICENSE

This library is free software; you can redistribute it and/or modify it under
the same terms as Perl itself.

=cut
