# IO::FDPass, and Perl's open for those who want a handle.
use strict;
use warnings;
use lib 'bench/lib';
use IO::FDPass ();
use Peer;
use POSIX ();

socketpair( my $conn, my $end, Socket::AF_UNIX(), Socket::SOCK_STREAM(), 0 ) or die "socketpair: $!\n";
my ( $conn_number, $end_number ) = ( fileno $conn, fileno $end );

sub check {
    my $number = shift;
    IO::FDPass::send( $conn_number, $number );
    my $received = IO::FDPass::recv($end_number);
    same_file( $number, $received );
    POSIX::close($received);
    return;
}

sub numbers {
    my $count  = shift;
    my $file   = some_file();
    my $number = fileno $file;
    check($number);
    return timed {
        for ( 1 .. $count ) {
            IO::FDPass::send( $conn_number, $number );
            POSIX::close( IO::FDPass::recv($end_number) );
        }
    };
}

sub handles {
    my ( $count, $handle, $mode ) = @_;
    my $number = fileno $handle;
    check($number);
    return timed {
        for ( 1 .. $count ) {
            IO::FDPass::send( $conn_number, $number );
            open( my $received, $mode, IO::FDPass::recv($end_number) );
            close $received;
        }
    };
}

sub two_processes {
    my $count  = shift;
    my $file   = some_file();
    my $number = fileno $file;
    check($number);
    return in_two_processes(
        $count,
        sub { IO::FDPass::send( $conn_number, $number ) },
        sub { POSIX::close( IO::FDPass::recv($end_number) ) }
    );
}

sub latency {
    my $count  = shift;
    my $file   = some_file();
    my $number = fileno $file;
    check($number);
    return there_and_back(
        $count,
        sub { IO::FDPass::send( $conn_number, $number ); POSIX::close( IO::FDPass::recv($conn_number) ) },
        sub { my $received = IO::FDPass::recv($end_number); IO::FDPass::send( $end_number, $received ); POSIX::close($received) }
    );
}

works(
    numbers       => \&numbers,
    files         => sub { handles( shift, some_file(), '<&=' ) },
    updates       => sub { handles( shift, some_update(), '+<&=' ) },
    sockets       => sub { handles( shift, some_socket(), '+<&=' ) },
    two_processes => \&two_processes,
    there_and_back => \&latency,
);
