# HAProxy's listeners, taken and given, its connections, and servers that are
# started with a listener.

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use RealProgram haproxy => '-v';
use Cookbook;
use Files;
use Program;
use Situation;

my $dir  = workdir();
my $REQUEST = "GET /this HTTP/1.0\r\n\r\n";

# A configuration of one front end that says hello.
sub config {
    my ($bind, $rest) = @_;
    write_file("$dir/config", <<"END");
global
  stats socket $dir/stats level admin expose-fd listeners
defaults
  mode http
  timeout client 20s
  timeout server 20s
  timeout connect 20s
frontend front
  $bind
  ${\($rest // 'http-request return status 200 content-type text/plain string hello')}
END
    return "$dir/config";
}

sub haproxy {
    my ($port, $config, @options) = @_;
    return serving($port, 'haproxy', '-db', '-f', $config, @options);
}

# ---- we take

{
    my ($listeners) = recipe('Take the listeners of HAProxy', $dir);
    my $port   = free_port();
    my $server = haproxy($port, config("bind 127.0.0.1:$port\n  bind $dir/front"));
    my $run    = run($^X, $listeners, "$dir/stats");
    like $run->{out}, qr/^127\.0\.0\.1 $port  $/m, 'the listener at a port';
    like $run->{out}, qr{^localhost $dir/front\S*  $}m, '... and at a path';
    is $run->{err}, '', '... nobody complains';
    like answer($port, $REQUEST), qr/hello\z/, 'HAProxy serves on';
    $server->end('TERM');

    my $many = join "\n  ", map {"bind $dir/front$_"} 1 .. 300;
    $server = haproxy($port, config("bind 127.0.0.1:$port\n  $many"));
    $run    = run($^X, $listeners, "$dir/stats");
    is scalar(() = $run->{out} =~ m{$dir/front}g), 300, 'of 300 listeners all come' or diag $run->{err};
    $server->end('TERM');

    my $closed = config("bind 127.0.0.1:$port");
    write_file($closed, content($closed) =~ s/ expose-fd listeners//r);
    $server = haproxy($port, $closed);
    like run($^X, $listeners, "$dir/stats")->{err}, qr/stats: Transport endpoint/, 'it may not give them';
    $server->end('TERM');
}

# ---- we give

{
    my ($give) = recipe('Give HAProxy listeners', $dir);
    my $port  = free_port();
    my $gives = start($^X, $give, "$dir/give", "127.0.0.1:$port");
    is $gives->line, "ready\n", 'we listen';
    my $early = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
    my $server = haproxy($port, config("bind 127.0.0.1:$port"), '-x', "$dir/give");
    my $run = $gives->end;
    is $run->{err} . $run->{status}, '0', 'HAProxy has taken the listener';
    print {$early} $REQUEST;
    like join('', readline $early), qr/hello\z/, '... and serves who has come before';
    $server->end('TERM');
}

# ---- we serve

{
    my ($backend) = recipe('Serve behind HAProxy', $dir);
    my $port   = free_port();
    my $config = config("bind 127.0.0.1:$port",
        "default_backend back\nbackend back\n  server perl sockpair\@\${BACKEND}");
    my $server = serving($port, $^X, $backend, $config);
    like answer($port, $REQUEST), qr{GET /this HTTP/1.[01]\r\n\z}, "request $_ comes to us" for 1, 2;
    is $server->end('TERM')->{status}, 0, 'we end with HAProxy';
}

# ---- they are started with a listener

{
    my ($with_listener) = recipe('Start a server with its listener', $dir);
    my $port   = free_port();
    my $server = serving($port, $^X, $with_listener, "127.0.0.1:$port", 'WEB', 'N',
        'haproxy', '-db', '-f', config('bind fd@${WEB}'));
    like answer($port, $REQUEST), qr/hello\z/, 'HAProxy serves at it';
    $server->end('TERM');

    SKIP: {
        needs(nginx => '-v') or skip 'no nginx here', 1;
        my $port = free_port();
        write_file("$dir/nginx", <<"END");
daemon off;
error_log stderr;
pid $dir/pid;
events { }
http { access_log off; server { listen 127.0.0.1:$port; return 200 "hello"; } }
END
        my $server = serving($port, $^X, $with_listener, "127.0.0.1:$port", 'NGINX', 'N;',
            'nginx', '-e', 'stderr', '-p', "$dir", '-c', "$dir/nginx");
        like answer($port, $REQUEST), qr/hello\z/, 'nginx does';
        like $server->end('TERM')->{err}, qr/using inherited sockets/, '... and knows that it has inherited it';
    }
}

no_leak();
done_testing;
