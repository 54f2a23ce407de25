package Hostile::Calls;

# The calls under attack, in one table.
#
#     my $call = Hostile::Calls::receiving('recv_fhs');
#     my $outcome = $call->{run}->($conn, $max);
#
# An outcome is a string: "fd NUMBERS" of what was delivered, "errno NUMBER",
# for read_fd "bytes HEX fd NUMBERS". What is delivered is handed to the
# collector, which says what it is and closes it.

use strict;
use warnings;

use Errno ();
use File::FDpasser qw(:all);
use POSIX ();

# one: takes one descriptor a call; all: $max; bytes: read_fd.
my %RECEIVING = (
    recv_fh    => [ one   => sub { delivered(scalar recv_fh($_[0])) } ],
    'recv_fh+' => [ one   => sub { delivered(scalar recv_fh($_[0], my $sender)) } ],
    recv_fd    => [ one   => sub { delivered(scalar recv_fd($_[0])) } ],
    my_recv_fd => [ one   => \&my_recv_fd ],
    recv_fhs   => [ all   => sub { delivered(recv_fhs($_[0], most($_[1]))) } ],
    recv_fds   => [ all   => sub { delivered(recv_fds($_[0], most($_[1]))) } ],
    read_fd    => [ bytes => \&bytes_and_descriptors ],
);

my %SENDING = (
    send_file  => sub { went(1, send_file($_[0], $_[1][0])) },
    send_files => sub { my $n = send_files($_[0], @{ $_[1] }); went($n, $n) },
    my_send_fd => sub { went(1, File::FDpasser::my_send_fd(fileno $_[0], fileno $_[1][0]) == 0) },
    write_fd   => sub { my $n = write_fd($_[0], "\0\0", $_[1][0]); went(1, defined $n) },
    send_err   => sub { went(0, send_err($_[0], 13, 'no such thing')) },
    'send_err, long' => sub { went(0, send_err($_[0], 13, 'long text ' x 900)) },
);

sub receiving_names { return sort keys %RECEIVING }
sub sending_names   { return sort keys %SENDING }

sub receiving {
    my ($name) = @_;
    my $row = $RECEIVING{$name} or die "no call $name\n";
    return { takes => $row->[0], run => $row->[1] };
}

sub sending { my ($name) = @_; return $SENDING{$name} || die "no call $name\n" }

sub most { my ($most) = @_; return defined $most ? $most : () }

sub failed { return 'errno ' . ($! + 0) }

sub delivered {
    my @got = @_;
    return failed() if !@got || !defined $got[0];
    return 'fd ' . join ' ', Hostile::Calls::identified(@got);
}

sub my_recv_fd {
    my $got = File::FDpasser::my_recv_fd(fileno $_[0]);
    return $got == -1 ? failed() : $got < 0 ? 'errno ' . -$got : delivered($got);
}

sub bytes_and_descriptors {
    my ($conn, $most) = @_;
    my ($bytes, @got) = read_fd($conn, 5, most($most)) or return failed();
    return 'bytes ' . unpack('H*', $bytes) . join ' ', ' fd', identified(@got);
}

sub went { my ($count, $ok) = @_; return $ok ? "went $count" : failed() }

# identified(@handles or numbers): the inodes of what they stand for; they are
# closed. Without a descriptor more, as POSIX::fstat would need.
sub identified {
    my @got = @_;
    return map {
        my $fh = ref $_ ? $_ : undef;
        $fh || open $fh, '<&=', $_ or die "descriptor $_: $!\n";
        my $inode = (stat $fh)[1];
        close $fh;
        defined $inode ? $inode : 'nothing';
    } @got;
}

1;
