# An error reply needs no room: it comes through a full descriptor table and
# past a limit, whatever is queued behind it, and that stays there.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use Errno qw(ENOSPC);
use File::FDpasser qw(:all);
use POSIX ();
use Socket;

no warnings 'File::FDpasser';    # of a surplus

my @files = map { tagged($_) } 1 .. 3;
my $text  = '';
$File::FDpasser::on_text = sub { $text .= $_[0] };
Situation::new_baseline();

# The tags of what a call brings, else why it brings nothing.
my %receive = (
    'recv_fh'     => sub { scalar recv_fh($_[0]) },
    'recv_fd'     => sub { recv_fd($_[0]) },
    'my_recv_fd'  => sub { number_or_errno(File::FDpasser::my_recv_fd(fileno $_[0])) },
    'recv_fhs'    => sub { recv_fhs($_[0]) },
    'recv_fds'    => sub { recv_fds($_[0]) },
    'recv_fhs, 2' => sub { recv_fhs($_[0], 2) },
    'recv_fds, 2' => sub { recv_fds($_[0], 2) },
);

sub number_or_errno {
    my ($number) = @_;
    return $number if $number >= 0;
    $! = -$number if $number < -1;
    return;
}

sub outcome {
    my ($how, $socket) = @_;
    $! = 0;
    my @got = grep {defined} $receive{$how}->($socket);
    my $said = @got ? join ' ', map { tag_of($_) } @got : errno_name($!);
    ref or POSIX::close($_) for @got;
    return $said;
}

# Error replies, and the text that comes with each.
my %reply = (
    'a reply'               => [ '', sub { syswrite $_[0], "\0" . chr ENOSPC } ],
    'a reply with text'     => [ 'sorry', sub { send_err($_[0], ENOSPC, 'sorry') } ],
    'text before a reply'   => [ 'sorry', sub {
        syswrite $_[0], 'sorry';
        syswrite $_[0], "\0" . chr ENOSPC;
    } ],
    'a reply with long text' => [ 'x' x 10_000, sub { send_err($_[0], ENOSPC, 'x' x 10_000) } ],
    'a reply with a descriptor' => [ '', sub { send_raw($_[0], "\0" . chr ENOSPC, $files[0]) } ],
    'a reply with three' => [ 'sorry', sub { send_raw($_[0], "sorry\0" . chr ENOSPC, @files) } ],
);

for my $how (sort keys %receive) {
    my $takes_one = $how !~ /s\b/;
    for my $name (sort keys %reply) {
        my ($said, $send) = @{ $reply{$name} };
        for my $free (0, 1, 300) {
            my $title = "$how, $name twice, a batch behind, $free free";
            my ($us, $peer) = pair();
            $us->blocking(0);
            $send->($peer) for 1, 2;
            send_raw($peer, "\0\0", @files);
            close $peer;
            $text = '';
            my @seen = with_free $free, sub { map { outcome($how, $us) } 1 .. 3 };
            my $third
                = $takes_one ? ($free         ? 1          : 'EMFILE')
                : $how =~ /2/ ? ($free == 300 ? 'EMSGSIZE' : 'EMFILE')
                :               ($free == 300 ? '1 2 3'    : 'EMFILE');
            is_deeply \@seen, [ 'ENOSPC', 'ENOSPC', $third ], $title;
            is $text, $said x 2, '... and each text, once';
            my @rest = map { outcome($takes_one ? $how : 'recv_fhs', $us) } 1, 2;
            my @left = $third =~ /\AE/ ? ($takes_one ? 1 : '1 2 3') : 'ENOTCONN';
            is_deeply \@rest, [ (@left, 'ENOTCONN')[ 0, 1 ] ],
                '... and the batch comes when there is room';
        }
    }
    no_leak("$how: no descriptor is left over");
}

# Packets, and connections that note who sends.
my %packets = packets();
for my $how (sort keys %receive) {
    my ($us, $peer) = pair($packets{SOCK_SEQPACKET} || SOCK_DGRAM);
    my ($noted, $other) = pair();
    note_credentials($noted);
    send_raw($_, "\0" . chr ENOSPC, $files[0]) for $peer, $other;
    send_raw($_, "\0\0",            $files[1]) for $peer, $other;
    my @seen = with_free 0, sub {
        map { my $socket = $_; map { outcome($how, $socket) } 1, 2 } $us, $noted;
    };
    is_deeply \@seen, [ (qw(ENOSPC EMFILE)) x 2 ], "$how: packets, credentials";
    is_deeply [ map { outcome($how, $_) } $us, $noted ], [ 2, 2 ], '... then both';
}
no_leak('packets: no descriptor is left over');

# Several readers whose tables are all full.
for my $how ('recv_fd', 'recv_fhs', 'recv_fds, 2') {
    my ($us, $peer) = pair();
    my @readers = map {
        in_child {
            close $peer;
            my %seen;
            with_free 0, sub {
                my $said;
                $seen{ $said = outcome($how, $us) }++
                    until defined $said && $said =~ /ENOTCONN|EMFILE/;
            };
            return (\%seen, leaked());
        }
    } 1 .. 4;
    close $us;
    for (1 .. 1000) { send_err($peer, ENOSPC) or die "send_err: $!" }
    close $peer;
    my (%sum, @leaks);
    for my $reader (@readers) {
        my ($seen, @leaked) = $reader->result;
        $sum{$_} += $seen->{$_} for keys %$seen;
        push @leaks, @leaked;
    }
    is_deeply \%sum, { ENOSPC => 1000, ENOTCONN => 4 },
        "$how: of 1000 replies each comes to one of four readers";
    is_deeply \@leaks, [], '... and they keep none';
}

@files = ();
no_leak();
done_testing;
