#!/usr/bin/env perl
# server.pl: an HTTP server whose next release takes over without losing a
# connection.
#
#     server.pl ENDPOINT 127.0.0.1:8080           # the first release
#     server.pl ENDPOINT 127.0.0.1:8080           # each later one: takes over
#     server.pl ENDPOINT 127.0.0.1:8080 beside    # one more: serves as well
#
# At ENDPOINT, a path, the running server waits for its heir and sends it the
# listening socket. When the heir is ready it takes that path over and says so;
# only then the old server stops accepting, sends its live connections after the
# socket, unread requests and all, finishes those that it has read parts of, and
# ends. Until then the heir may fail as it likes. Of two that run beside each
# other one can be killed: the socket lives on in the other, which also takes
# over the path. Lost is only what the killed one had accepted.

use strict;
use warnings;

use File::FDpasser qw(:all);
use HTTP::Daemon;
use HTTP::Response;
use IO::Select;
use Socket qw(SOMAXCONN);

@ARGV == 2 || @ARGV == 3 && $ARGV[2] eq 'beside'
    or die "usage: server.pl ENDPOINT ADDRESS:PORT [beside]\n";
my ($endpoint, $address, $beside) = @ARGV;

my $select = IO::Select->new;    # what we wait for,
my %when_readable;               # what to do then, by descriptor number,
my %client;                      # and the clients among them
my ($http, $control, $stopping, $heir_is_there, $signal);

$| = 1;
$SIG{PIPE} = 'IGNORE';
$SIG{TERM} = $SIG{INT} = sub { $signal = 1 };

my @live = begin();
$http->blocking(0);              # another process may be faster to accept
watch($http, \&accept_client);
add_client($_) for @live;
print "$$ ready at ", $http->url, "\n";
until ($stopping && !%client) {
    stop() if $signal;
    for my $ready ($select->can_read(1)) {
        my $code = $when_readable{ fileno($ready) // next };
        $code->($ready) if $code;
    }
}
unlink $endpoint if $control && !$heir_is_there;
print "$$ done\n";

sub watch  { my ($fh, $code) = @_; $select->add($fh); $when_readable{ fileno $fh } = $code }
sub forget { my ($fh) = @_; $select->remove($fh); delete $when_readable{ fileno $fh } }

# ---- from server to server

# Sets $http; returns the predecessor's live connections.
sub begin {
    my ($old, $socket) = predecessor();
    $http = $old ? bless $socket, 'HTTP::Daemon'
        : HTTP::Daemon->new(LocalAddr => $address, ReuseAddr => 1,
            Listen => SOMAXCONN) || die "server.pl: $address: $@\n";
    return watch($old, \&mate_has_gone) && () if $old && $beside;

    open_endpoint() or die "server.pl: $endpoint: $!\n";
    return if !$old || !syswrite $old, "ready\n";
    my @all;
    while (my @some = recv_fhs($old)) { push @all, @some }
    return @all;
}

# The connection to whoever serves now, and the socket; nothing if nobody does.
sub predecessor {
    while (my $old = endp_connect($endpoint, timeout => 10)) {
        my (undef, $uid) = peer_cred($old);
        $uid == $> or die "server.pl: $endpoint belongs to uid $uid\n";
        my ($socket) = recv_fhs($old, 1);
        return ($old, $socket) if $socket;    # else it has just handed over
    }
    return;
}

sub open_endpoint {
    $control = endp_create($endpoint, mode => 0600, @_) or return;
    watch($control, \&greet);
}

# An heir, or one who will serve beside us.
sub greet {
    my $heir = serv_accept_fh($control, my $uid) or return;
    watch($heir, \&hear) if $uid == $> && send_files($heir, $http);
}

sub hear {
    my ($heir) = @_;
    forget($heir);
    hand_over($heir) if sysread $heir, my $word, 100;    # else it gave up
}

sub hand_over {
    my ($heir) = @_;
    my @idle = grep { !length $_->read_buffer } values %client;
    my $went = send_files($heir, @idle);
    return open_endpoint() if !defined $went;            # it died just now
    drop($_) for @idle;
    $heir_is_there = 1;
    stop();
}

# The one beside us ended. If an heir took its place, that is our mate now. What
# it had open may close a moment after our connection.
sub mate_has_gone {
    my ($mate) = @_;
    forget($mate);
    for (1 .. 100) {
        return if open_endpoint(exclusive => 1);
        my ($new) = predecessor();
        return watch($new, \&mate_has_gone) if $new;
        select undef, undef, undef, 0.01;
    }
}

# Accepts no more; what clients have begun to ask is still answered.
sub stop {
    return if $stopping++;
    forget($_) for grep { defined && defined fileno $_ } $http, $control;
    length $_->read_buffer or drop($_) for values %client;
}

# ---- from server to client

sub accept_client {
    my $client = $http->accept;
    return add_client($client) if $client;
    forget($http) if $!{EMFILE};                         # until one has gone
}

sub add_client {
    my ($client) = @_;
    bless $client, 'Client';
    $client->timeout(5);
    $client->autoflush(0);                               # an answer in one piece
    $client->read_buffer('');
    $client{ fileno $client } = $client;
    watch($client, \&serve);
}

sub drop {
    my ($client) = @_;
    forget($client);
    delete $client{ fileno $client };
    close $client;
    watch($http, \&accept_client) if !$stopping;
}

# Reads what is there, without waiting for more, and answers what is complete.
# The answers are small, so that writing does not wait either.
sub serve {
    my ($client) = @_;
    my $buffer = $client->read_buffer;
    my $n = sysread $client, $buffer, 65536, length $buffer;
    return drop($client) if !$n || length $buffer > 1_000_000;
    $client->read_buffer($buffer);
    while (is_complete($client->read_buffer)) {
        my $request = $client->get_request or return drop($client);
        my $last = $stopping || $request->protocol ne 'HTTP/1.1'
            || ($request->header('Connection') // '') =~ /\bclose\b/i;
        my $answer = answer($request);
        $answer->header(Connection => 'close') if $last;
        $client->send_response($answer);
        $client->flush;
        return drop($client) if $last;
    }
}

sub is_complete {
    my ($header, $body) = split /(?<=\n)\r?\n/, shift, 2;
    my ($length) = ($header // '') =~ /^Content-Length:\s*(\d+)/mi;
    return defined $body && length $body >= ($length // 0);
}

sub answer {
    my ($request) = @_;
    return HTTP::Response->new(200, 'OK', [ 'Content-Type' => 'text/plain' ],
        "process $$ answers " . $request->method . ' ' . $request->uri->path . "\n");
}

package Client;
use parent -norequire, 'HTTP::Daemon::ClientConn';
sub daemon { return $http }
