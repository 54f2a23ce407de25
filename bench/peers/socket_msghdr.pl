# Socket::MsgHdr: sendmsg and recvmsg for Perl, with the message as an object.
use strict;
use warnings;
use lib 'bench/lib';
use Peer;
use POSIX ();
use Socket;
use Socket::MsgHdr;

socketpair( my $conn, my $end, AF_UNIX, SOCK_STREAM, 0 ) or die "socketpair: $!\n";

sub send_numbers { return send_over( $conn, @_ ) }

sub send_over {
    my $socket  = shift;
    my $message = Socket::MsgHdr->new( buf => "\0" );
    $message->cmsghdr( SOL_SOCKET, SCM_RIGHTS, pack 'i*', @_ );
    sendmsg( $socket, $message );
    return;
}

# Room for so many.
sub receive_numbers { return receive_over( $end, @_ ) }

sub receive_over {
    my ( $socket, $most ) = @_;
    my $message = Socket::MsgHdr->new( buflen => 1, controllen => 16 + 4 * $most );
    recvmsg( $socket, $message );
    my ( $level, $type, $data ) = $message->cmsghdr;
    return unpack 'i*', $data;
}

sub check {
    my $number = shift;
    send_numbers($number);
    my ($received) = receive_numbers(1);
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
            send_numbers($number);
            POSIX::close( receive_numbers(1) );
        }
    };
}

sub handles {
    my ( $count, $handle, $mode ) = @_;
    my $number = fileno $handle;
    check($number);
    return timed {
        for ( 1 .. $count ) {
            send_numbers($number);
            my ($received) = receive_numbers(1);
            open( my $opened, $mode, $received );
            close $opened;
        }
    };
}

sub batch_numbers {
    my $count   = shift;
    my $file    = some_file();
    my @numbers = ( fileno $file ) x 250;
    check( $numbers[0] );
    return timed {
        for ( 1 .. $count / 250 ) {
            send_numbers(@numbers);
            POSIX::close($_) for receive_numbers(250);
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
        sub { send_numbers($number) },
        sub { POSIX::close( receive_numbers(1) ) }
    );
}

sub latency {
    my $count  = shift;
    my $file   = some_file();
    my $number = fileno $file;
    check($number);
    return there_and_back(
        $count,
        sub { send_over( $conn, $number ); POSIX::close( receive_over( $conn, 1 ) ) },
        sub { my ($received) = receive_over( $end, 1 ); send_over( $end, $received ); POSIX::close($received) }
    );
}

works(
    numbers       => \&numbers,
    files         => sub { handles( shift, some_file(), '<&=' ) },
    sockets       => sub { handles( shift, some_socket(), '+<&=' ) },
    batch_numbers => \&batch_numbers,
    two_processes => \&two_processes,
    there_and_back => \&latency,
);
