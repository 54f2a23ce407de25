# A peer that sends text, as much as a call takes: the memory for it is given back
# piece by piece.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Peer;
use Situation;

use Errno qw(EACCES);
use File::FDpasser qw(:all);
use POSIX ();

my $LENGTH = 12 * 1024 * 1024;
my $FEW    = 4 * 1024 * 1024;

plan skip_all => 'no /proc tells how much memory a process has' if !memory();

# Resident, in bytes; proc(5).
sub memory {
    open my $pages, '<', '/proc/self/statm' or return;
    return (split ' ', readline $pages)[1] * POSIX::sysconf(POSIX::_SC_PAGESIZE());
}

{ package Collector; sub TIEHANDLE { return bless {} } sub PRINT { $_[0]{length} += length $_[1] } }

my %takes = (
    'a callback' => sub {
        my ($conn) = @_;
        my $length = 0;
        local $File::FDpasser::on_text = sub { $length += length $_[0] };
        return outcome($conn), $length;
    },
    'STDERR, which is tied' => sub {
        my ($conn) = @_;
        tie *STDERR, 'Collector';
        return outcome($conn), delete +(tied *STDERR)->{length};
    },
);

# How the call ended, and by how much the process has grown.
sub outcome {
    my ($conn) = @_;
    my $before = memory();
    my $errno  = defined recv_fh($conn) ? 'success' : errno_name($!);
    return $errno, memory() - $before;
}

for my $how (sort keys %takes) {
    my ($us, $peer) = spipe();
    my $receiver = in_child { close $peer; $takes{$how}->($us) };
    close $us;
    send_err($peer, EACCES, 't' x $LENGTH);
    my ($errno, $grown, $length) = $receiver->result;
    is "$errno $length", "EACCES $LENGTH", "$how: all text, and the status";
    cmp_ok $grown, '<', $FEW, '... and no memory is kept';
}

no_leak();
done_testing;
