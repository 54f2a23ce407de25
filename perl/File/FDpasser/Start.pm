package File::FDpasser::Start;

use 5.016;
use strict;
use warnings;

use Errno ();
use Fcntl ();
use File::FDpasser ();
use POSIX ();
use Scalar::Util qw(reftype);

our $VERSION = '1.00';

# The work of File::FDpasser::start_with_end, which loads this when it is called
# first: ($conn, $pid), in scalar context $conn; or the empty list with $!.
#
# The child tells of its failure by an errno over a pipe that exec closes. All
# signals are held back around the fork, so that none finds the child with the
# program's handlers, and SIGCHLD until a child that failed has been reaped, so
# that no handler meets it.
#
# What has a destructor loses it when it is done with: perl keeps what a signal
# handler dies with within a destructor.
sub _with_end {
    my ($code) = @_;
    if (!_is_code($code)) {
        my (undef, $file, $line) = caller;
        die 'Invalid args to start_with_end: argument 1 is no code reference'
            . " at $file line $line.\n";
    }
    my $errno = $! + 0;
    my ($failure, $ours, $child) = do { local ($@, $?); _start(\&$code) };
    $! = $failure || $errno;    # last, after all that was dropped
    return if $failure;
    return wantarray ? ($ours, $child->keep) : ($child->keep, $ours)[1];
}

# Or an object that stands for code.
sub _is_code {
    my ($code) = @_;
    return ref $code && (reftype($code) eq 'CODE'
            || $INC{'overload.pm'} && overload::Method($code, '&{}'));
}

# An errno, or 0, our end and the child.
sub _start {
    my ($code) = @_;
    my ($ours, $theirs) = eval { local $SIG{__DIE__}; File::FDpasser::spipe() };
    if (!$ours) {
        die $@ if $@ !~ /\Asocketpair: /;    # a signal handler's
        return $! + 0;
    }
    pipe my $reader, my $writer or return $! + 0;
    # Whatever $^F says: it has to close.
    fcntl $writer, Fcntl::F_SETFD(), Fcntl::FD_CLOEXEC() or return $! + 0;

    my $signals = File::FDpasser::Start::Signals->hold;
    my $pid     = fork;
    if (!defined $pid) {
        my $errno = $! + 0;
        $signals->release;
        return $errno;
    }
    if (!$pid) {
        undef $_ for $ours, $reader;
        _run($code, $theirs, $writer, $signals);
    }
    my $child = File::FDpasser::Start::Child->new($pid);
    undef $_ for $theirs, $writer;
    $signals->hold_more(POSIX::SIGCHLD());

    my $failure = _read_errno($reader);
    $child->reap if $failure;
    $signals->release;
    return ($failure, $ours, $child);
}

# The child's part. Whatever the code does but exec, it ends here: by no
# destructor, END block or buffer of the program's.
sub _run {
    my ($code, $theirs, $writer, $signals) = @_;
    my $failure = File::FDpasser::Start::Failure->new($writer);
    delete $SIG{__DIE__};
    for my $name (keys %SIG) {
        next if $name eq '__WARN__';
        $SIG{$name} = 'DEFAULT' if ($SIG{$name} // '') !~ /\A(?:DEFAULT|IGNORE)?\z/;
    }
    fcntl $theirs, Fcntl::F_SETFD(), 0 or return;
    $signals->release;
    my $number = fileno $theirs;
    $! = 0;
    eval { $code->($number) };
    undef $failure;
}

# 0 at the end: it has started.
sub _read_errno {
    my ($reader) = @_;
    my ($bytes, $length) = ('', length pack 'i', 0);
    while (length $bytes < $length) {
        my $got = sysread $reader, $bytes, $length - length $bytes, length $bytes;
        next if !defined $got && $!{EINTR};
        return 0 if !$got;
    }
    return unpack 'i', $bytes;
}

# Signals that are held back until it is released or dropped.
package File::FDpasser::Start::Signals;

sub hold {
    my ($class) = @_;
    my ($none, $before, $all) = map { POSIX::SigSet->new } 1 .. 3;
    $all->fillset;
    POSIX::sigprocmask(POSIX::SIG_BLOCK(), $none, $before);
    my $self = bless { before => $before }, $class;
    POSIX::sigprocmask(POSIX::SIG_SETMASK(), $all);
    return $self;
}

# Of the others only what was held back before.
sub hold_more {
    my ($self, $more) = @_;
    my $set = POSIX::SigSet->new($more);
    $self->{before}->ismember($_) == 1 && $set->addset($_) for 1 .. 64;
    POSIX::sigprocmask(POSIX::SIG_SETMASK(), $set);
    return;
}

sub release {
    my ($self) = @_;
    (POSIX::sigprocmask(POSIX::SIG_SETMASK(), $self->{before}),
        bless $self, 'File::FDpasser::Start::Done');
    return;
}

sub DESTROY { local $!; $_[0]->release; return }

sub CLONE_SKIP { return 1 }

# A child that is killed and reaped when it is dropped, unless it is kept.
package File::FDpasser::Start::Child;

sub new {
    my ($class, $pid) = @_;
    return bless { pid => $pid, owner => $$ }, $class;
}

# Its pid. In one expression: nothing comes between.
sub keep { return bless($_[0], 'File::FDpasser::Start::Done')->{pid} }

sub reap {
    my ($self) = @_;
    # With SIGCHLD ignored it has reaped itself: ECHILD.
    1 while waitpid($self->{pid}, 0) == -1 && $!{EINTR};
    return $self->keep;
}

# A signal handler has left by die.
sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($!, $?, $@);
    kill KILL => $self->{pid};
    return $self->reap;
}

sub CLONE_SKIP { return 1 }

# Ends the child when it is dropped, also on the way of an exit, and tells why.
package File::FDpasser::Start::Failure;

sub new {
    my ($class, $writer) = @_;
    return bless { writer => $writer, owner => $$ }, $class;
}

sub DESTROY {
    my ($self) = @_;
    my $errno = $! + 0 || Errno::ECANCELED();
    return if $self->{owner} != $$;
    syswrite $self->{writer}, pack 'i', $errno;
    POSIX::_exit(127);
}

1;

__END__

=encoding UTF-8

=head1 NAME

File::FDpasser::Start - the work of start_with_end

=head1 SYNOPSIS

    use File::FDpasser qw(start_with_end);

    my ($conn, $pid) = start_with_end(sub { exec 'helper', $_[0] })
        or die "helper: $!\n";

=head1 DESCRIPTION

L<File::FDpasser/start_with_end> loads this module when it is called first. It has nothing to call
itself.

=head1 AUTHOR AND LICENSE

See L<File::FDpasser>.

=cut
