# File::FDpasser, the module in this directory.
use strict;
use warnings;
use lib 'bench/lib';
use File::FDpasser ':all';
use Peer;
use POSIX ();

my ( $conn, $end ) = spipe();
my ( $conn_number, $end_number ) = ( fileno $conn, fileno $end );

sub check {
    my $handle = shift;
    send_file( $conn, $handle );
    my $number = recv_fd($end);
    same_file( fileno $handle, $number );
    POSIX::close($number);
    return;
}

sub numbers {
    my $count  = shift;
    my $handle = some_file();
    my $number = fileno $handle;
    check($handle);
    return timed {
        for ( 1 .. $count ) {
            send_file( $conn_number, $number );
            POSIX::close( recv_fd($end_number) );
        }
    };
}

sub from_handles {
    my $count = shift;
    my $file  = some_file();
    check($file);
    return timed {
        for ( 1 .. $count ) {
            send_file( $conn, $file );
            POSIX::close( recv_fd($end) );
        }
    };
}

sub handles {
    my ( $count, $handle ) = @_;
    check($handle);
    return timed {
        for ( 1 .. $count ) {
            send_file( $conn, $handle );
            my $received = recv_fh($end);
            close $received;
        }
    };
}

# 250 at a time.
sub batches {
    my ( $count, $receive ) = @_;
    my $file  = some_file();
    my @files = ($file) x 250;
    check($file);
    return timed {
        for ( 1 .. $count / 250 ) {
            send_files( $conn, @files );
            my $got = 0;
            $got += $receive->() while $got < 250;
        }
    };
}

sub receive_numbers {
    my @received = recv_fds($end);
    POSIX::close($_) for @received;
    return scalar @received;
}

sub receive_handles {
    my @received = recv_fhs($end);
    close $_ for @received;
    return scalar @received;
}

sub queued {
    my ( $count, $depth ) = @_;
    my $file   = some_file();
    my $number = fileno $file;
    check($file);
    return timed {
        for ( 1 .. $count / $depth ) {
            send_file( $conn_number, $number )     for 1 .. $depth;
            POSIX::close( recv_fd($end_number) ) for 1 .. $depth;
        }
    };
}

sub connects {
    my $count    = shift;
    my $dir      = workdir();
    my $listener = endp_create("$dir/endpoint") or die "endp_create: $!\n";
    return timed {
        for ( 1 .. $count ) {
            my $client = endp_connect("$dir/endpoint");
            my $server = serv_accept_fh($listener);
            close $client;
            close $server;
        }
    };
}

sub two_processes {
    my $count  = shift;
    my $file   = some_file();
    my $number = fileno $file;
    check($file);
    return in_two_processes(
        $count,
        sub { send_file( $conn_number, $number ) },
        sub { POSIX::close( recv_fd($end_number) ) }
    );
}

works(
    numbers       => \&numbers,
    from_handles  => \&from_handles,
    files         => sub { handles( shift, some_file() ) },
    updates       => sub { handles( shift, some_update() ) },
    sockets       => sub { handles( shift, some_socket() ) },
    batch_numbers => sub { batches( shift, \&receive_numbers ) },
    batch_handles => sub { batches( shift, \&receive_handles ) },
    connects      => \&connects,
    two_processes => \&two_processes,
    open_N        => sub { fill_table( $_[1] ); numbers( $_[0] ) },
    queued_N      => \&queued,
);
