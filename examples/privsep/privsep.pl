#!/usr/bin/env perl
# privsep.pl: counts lines, words and bytes of files that it may not open.
#
#     privsep.pl POLICY FILE...
#
# The parser of untrusted files is where a program is broken into; here it has
# nothing to give away. Two processes: the worker parses, and, when root runs
# this, it is the user nobody in an empty chroot, with no handle but STDOUT,
# STDERR and a connection to the opener. The opener, root, opens what the policy
# allows and sends the descriptor, or the errno; it never looks into a file.
#
# POLICY is a file of lines "read PATTERN", where PATTERN is a path that may have
# * and ? in it; they match no "/". Whatever is not allowed is EACCES. Directories
# that others can write to have no place in a policy.

use strict;
use warnings;

use Errno qw(EACCES EINVAL);
use Fcntl qw(O_RDONLY O_NOCTTY O_NOFOLLOW O_NONBLOCK);
use File::FDpasser;
use File::Temp;
use POSIX qw(setgid setuid);

use constant MAX_REQUEST => 4096;

@ARGV >= 2 or die "usage: privsep.pl POLICY FILE...\n";
my ($policy, @names) = @ARGV;
my @allowed = read_policy($policy);

my ($ours, $theirs) = spipe();
$| = 1;
defined(my $pid = fork) or die "privsep.pl: fork: $!\n";
if ($pid == 0) {
    close $ours;
    exit work($theirs, @names);
}
close $theirs;
serve($ours);
close $ours;
waitpid $pid, 0;
exit($? & 127 ? 128 + ($? & 127) : $? >> 8);

# ---- the opener

# Regular expressions.
sub read_policy {
    my ($path) = @_;
    open my $file, '<', $path or die "privsep.pl: $path: $!\n";
    my @patterns;
    while (my $line = <$file>) {
        next if $line =~ /^\s*(?:#|$)/;
        my ($pattern) = $line =~ m{^read (/.*)\n?\z}
            or die "privsep.pl: $path, line $.: neither a comment nor \"read /PATH\"\n";
        my %regexp = ('*' => '[^/]*', '?' => '[^/]');
        $pattern =~ s{(.)}{$regexp{$1} // quotemeta $1}ges;
        push @patterns, qr{\A$pattern\z}s;
    }
    return @patterns;
}

# Requests are names that end in a NUL byte, one at a time; until the worker ends,
# or breaks the rules.
sub serve {
    my ($conn) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $request = '';
    while (sysread $conn, $request, MAX_REQUEST, length $request) {
        while ($request =~ s/\A([^\0]*)\0//) {
            answer($conn, $1) or return;
        }
        return if length $request >= MAX_REQUEST;
    }
}

sub answer {
    my ($conn, $name) = @_;
    my $fh = open_allowed($name);
    my $errno = $! + 0;
    return $fh ? send_file($conn, $fh)
        : File::FDpasser::my_send_fd($conn, -$errno) == 0;
}

# Neither a link nor a fifo takes us elsewhere or makes us wait.
sub open_allowed {
    my ($name) = @_;
    $! = EACCES;
    return undef if $name =~ m{/\.\.?(?:/|\z)} || !grep { $name =~ $_ } @allowed;
    sysopen my $fh, $name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
        or return undef;
    return $fh if -f $fh;
    $! = EINVAL;
    return undef;
}

# ---- the worker

sub work {
    my ($conn, @files) = @_;
    drop_privileges($conn);
    my $failed = 0;
    for my $file (@files) {
        syswrite $conn, "$file\0" or die "privsep.pl: the opener has gone: $!\n";
        if (my $fh = recv_fh($conn)) {
            printf "%7d %7d %7d %s\n", count($fh), $file;
        }
        else {
            warn "privsep.pl: $file: $!\n";
            $failed = 1;
        }
    }
    return $failed;
}

sub count {
    my ($fh) = @_;
    my ($lines, $words, $bytes) = (0, 0, 0);
    while (my $line = <$fh>) {
        $lines++;
        $words += () = $line =~ /\S+/g;
        $bytes += length $line;
    }
    return ($lines, $words, $bytes);
}

# For good, in this order: the chroot takes root, as do groups, and the user id
# goes last. All that Perl loads later it must have loaded before: what is
# outside is gone.
sub drop_privileges {
    my ($conn) = @_;
    open STDIN, '<', '/dev/null' or die "privsep.pl: /dev/null: $!\n";
    return warn "privsep.pl: not root: the worker keeps its rights\n" if $> != 0;

    my ($uid, $gid) = (getpwnam 'nobody')[ 2, 3 ] or die "privsep.pl: no user nobody\n";
    close_all_but(0 .. 2, fileno $conn);
    my $empty = File::Temp::tempdir();
    chdir $empty && rmdir $empty && chroot '.' && chdir '/'
        or die "privsep.pl: chroot: $!\n";
    $) = "$gid $gid";
    setgid($gid) && setuid($uid) or die "privsep.pl: can't become nobody: $!\n";
    $< == $uid && $> == $uid && $( == $gid && !setuid(0)
        or die "privsep.pl: still somebody\n";
}

# What whoever started us left open.
sub close_all_but {
    my %keep = map { $_ => 1 } @_;
    my @open = map { m{(\d+)\z} } glob '/proc/self/fd/*';
    @open = 0 .. POSIX::sysconf(POSIX::_SC_OPEN_MAX()) if !@open;
    $keep{$_} || POSIX::close($_) for @open;
}
