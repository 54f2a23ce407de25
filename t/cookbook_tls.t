# The recipe of a TLS connection, with a certificate for the occasion.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Cookbook;
use NeedsTcp;
use Program;
use Situation;

eval { require IO::Socket::SSL; require IO::Socket::SSL::Utils; 1 }
    or plan skip_all => 'IO::Socket::SSL is not here (Debian: libio-socket-ssl-perl)';

my $dir = workdir();
my ($certificate, $key) = IO::Socket::SSL::Utils::CERT_create(subject => { commonName => 'here' });
IO::Socket::SSL::Utils::PEM_cert2file($certificate, "$dir/certificate");
IO::Socket::SSL::Utils::PEM_key2file($key, "$dir/key");

my ($tls)  = recipe('A TLS connection', $dir);
my $server = start($^X, $tls, "$dir/certificate", "$dir/key");
my ($port) = $server->line =~ /\Aport (\d+)\n\z/ or die 'no port';
my %peer   = (PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 20);

sub greeting {
    my $client = IO::Socket::SSL->new(%peer, SSL_ca_file => "$dir/certificate", SSL_verifycn_scheme => 'none')
        or return IO::Socket::SSL::errstr();
    return join '', readline $client;
}

like greeting(), qr/\Ahello over TLSv1_\d\n\z/, 'a client is greeted, in TLS';
{
    my $plain = IO::Socket::INET->new(%peer) or die $@;
    $plain->print("no TLS\n\n");
    ok !grep({/hello/} readline $plain), 'one that speaks no TLS is not';
}
like greeting(), qr/\Ahello over TLSv1_\d\n\z/, '... and the next one is';
like $server->end('TERM')->{err}, qr/\Ano TLS: .*\n\z/, 'the server says what was wrong';

no_leak();
done_testing;
