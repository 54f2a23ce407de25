package Peer;

# What the peers written in Perl share. A peer is a program:
#
#     PEER               prints the names of the works it can do
#     PEER WORK COUNT    does the work COUNT times; prints how many nanoseconds
#
# and in Perl it is one call:
#
#     works( numbers => sub { my $count = shift; ...; timed { ... for 1 .. $count } } );
#
# Every work checks one pass before it is timed, so that nobody is fast by
# failing.

use strict;
use warnings;

use Exporter 'import';
use File::Temp ();
use POSIX      ();
use Socket     ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our @EXPORT = qw(works timed in_two_processes there_and_back some_file some_update some_socket fill_table same_file workdir);

# works(NAME => SUB, ...): NAME may end in _N; SUB gets the count and N.
sub works {
    my %works = @_;
    my ( $work, $count ) = @ARGV;
    return print map {"$_\n"} sort keys %works if !defined $work;
    my ( $name, $number ) = $works{$work} ? ($work) : $work =~ /\A(\w+_)([0-9]+)\z/ ? ( "$1N", $2 ) : ('');
    my $code = $works{$name} or die "$0: no such work: $work\n";
    printf "%.0f\n", $code->( $count, $number );
}

sub timed (&) {
    my $code  = shift;
    my $start = clock_gettime(CLOCK_MONOTONIC);
    $code->();
    return ( clock_gettime(CLOCK_MONOTONIC) - $start ) * 1e9;
}

# in_two_processes($count, $send, $receive): the subs do it once. The receiver
# has the clock, from the first message on.
sub in_two_processes {
    my ( $count, $send, $receive ) = @_;
    pipe my $gate, my $opener or die "pipe: $!\n";
    defined( my $child = fork ) or die "fork: $!\n";
    if ( !$child ) {
        pin(1);
        sysread $gate, my $byte, 1;
        $send->() for 0 .. $count;
        POSIX::_exit(0);
    }
    pin(0);
    syswrite $opener, "\n";
    $receive->();
    my $time = timed { $receive->() for 1 .. $count };
    waitpid $child, 0;
    return $time;
}

# there_and_back($count, $here, $there): between two processes on one core, as
# across two it is how soon an idle one wakes that is measured. Each sub does its
# end's part of one round trip.
sub there_and_back {
    my ( $count, $here, $there ) = @_;
    pin(0);
    defined( my $child = fork ) or die "fork: $!\n";
    if ( !$child ) {
        $there->() for 0 .. $count;
        POSIX::_exit(0);
    }
    $here->();
    my $time = timed { $here->() for 1 .. $count };
    waitpid $child, 0;
    return $time;
}

# One core each; where there is no taskset the system decides.
sub pin {
    my $core = shift;
    system "taskset -cp $core $$ >/dev/null 2>&1";
    return;
}

sub some_file {
    open my $file, '<', $0 or die "$0: $!\n";
    return $file;
}

# Open in both directions.
sub some_update {
    open my $file, '+<', $0 or die "$0: $!\n";
    return $file;
}

sub some_socket {
    socketpair( my $one, my $other, Socket::AF_UNIX(), Socket::SOCK_STREAM(), 0 ) or die "socketpair: $!\n";
    return $one;
}

# So many descriptors are open then, in all but a few.
sub fill_table {
    my $count = shift;
    my $last  = 0;
    open my $null, '<', '/dev/null' or die "/dev/null: $!\n";
    while ( $last < $count - 1 ) {
        $last = POSIX::dup( fileno $null ) // die "cannot open $count descriptors: $!\n";
    }
    return;
}

# Dies unless the two numbers stand for the same open file.
sub same_file {
    my ( $sent, $received ) = map { join ' ', ( POSIX::fstat($_) )[ 0, 1 ] } @_;
    die "$0: the wrong file came\n" if !length $sent || $sent ne $received;
    return;
}

sub workdir { return File::Temp->newdir( 'bench-XXXXXX', TMPDIR => 1 ) }

1;
