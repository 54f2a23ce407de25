#!/usr/bin/env perl
# openclient.pl: asks openserver.pl for files by name and prints them. This
# process needs no permission on the files: it reads from descriptors that the
# server opened. What went wrong there arrives as our own $!.

use strict;
use warnings;

use File::Copy qw(copy);
use File::FDpasser;

@ARGV >= 2 && !grep { /\n/ } @ARGV
    or die "usage: openclient.pl SOCKET NAME...\n";
my ($socket, @names) = @ARGV;

my $conn = endp_connect($socket) or die "openclient.pl: $socket: $!\n";

my $failed = 0;
for my $name (@names) {
    my $fh = ask($conn, $name);
    next if $fh && copy($fh, \*STDOUT);
    warn "openclient.pl: $name: $!\n";
    $failed = 1;
}
exit $failed;

# A handle on the named file, or undef and $!. The request is a line of our
# own; the answer is a message of File::FDpasser on the same connection.
sub ask {
    my ($conn, $name) = @_;
    local $SIG{PIPE} = 'IGNORE';
    defined syswrite $conn, "$name\n" or return undef;
    return recv_fh($conn);
}
