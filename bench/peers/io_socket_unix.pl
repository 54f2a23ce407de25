# IO::Socket::UNIX, which comes with Perl: connections only.
use strict;
use warnings;
use lib 'bench/lib';
use IO::Socket::UNIX ();
use Peer;

sub connects {
    my $count    = shift;
    my $dir      = workdir();
    my $path     = "$dir/endpoint";
    my $listener = IO::Socket::UNIX->new( Local => $path, Listen => 128 ) or die "listen: $!\n";
    return timed {
        for ( 1 .. $count ) {
            my $client = IO::Socket::UNIX->new( Peer => $path );
            my $server = $listener->accept;
            close $client;
            close $server;
        }
    };
}

works( connects => \&connects );
