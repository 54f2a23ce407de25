# File::FDpasser, the module in this directory.
use strict;
use warnings;
use lib 'bench/lib';
use File::FDpasser ':all';
use File::FDpasser::Channel;
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

# 250 at a time, in as many messages as the limit makes of them.
sub batches {
    my ( $count, $send, $receive ) = @_;
    my @batch = ($send) x 250;
    send_files( $conn, @batch ) == 250 or die "send_files: $!\n";
    my ( $messages, $got ) = ( 0, 0 );
    while ( $got < 250 ) {
        my @received = recv_fds($end) or die "recv_fds: $!\n";
        POSIX::close($_) for @received;
        $got += @received;
        $messages++;
    }
    return timed {
        for ( 1 .. $count / 250 ) {
            send_files( $conn, @batch );
            $receive->() for 1 .. $messages;
        }
    };
}

sub batch_numbers {
    my $count = shift;
    my $file  = some_file();
    return batches( $count, fileno $file, sub { POSIX::close($_) for recv_fds($end) } );
}

sub batch_handles {
    my $count = shift;
    return batches( $count, some_file(), sub { close $_ for recv_fhs($end) } );
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
    my $path     = "$dir/endpoint";
    my $listener = endp_create($path) or die "endp_create: $!\n";
    return timed {
        for ( 1 .. $count ) {
            my $client = endp_connect($path);
            my $server = serv_accept_fh($listener);
            close $client;
            close $server;
        }
    };
}

# What eleven programs wrote: read until there is a line, keep the descriptors.
sub lines_bare {
    my $count = shift;
    my $file  = some_file();
    my $line  = 'x' x 50 . "\n";
    my ( $read, @handles ) = ('');
    return timed {
        for ( 1 .. $count ) {
            write_fd( $conn, $line, $file );
            my $end;
            while ( ( $end = index $read, "\n" ) < 0 ) { $read .= more( \@handles ) }
            my $got = substr $read, 0, $end + 1, '';
            close shift @handles;
        }
    };
}

sub more {
    my $handles = shift;
    my ( $bytes, @more ) = read_fd( $end, 65536 ) or die "read_fd: $!\n";
    length $bytes or die "the end\n";
    push @$handles, @more;
    return $bytes;
}

sub lines {
    my $count   = shift;
    my $file    = some_file();
    my $line    = 'x' x 50 . "\n";
    my $channel = File::FDpasser::Channel->new($end);
    return timed {
        for ( 1 .. $count ) {
            write_fd( $conn, $line, $file );
            my $got = $channel->read_line;
            my ($handle) = $channel->take_fhs(1);
            close $handle;
        }
    };
}

sub messages_bare {
    my $count   = shift;
    my $file    = some_file();
    my $content = 'x' x 50;
    my ( $read, @handles ) = ('');
    return timed {
        for ( 1 .. $count ) {
            write_fd( $conn, pack( 'N n', length $content, 1 ) . $content, $file );
            while ( length $read < 6 || length $read < 6 + unpack 'N', $read ) { $read .= more( \@handles ) }
            my ( $length, $fhs ) = unpack 'N n', $read;
            my $got = substr substr( $read, 0, 6 + $length, '' ), 6;
            close $_ for splice @handles, 0, $fhs;
        }
    };
}

sub messages {
    my $count   = shift;
    my $file    = some_file();
    my $content = 'x' x 50;
    my ( $writer, $reader ) = map { File::FDpasser::Channel->new($_) } $conn, $end;
    return timed {
        for ( 1 .. $count ) {
            $writer->write_message( $content, $file );
            my ( $got, @handles ) = $reader->read_message;
            close $_ for @handles;
        }
    };
}

# So many are written before the first is read.
sub pending {
    my ( $count, $depth ) = @_;
    return timed {
        for ( 1 .. $count / $depth ) {
            my ( $writer, $reader ) = map { File::FDpasser::Channel->new( $_, blocking => 0 ) } spipe();
            $writer->write_message("message $_") for 1 .. $depth;
            my $left = $depth;
            while ($left) {
                $writer->ready;
                $left-- while $left && defined $reader->read_message;
            }
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

sub latency {
    my $count  = shift;
    my $file   = some_file();
    my $number = fileno $file;
    check($file);
    return there_and_back(
        $count,
        sub { send_file( $conn_number, $number ); POSIX::close( recv_fd($conn_number) ) },
        sub { my $received = recv_fd($end_number); send_file( $end_number, $received ); POSIX::close($received) }
    );
}

works(
    numbers       => \&numbers,
    from_handles  => \&from_handles,
    files         => sub { handles( shift, some_file() ) },
    updates       => sub { handles( shift, some_update() ) },
    sockets       => sub { handles( shift, some_socket() ) },
    batch_numbers => \&batch_numbers,
    batch_handles => \&batch_handles,
    connects      => \&connects,
    two_processes => \&two_processes,
    there_and_back => \&latency,
    open_N        => sub { fill_table( $_[1] ); numbers( $_[0] ) },
    queued_N      => \&queued,
    lines_bare    => \&lines_bare,
    lines         => \&lines,
    messages_bare => \&messages_bare,
    messages      => \&messages,
    pending_N     => \&pending,
);
