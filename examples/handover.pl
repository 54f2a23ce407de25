#!/usr/bin/env perl
# handover.pl: a server that is replaced while it runs, and no client notices.
#
#     handover.pl CONTROL NAME=ADDRESS ...
#
# It listens at any number of addresses, HOST:PORT or the path of a Unix-domain
# socket, and answers each line of a client with its process id and the name of
# the address. Started again with the same CONTROL, a path, it asks the server
# that runs for its listening sockets. These come in one message: a line of
# JSON that names them and, in the same order, their descriptors. When the
# successor says that it has them, the old server accepts nobody any more,
# serves those that it has accepted until they leave, and ends. If the successor
# fails before, the old server has lost nothing and goes on.
#
# The sockets are never closed in between, so that clients in their queues wait
# for whoever accepts next. A NAME keeps its socket, whatever ADDRESS says then;
# the successor closes what it has no NAME for, and opens what is new.

use strict;
use warnings;

use File::FDpasser qw(:all);
use IO::Select;
use IO::Socket::INET;
use JSON::PP qw(decode_json encode_json);
use Socket qw(AF_INET SOMAXCONN inet_ntoa sockaddr_family unpack_sockaddr_in
    unpack_sockaddr_un);

use constant { MAX_LISTENERS => 253, MAX_LINE => 65_536 };

my ($control, @wanted) = @ARGV;
@wanted && @wanted < MAX_LISTENERS && !grep { !/\A\w+=./ } @wanted
    or die "usage: handover.pl CONTROL NAME=ADDRESS ...\n";
my %address = map { split /=/, $_, 2 } @wanted;
$address{control} = $control;

$SIG{PIPE} = 'IGNORE';    # a client that went away is EPIPE, not our end
$| = 1;

my $predecessor = endp_connect($control);
my %listener = $predecessor ? inherit($predecessor) : ();
for my $name (sort keys %address) {
    $listener{$name} ||= listen_at($name, $address{$name});
    print "$$ listens: $name ", address_of($listener{$name}), "\n";
}
my $select = IO::Select->new(values %listener);
my %name   = map { fileno $listener{$_} => $_ } keys %listener;
my %client;     # descriptor number => { name, line }, those that we serve
my $successor;  # has been sent our listeners, and not yet said that it has them

syswrite $predecessor, "taken\n" if $predecessor;
undef $predecessor;
print "$$ ready\n";

while (%listener || %client) {
    for my $ready ($select->can_read) {
        my $name = $name{ fileno $ready };
        if    ($client{ fileno $ready })           { serve($ready) }
        elsif ($successor && $ready == $successor) { hear_successor() }
        elsif (!defined $name)                     { }    # just handed over
        elsif ($name eq 'control')                 { hand_over($ready) }
        else                                       { welcome($ready) }
    }
}
print "$$ ends\n";

# ---- from the predecessor

sub inherit {
    my ($conn) = @_;
    my ($line, @fh) = ('');
    until ($line =~ /\n\z/) {
        my ($bytes, @more) = read_fd($conn, MAX_LINE, MAX_LISTENERS);
        die "handover.pl: $control: ", defined $bytes ? 'refused' : $!, "\n"
            if !defined $bytes || $bytes eq '';
        $line .= $bytes;
        push @fh, @more;
    }
    my @names = @{ decode_json($line)->{listeners} };
    @names == @fh or die "handover.pl: $control: not as many as were named\n";
    my %inherited;
    @inherited{@names} = @fh;
    delete @inherited{ grep { !$address{$_} } @names };
    return %inherited;
}

# ---- to the successor

sub hand_over {
    my ($listener) = @_;
    my $conn = serv_accept_fh($listener, my $uid) or return;
    return if $successor || !defined $uid || $uid != $>;

    my @names = sort keys %listener;
    my $line  = encode_json({ listeners => \@names }) . "\n";
    my $n     = write_fd($conn, $line, @listener{@names});
    return if !$n || $n < length $line;
    $successor = $conn;
    $select->add($successor);
}

sub hear_successor {
    my $n = sysread $successor, my $answer, 100;
    $select->remove($successor);
    undef $successor;
    return if !$n || $answer ne "taken\n";    # it has failed: we go on

    $select->remove(values %listener);
    %listener = %name = ();
    print "$$ hands over\n";
}

# ---- clients

# Another process may have been faster. Without a free descriptor the client
# waits in the queue: don't look there again before one is free.
sub welcome {
    my ($listener) = @_;
    if (!accept my $conn, $listener) {
        $select->remove($listener) if $!{EMFILE};
    }
    else {
        $conn->blocking(0);
        $client{ fileno $conn } = { name => $name{ fileno $listener }, line => '' };
        $select->add($conn);
    }
}

# Who writes a line without an end, or does not read, is dropped.
sub serve {
    my ($conn) = @_;
    my $client = $client{ fileno $conn };
    my $n = sysread $conn, $client->{line}, MAX_LINE, length $client->{line};
    return if !defined $n && ($!{EAGAIN} || $!{EINTR});

    my $ok = $n && length $client->{line} < 2 * MAX_LINE;
    while ($ok && $client->{line} =~ s/\A(.*)\n//) {
        my $answer = "$$ $client->{name}: $1\n";
        $ok = (syswrite($conn, $answer) || 0) == length $answer;
    }
    return if $ok;
    delete $client{ fileno $conn };
    $select->remove($conn);
    $select->add(values %listener);
}

# ---- addresses

# Not blocking: a successor that accepts as well may be faster.
sub listen_at {
    my ($name, $address) = @_;
    my $listener = $name eq 'control'
        ? endp_create($address, exclusive => 1, mode => 0600)
        : $address =~ m{/}
        ? endp_create($address, exclusive => 1)
        : IO::Socket::INET->new(LocalAddr => $address, Listen => SOMAXCONN,
            ReuseAddr => 1);
    $listener or die "handover.pl: $address: $!\n";
    $listener->blocking(0);
    return $listener;
}

sub address_of {
    my $address = getsockname $_[0];
    return unpack_sockaddr_un($address) if sockaddr_family($address) != AF_INET;
    my ($port, $host) = unpack_sockaddr_in($address);
    return inet_ntoa($host) . ":$port";
}
