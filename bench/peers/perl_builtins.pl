# Perl's own socket, connect and accept: connections only.
use strict;
use warnings;
use lib 'bench/lib';
use Peer;
use Socket;

sub connects {
    my $count   = shift;
    my $dir     = workdir();
    my $address = pack_sockaddr_un("$dir/endpoint");
    socket( my $listener, AF_UNIX, SOCK_STREAM, 0 ) or die "socket: $!\n";
    bind( $listener, $address ) or die "bind: $!\n";
    listen( $listener, SOMAXCONN ) or die "listen: $!\n";
    return timed {
        for ( 1 .. $count ) {
            socket( my $client, AF_UNIX, SOCK_STREAM, 0 );
            connect $client, $address;
            accept( my $server, $listener );
            close $client;
            close $server;
        }
    };
}

works( connects => \&connects );
