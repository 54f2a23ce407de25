package Hostile::Line;

# What the judge and the victim say to each other, and what a process has used
# of its processor so far.

use strict;
use warnings;

use Errno ();
use Exporter 'import';
use Socket;
use Storable ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our @EXPORT = qw(now);

sub now { return clock_gettime(CLOCK_MONOTONIC) }

# pair(): two ends; packets, so that a report is whole.
sub pair {
    socketpair my $one, my $two, AF_UNIX, SOCK_SEQPACKET, PF_UNSPEC or die "socketpair: $!";
    return map { bless { socket => $_ }, 'Hostile::Line' } $one, $two;
}

sub say {
    my ($self, %what) = @_;
    my $sent;
    do { $sent = send $self->{socket}, Storable::freeze(\%what), MSG_NOSIGNAL }
        while !defined $sent && $!{EINTR};
    die "a report is too long\n" if !defined $sent && $!{EMSGSIZE};
    return $sent;
}

# hear($seconds): a report; undef if none comes in time; {} at the end.
sub hear {
    my ($self, $seconds) = @_;
    my $until = defined $seconds ? now() + $seconds : undef;
    while (!$self->is_ready(defined $until ? $until - now() : undef)) {
        return if defined $until && now() >= $until;
    }
    my $got = recv $self->{socket}, my $frozen, 1_000_000, 0;
    return {} if !defined $got || !length $frozen;
    return Storable::thaw($frozen);
}

sub is_ready {
    my ($self, $seconds) = @_;
    $seconds = 0 if defined $seconds && $seconds < 0;
    vec(my $bits = '', fileno $self->{socket}, 1) = 1;
    my $ready = select $bits, undef, undef, $seconds;
    return $ready > 0;
}

sub close { my ($self) = @_; return close $self->{socket} }

package Hostile::Usage;

# proc(5), schedstat: nanoseconds on a processor, and in the queue for one. Kept
# open, so that it can be read where the table of descriptors is full.
sub of {
    my ($class, $pid) = @_;
    open my $file, '<', "/proc/$pid/schedstat" or die "/proc/$pid/schedstat: $!";
    return bless { file => $file, pid => $pid }, $class;
}

# In seconds: used, and waited for it.
sub look {
    my ($self) = @_;
    sysseek $self->{file}, 0, 0;
    sysread $self->{file}, my $line, 100 or return (0, 0);
    my ($used, $queued) = split ' ', $line;
    return ($used / 1e9, $queued / 1e9);
}

1;
