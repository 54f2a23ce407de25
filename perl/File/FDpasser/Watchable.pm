package File::FDpasser::Watchable;

use 5.016;
use strict;
use warnings;

use Carp ();
use Errno ();
use File::FDpasser ();
use Scalar::Util qw(blessed openhandle refaddr reftype weaken);
use Socket ();

our $VERSION = '1.00';

# What may be over by itself: the call is made again.
my @TRANSIENT = qw(EAGAIN EINTR EMFILE ENFILE ENOBUFS ENOMEM ETOOMANYREFS);

# Seconds until it is made again where readiness does not tell.
my $PAUSE = 0.1;

# Of each object, by its address: `ready` has said that it will be needed again.
our %promised;

# ... and its on_wants.
our %telling;

# ... and is at work, between two callbacks.
our %working;

# What Queue and Channel have in common, in a hash:
#   connection  as the caller gave it; undef when it is closed
#   pausing     { read, write }: the last call failed for another reason than
#               that the connection was not ready
#   on_wants    tells the loop; told: what it was told last, by reference
# They say with _is_due whether callbacks can be called, with is_over whether
# there will be no more of them, and _serve does what can be done.
#
# Signal handlers run between statements and at branches, and nowhere else
# (perl5140delta), and one that dies may leave from any such place. So what has
# to happen together is one expression, or one call of the native layer.

sub _new {
    my ($class, $connection, @options) = @_;
    $class->_invalid('new', "option $options[-1] has no value: options are name => value") if @options % 2;
    my %option   = @options;
    my $on_wants = delete $option{on_wants};
    $class->_check_code('new', 'on_wants', $on_wants);
    my ($unknown) = sort keys %option;
    $class->_invalid('new', "there is no option $unknown") if defined $unknown;
    if (!_is_open($connection)) {
        $class->_invalid('new', _why_not_open('the connection', $connection))
            if $!{EBADF};
        return;
    }
    return bless {
        connection => $connection,
        pausing    => {},
        on_wants   => $on_wants,
        told       => ['0 0 '],
    }, $class;
}

sub handle { return $_[0]{connection} }

sub fileno { return _number_of($_[0]{connection}) }

sub is_closed { return !defined $_[0]{connection} }

sub timeout {
    my ($self) = @_;
    return 0 if $self->_is_due;
    return %{ $self->{pausing} } ? $PAUSE : undef;
}

# ---- serving

# One that a signal handler calls while another is at work leaves it to that.
sub ready {
    my ($self) = @_;
    my $address = refaddr $self;
    return if $working{$address};
    local $working{$address}  = 1;
    local $promised{$address} = 0;
    $self->{told}[0] =~ s/\S+\z/used up/;    # a timer may ring once
    $self->{pausing} = {};
    weaken $self;                            # a callback may drop it
    $self->_serve;
    ($promised{$address}, $working{$address}) = (0, 0);
    $self->_tell if $self;
    return;
}

# Before anything is begun the loop is told to come back at once, so that it does
# if a callback or a signal handler dies then.
sub _promise {
    my ($self) = @_;
    return if !$self->{on_wants};
    $promised{ refaddr $self } = 1;
    $self->_tell if $self->{told}[0] !~ / 0\z/;
    return;
}

# The same of what another method does, which returns one value, and $!.
sub _promising {
    my ($self, $does) = @_;
    return scalar $does->() if !$self->{on_wants};
    my $errno  = $! + 0;
    my $result = do {
        local $promised{ refaddr $self } = 0;
        $self->_promise;
        $! = $errno;
        $does->();
    };
    $errno = $! + 0;
    $self->_tell;
    $! = $errno;
    return $result;
}

# It failed and may work later. Where the connection is ready all the same (the
# table of descriptors is full, say) the loop would find it ready without end,
# so there its readiness is not asked for.
sub _pause {
    my ($self, $direction) = @_;
    $self->{pausing}{$direction} = 1 if $self->_is_ready($direction);
    return;
}

sub _is_ready {
    my ($self, $direction) = @_;
    my $number = $self->fileno;
    return 1 if !defined $number;
    my %set = (read => '', write => '');
    vec($set{$direction}, $number, 1) = 1;
    return select $set{read}, $set{write}, undef, 0;
}

# ---- telling the loop

sub on_wants {
    my ($self, $on_wants) = @_;
    $self->_check_code('on_wants', 'on_wants', $on_wants);
    $self->{told}     = ['0 0 '];
    $self->{on_wants} = $on_wants;
    $self->_tell;
    return;
}

# Who is told something and changes it meanwhile hears of that afterwards.
sub _tell {
    my ($self) = @_;
    my $address = refaddr $self;
    while (my $on_wants = !$telling{$address} && $self->{on_wants}) {
        local $telling{$address} = 1;
        my $told  = $self->{told};    # another on_wants has its own
        my @wants = $self->_wants;
        my $wants = join ' ', map { defined $_ ? $_ : '' } @wants;
        # What it holds may hold us.
        my @last = $self->is_over ? 'on_wants' : ();
        last if $wants eq $told->[0] && !@last;
        ($on_wants->($self, @wants), $told->[0] = $wants, delete @$self{@last});
    }
    return;
}

sub _wants {
    my ($self) = @_;
    return (0 + $self->wants_read, 0 + $self->wants_write,
        $promised{ refaddr $self } && !$self->is_over ? 0 : $self->timeout);
}

# ---- arguments

# Reported where the caller's own code is, with the method's full name.
sub _invalid {
    my ($self, $function, $why) = @_;
    my $class = ref $self || $self;
    Carp::croak("Invalid args to ${class}::$function: $why");
}

sub _check_code {
    my ($self, $function, $what, $code) = @_;
    $self->_invalid($function, "$what is no code reference")
        if defined $code && !(ref $code && (reftype $code eq 'CODE' || blessed $code));
    return;
}

sub _is_open {
    no warnings 'File::FDpasser';
    return File::FDpasser::my_getfl($_[0]) != -1;
}

sub _why_not_open {
    my ($what, $handle) = @_;
    return "$what is undefined" if !defined $handle;
    return "$what is not open"  if ref $handle || ref \$handle eq 'GLOB' || $handle =~ /\A[0-9]+\z/;
    return "$what is a string: " . substr $handle, 0, 40;
}

# Handles of what the given ones are now, whatever becomes of these; undef with $!.
# One that comes again, of what system or caller says is the same, is not made
# anew: thousands of sends of one file take one descriptor.
sub _duplicates {
    my ($self, $function, $handles) = @_;
    my (%known, @duplicates);
    for my $handle (@$handles) {
        my $given = $handle;    # magic is read once
        my $key   = ref $given ? refaddr $given : defined $given ? $given : '';
        my $spare = $known{$key} || $self->_spare($given);
        if (!$spare) {
            $self->_invalid($function, _why_not_open('a handle', $given)) if $!{EBADF};
            return undef;
        }
        push @duplicates, $known{$key} = $spare;
    }
    return \@duplicates;
}

sub _spare {
    my ($self, $handle) = @_;
    my $last = $self->{last_spare};
    my @made = File::FDpasser::_spare($handle, $last ? CORE::fileno $last : undef);
    return $last if !@made;
    weaken($self->{last_spare} = $made[0]);
    return $made[0];
}

sub _is_transient {
    my ($self, $errno) = @_;
    local $! = $errno;
    return $! > 0 && grep { $!{$_} } @TRANSIENT;
}

# True of a socket, but for one where clients are accepted, and nothing is sent or
# received. Else $! is set.
sub _is_no_listener {
    my ($self, $handle) = @_;
    my $listens = getsockopt $handle, Socket::SOL_SOCKET(), Socket::SO_ACCEPTCONN();
    return $!{ENOPROTOOPT} if !defined $listens;
    $self->_invalid('new', 'the connection is a listening endpoint; serv_accept_fh takes its clients')
        if unpack 'i', $listens;
    return 1;
}

# Perl's own functions take it: the connection, or a duplicate. To open that asks
# where it stands, which a socket does not tell.
sub _a_handle {
    my ($self) = @_;
    my $handle = openhandle($self->{connection});
    return $handle if $handle;
    my $errno = $! + 0;
    open $handle, '+<&', $self->fileno or return;
    $! = $errno;
    return $handle;
}

sub _number_of {
    my ($fh) = @_;
    return $fh if !ref $fh && ref \$fh ne 'GLOB';
    return CORE::fileno $fh if openhandle($fh);
    return blessed $fh && $fh->can('fileno') ? $fh->fileno : undef;
}

1;

__END__

=encoding UTF-8

=head1 NAME

File::FDpasser::Watchable - what queues and channels have in common

=head1 DESCRIPTION

The part of L<File::FDpasser::Queue> and L<File::FDpasser::Channel> that knows
of event loops. Their manuals say what there is to know; programs have no
business with this module.

=head1 METHODS

=head2 handle, fileno

The connection as C<new> was given it, and its descriptor number; C<undef> when
it is closed.

=head2 wants_read, wants_write, timeout, ready, on_wants

See L<File::FDpasser::Queue>.

=head2 is_closed, is_over

True after C<close>; true when moreover no callback will be called any more.

=head1 SEE ALSO

L<File::FDpasser::Loop>

=head1 COPYRIGHT AND LICENSE

This library is free software; you can redistribute it and/or modify it under
the same terms as Perl itself.

=cut
