#!/usr/bin/env perl
# openfile.pl: the helper of mycat.pl. Opens one file for reading and sends the
# descriptor over a connection that it inherited, by its number. If the open
# fails it sends the errno instead, as a negative number: the other end's
# recv_fh fails with that $!.

use strict;
use warnings;

use File::FDpasser;

@ARGV == 2 && $ARGV[0] =~ /^[0-9]+$/
    or die "usage: openfile.pl CONNECTION-NUMBER FILE\n";
my ($conn, $path) = @ARGV;

if (open my $fh, '<', $path) {
    send_file($conn, $fh) or die "openfile.pl: send_file: $!\n";
}
else {
    my $errno = $! + 0;    # the number, not the text
    File::FDpasser::my_send_fd($conn, -$errno) == 0
        or die "openfile.pl: my_send_fd: $!\n";
}
