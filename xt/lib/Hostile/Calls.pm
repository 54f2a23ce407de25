package Hostile::Calls;

# The calls under attack, in one table.
#
#     my $kind    = Hostile::Calls::kind('recv_fhs');    # which attack it is for
#     my $outcome = Hostile::Calls::make('recv_fhs', $conn, $max);
#
# An outcome is a string: "fd NUMBERS" of what was delivered, "errno NUMBER",
# for read_fd "bytes HEX fd NUMBERS". What is delivered is handed to the
# collector, which says what it is and closes it. What is sent, and how far that
# went, Hostile::Sending knows.

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

# What comes with them: how many bytes, how many descriptors.
my @SENDING = qw(send_file my_send_fd my_send_status send_files write_fd send_err
    channel push_send_fh push_send_fhs push_send_err);

my %ACCEPTING = (
    serv_accept_fh    => sub { client(serv_accept_fh($_[0])) },
    'serv_accept_fh+' => sub { client(serv_accept_fh($_[0], my $uid)) },
    serv_accept_fd    => sub { client(serv_accept_fd($_[0])) },
    my_serv_accept    => sub { client(minus_one(File::FDpasser::my_serv_accept(fileno $_[0], my $uid))) },
);

# Of a path; with a number: a timeout, in milliseconds.
my %CONNECTING = (
    cli_conn     => sub { connected(minus_one(cli_conn($_[0]))) },
    endp_connect => sub { connected(endp_connect($_[0], $_[1] ? (timeout => $_[1] / 1000) : ())) },
);

my %ATTACK = (
    queue => 'receiving',
    (map { $_ => 'receiving' } keys %RECEIVING),
    (map { $_ => 'sending' } @SENDING),
    (map { $_ => 'accepting' } keys %ACCEPTING),
    (map { $_ => 'connecting' } keys %CONNECTING),
);

sub names {
    my ($attack) = @_;
    return sort grep { $ATTACK{$_} eq $attack && $_ ne 'queue' } keys %ATTACK;
}

# receiving, sending, accepting or connecting
sub attack { my ($name) = @_; return $ATTACK{$name} || die "no call $name\n" }

sub is_for_queue { my ($name) = @_; return $name eq 'queue' || $name =~ /\Apush_/ }

sub takes { my ($name) = @_; return $RECEIVING{$name}[0] }

sub make {
    my ($name, @arguments) = @_;
    my $run = $RECEIVING{$name} ? $RECEIVING{$name}[1] : $ACCEPTING{$name} || $CONNECTING{$name};
    return $run->(@arguments);
}

sub most { my ($most) = @_; return defined $most ? $most : () }

sub failed { return 'errno ' . ($! + 0) }

sub minus_one { my ($number) = @_; return $number == -1 ? undef : $number }

sub delivered {
    my @got = @_;
    return failed() if !@got || !defined $got[0];
    return 'fd ' . join ' ', identified(@got);
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

# identified(@handles or numbers): the inodes of what they stand for; they are
# closed. Without a descriptor more, as POSIX::fstat would need.
sub identified {
    my @got = @_;
    return map {
        my $fh = owned($_);
        my $inode = (stat $fh)[1];
        close $fh;
        defined $inode ? $inode : 'nothing';
    } @got;
}

sub owned {
    my ($got) = @_;
    return $got if ref $got;
    open my $fh, '<&=', $got or die "descriptor $got: $!\n";
    return $fh;
}

# A client says its name as soon as it has connected.
sub client {
    my ($got) = @_;
    return failed() if !defined $got;
    my $fh = owned($got);
    vec(my $bits = '', fileno $fh, 1) = 1;
    select $bits, undef, undef, 5;
    $fh->blocking(0);
    my $read = sysread $fh, my $name, 20;
    my $why  = $!;
    close $fh;
    return "fd " . ($read ? $name : defined $read ? 'silent' : "mute: $why");
}

sub connected {
    my ($got) = @_;
    return failed() if !defined $got;
    close owned($got);
    return 'connected';
}

1;
