#!/usr/bin/env perl
# openserver.pl: gives out the files of one directory, as open descriptors, to
# any process that may connect to its endpoint.
#
# A client sends the name of a file and a newline, as often as it likes; each
# time it is sent a descriptor, opened for reading, or an errno. One process
# serves all clients with IO::Select: nothing here may wait for one of them.
# Who may connect is a matter of the endpoint's permissions (here: the umask);
# who did connect, the kernel tells as $uid.

use strict;
use warnings;

use Errno qw(EACCES);
use File::FDpasser;
use IO::Select;

use constant MAX_REQUEST => 4096;

@ARGV == 2 or die "usage: openserver.pl SOCKET DIRECTORY\n";
my ($socket, $directory) = @ARGV;
-d $directory or die "openserver.pl: $directory: not a directory\n";

my $listener = endp_create($socket, exclusive => 1)
    or die "openserver.pl: $socket: $!\n";
$SIG{TERM} = $SIG{INT} = sub { exit 0 };
$SIG{PIPE} = 'IGNORE';    # a client that went away is EPIPE, not our end
END { unlink $socket if $listener }

my $select = IO::Select->new($listener);
my %client;               # descriptor number => { uid, request }
$listener->blocking(0);
$| = 1;
print "ready: $socket\n";

while (1) {
    for my $ready ($select->can_read) {
        $ready == $listener ? add_client() : (serve($ready) or drop($ready));
    }
}

# Without a free descriptor the client stays in the queue and the listener
# readable: don't look at it again before one is free.
sub add_client {
    my $conn = serv_accept_fh($listener, my $uid);
    if (!$conn) {
        $select->remove($listener) if $!{EMFILE};
        return;
    }
    $conn->blocking(0);
    $select->add($conn);
    $client{ fileno $conn } = { uid => $uid, request => '' };
}

sub drop {
    my ($conn) = @_;
    $select->remove($conn);
    $select->add($listener);
    delete $client{ fileno $conn };
    close $conn;
}

# Reads what there is and answers what is complete; false: drop this client.
sub serve {
    my ($conn) = @_;
    my $client = $client{ fileno $conn };
    my $n = sysread $conn, $client->{request}, MAX_REQUEST,
        length $client->{request};
    return $!{EAGAIN} || $!{EINTR} if !defined $n;
    return 0 if $n == 0;

    while ($client->{request} =~ s/^(.*)\n//) {
        answer($conn, $client->{uid}, $1) or return 0;
    }
    return length $client->{request} < MAX_REQUEST;
}

# A full buffer is EAGAIN: a client that does not take its answers is dropped.
sub answer {
    my ($conn, $uid, $name) = @_;
    my $fh    = open_named($name);
    my $errno = $! + 0;
    my $told  = $fh ? 'sent' : "$!";
    $name =~ s/[^ -~]/?/g;    # it goes to a terminal
    print 'uid ', defined $uid ? $uid : 'unknown', ": $name: $told\n";
    return $fh
        ? send_file($conn, $fh)
        : File::FDpasser::my_send_fd($conn, -$errno) == 0;
}

# Only plain files, by plain names: a descriptor on a directory would open
# everything around it, and a fifo would make us wait.
sub open_named {
    my ($name) = @_;
    my $path = "$directory/$name";
    if ($name !~ m{^[^/\0]+\z} || -e $path && !-f _) {
        $! = EACCES;
        return undef;
    }
    open my $fh, '<', $path or return undef;
    return $fh;
}
