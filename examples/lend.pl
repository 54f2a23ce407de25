#!/usr/bin/env perl
# lend.pl: lends one file, opened for reading, to the users named on the command
# line and to nobody else. They need no permission on the file.
#
#     lend.pl SOCKET FILE USER...          then, as one of them: borrow.pl SOCKET
#
# The access check is two things that work together. Permissions of the endpoint
# say who may connect at all; here everybody, as they know but one user and one
# group. Who did connect, the kernel tells as $uid, and that decides.

use strict;
use warnings;

use Errno qw(EACCES);
use File::FDpasser qw(:DEFAULT send_err);

@ARGV >= 3 or die "usage: lend.pl SOCKET FILE USER...\n";
my ($socket, $file, @users) = @ARGV;

my %may;
for my $user (@users) {
    my $uid = $user =~ /\A[0-9]+\z/ ? $user : getpwnam $user;
    defined $uid or die "lend.pl: $user: no such user\n";
    $may{$uid} = 1;
}

umask 0;    # or `mode` could not let others in
my $listener = endp_create($socket, mode => 0666, exclusive => 1)
    or die "lend.pl: $socket: $!\n";
$SIG{TERM} = $SIG{INT} = sub { exit 0 };
$SIG{PIPE} = 'IGNORE';    # a client that went away is EPIPE, not our end
END { unlink $socket if $listener }
$| = 1;
print "ready: $socket\n";

while (1) {
    my $conn = serv_accept_fh($listener, my $uid) or next;
    my $known = defined $uid && $may{$uid};
    print 'uid ', defined $uid ? $uid : 'unknown', $known ? '' : ', refused', "\n";
    $conn->blocking(0);    # nothing here waits for one client
    $known ? lend($conn) : send_err($conn, EACCES);
}

# Opened anew for each of them, so that nobody moves another's offset.
sub lend {
    my ($conn) = @_;
    open my $fh, '<', $file or return send_err($conn, $!);
    return send_file($conn, $fh);
}
