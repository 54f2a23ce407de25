package Message;

# Whole messages by write_fd and read_fd, which like write(2) and read(2) may
# do only a part: the loops that a program has around them.
#
#     use Message;
#
#     write_all($conn, $bytes, @fh);       # blocking or not
#     my ($bytes, @fh) = read_all($conn, $length, $max_fds);
#     my $bytes = pattern(4096);           # a shift by a byte would be seen

use strict;
use warnings;

use Exporter 'import';
use File::FDpasser qw(read_fd write_fd);

our @EXPORT = qw(write_all read_all pattern can_read can_write);

# The descriptors go with the first byte; the rest goes without.
sub write_all {
    my ($conn, $bytes, @fh) = @_;
    my $sent = 0;
    while ($sent < length $bytes) {
        my $n = write_fd($conn, substr($bytes, $sent), $sent ? () : @fh);
        if    (defined $n)  { $sent += $n }
        elsif ($!{EAGAIN})  { can_write($conn) }
        else                { die "write_fd: $!\n" }
    }
    return $sent;
}

# Fewer bytes at the end of the connection.
sub read_all {
    my ($conn, $length, $max_fds) = @_;
    my ($bytes, @fh) = ('');
    while (length $bytes < $length) {
        my ($more, @more) = read_fd($conn, $length - length $bytes,
            $max_fds - @fh);
        if (defined $more) {
            last if $more eq '';
            $bytes .= $more;
            push @fh, @more;
        }
        elsif ($!{EAGAIN}) { can_read($conn) }
        else               { die "read_fd: $!\n" }
    }
    return ($bytes, @fh);
}

sub pattern {
    my ($length) = @_;
    return substr pack('N*', 0 .. $length / 4), 0, $length;
}

sub can_read  { vec(my $bits = '', fileno $_[0], 1) = 1; select $bits, undef, undef, undef }
sub can_write { vec(my $bits = '', fileno $_[0], 1) = 1; select undef, $bits, undef, undef }

1;
