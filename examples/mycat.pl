#!/usr/bin/env perl
# mycat.pl: a cat that opens no file itself.
#
# After Stevens, "Advanced Programming in the UNIX Environment": for each path
# we make a stream pipe, fork, and exec openfile.pl with the number of one end
# and the path. The helper opens the file and sends us the open descriptor; we
# copy what it reads to STDOUT. What went wrong in the helper's open arrives as
# our own $!.

use strict;
use warnings;

use Fcntl qw(F_SETFD);
use File::Copy qw(copy);
use File::FDpasser;
use FindBin;

@ARGV or die "usage: mycat.pl FILE...\n";

my $failed = 0;
for my $path (@ARGV) {
    my $fh = open_by_helper($path);
    next if $fh && copy($fh, \*STDOUT);
    warn "mycat.pl: $path: $!\n";
    $failed = 1;
}
exit $failed;

# A handle on the file, or undef and $!.
sub open_by_helper {
    my ($path) = @_;
    my ($ours, $theirs) = spipe();

    defined(my $pid = fork) or return undef;
    exec_helper($theirs, $path) if $pid == 0;
    close $theirs;    # or we would never see the end if the helper dies

    my $fh = recv_fh($ours);    # ENOTCONN: it ended without an answer
    {
        local ($!, $?);
        waitpid $pid, 0;
    }
    return $fh;
}

# In the child; never returns. Handles are close-on-exec, this one must not be.
sub exec_helper {
    my ($conn, $path) = @_;
    fcntl $conn, F_SETFD, 0 or die "mycat.pl: fcntl: $!\n";
    local $ENV{PERL5LIB} = join ':', grep { !ref } @INC;
    exec $^X, "$FindBin::Bin/openfile.pl", fileno $conn, $path
        or die "mycat.pl: $^X: $!\n";
}
