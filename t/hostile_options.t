# A receiver whose socket has options set, so that more than a descriptor comes
# with a message: credentials, a process, a label, the time in two forms. It has
# room for all of that, and takes none of it for a descriptor.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Outside;
use Peer;
use Situation;

use File::FDpasser qw(:all);
no warnings 'File::FDpasser';
use POSIX ();
use Socket;
use Syscall;

my $text;
$File::FDpasser::on_text = sub { $text .= shift };

my $file = tagged('one');
Situation::new_baseline();

# Those that the system has.
my %value  = (SO_TIMESTAMPING => 0x1a);    # when it was received, by the software's clock
my @option = qw(SO_PASSCRED SO_PASSPIDFD SO_PASSSEC SO_TIMESTAMP SO_TIMESTAMPING);
my @sets   = ((map { [$_] } @option), [ grep { !/TIME/ } @option ], \@option);
my %type   = (SOCK_STREAM => SOCK_STREAM, packets());

sub set_options {
    my ($socket, @names) = @_;
    setsockopt $socket, SOL_SOCKET, constant($_), $value{$_} || 1 for @names;
}

# An end with these options, and its peer.
sub connection {
    my ($set, @type) = @_;
    my ($us, $peer) = pair(@type);
    set_options($us, @$set);
    $us->blocking(0);
    return ($us, $peer);
}

my %receive = (
    recv_fh                  => sub { answered(scalar recv_fh($_[0])) },
    recv_fd                  => sub { answered(scalar recv_fd($_[0])) },
    recv_fhs                 => sub { answered((recv_fhs($_[0]))[0]) },
    'recv_fhs with a number' => sub { answered((recv_fhs($_[0], 5))[0]) },
    read_fd                  => sub { answered((read_fd($_[0], 10, 1))[1]) },
);

for my $set (@sets) {
    my $options = join ' and ', @$set;

    # A descriptor finds its way, past a full table too.
    for my $type (sort keys %type, 'as the transport makes them') {
        my ($us, $peer) = connection($set, $type{$type} || ());
        my %got;
        for my $name (sort keys %receive) {
            send_raw($peer, "\0\0", $file);
            my @answers = with_free(0, sub { $receive{$name}->($us) });
            push @answers, $receive{$name}->($us);
            read_fd($us, 10, 1) if $name eq 'read_fd';    # of a stream, what is left
            $got{$name} = "@answers";
        }
        my $bytes_first = $type eq 'as the transport makes them' && transport() ne 'socket';
        delete $got{read_fd} if $bytes_first;
        is_deeply \%got, { map { $_ => 'EMFILE one' } keys %got }, "$options, $type";
    }

    # What came without one needs no room.
    {
        my ($us, $peer) = connection($set);
        $text = '';
        syswrite $peer, 'text';
        my @seen = with_free(0, sub { answered(scalar recv_fh($us)) });
        is "@seen $text", 'EAGAIN text', '... text, and a full table';
        syswrite $peer, 'bytes';
        is_deeply [ with_free(0, sub { read_fd($us, 10, 1) }) ], ['bytes'], '... bytes';
    }

    # A message in two writes is one.
    {
        my ($us, $peer) = connection($set, SOCK_STREAM);
        $text = '';
        send_raw($peer, 'te', $file);
        syswrite $peer, "xt\0\0";
        my @seen = map { answered(scalar recv_fh($us)) } 1, 2;
        is "@seen $text", 'one EAGAIN text', '... text that goes on behind a descriptor';
    }

    # A packet that is too long stays.
    for my $type (SOCK_DGRAM, SOCK_SEQPACKET) {
        my ($us, $peer) = connection($set, $type);
        syswrite $peer, 'b' x 5000;
        my @lengths = map { length((read_fd($us, $_, 1))[0] || '') } 10, 10, 6000;
        is "@lengths", '0 0 5000', '... a long packet';
    }
}

undef $file;
no_leak();
done_testing;
