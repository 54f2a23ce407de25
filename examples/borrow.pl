#!/usr/bin/env perl
# borrow.pl: prints the file that lend.pl lends. It takes nothing from a server
# that is not root's or our own: where others can write to the directory, they
# could have put a socket of theirs in its place.

use strict;
use warnings;

use File::Copy qw(copy);
use File::FDpasser qw(:DEFAULT peer_cred);

@ARGV == 1 or die "usage: borrow.pl SOCKET\n";
my ($socket) = @ARGV;

my $conn = endp_connect($socket) or die "borrow.pl: $socket: $!\n";
my (undef, $uid) = peer_cred($conn);
defined $uid && ($uid == 0 || $uid == $>)
    or die "borrow.pl: $socket: not a server that we trust\n";

my $fh = recv_fh($conn) or die "borrow.pl: $socket: $!\n";
-f $fh or die "borrow.pl: $socket: not a plain file\n";
copy($fh, \*STDOUT) or die "borrow.pl: $!\n";
