# File::FDpasser::Queue over a stream pipe: the same as over sockets.

use strict;
use warnings;

BEGIN { $ENV{FDPASSER_TRANSPORT} = 'streams' }

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:all);
use File::FDpasser::Queue;

like File::FDpasser::transport(), qr/^streams/, 'streams are in use';

my ($us, $peer) = spipe();
my ($here, $there) = map { File::FDpasser::Queue->new($_) } $us, $peer;
my @got;

sub take { push @got, $_[0] ? tag_of($_[0]) : errno_name($!) }

for my $number (1 .. 100) {
    $here->push_send_fh(tagged($number));
    $there->push_recv_fh(\&take);
}
$here->push_send_err(11);
$here->push_send_fhs([ map { tagged($_) } 101 .. 200 ]);
$there->push_recv_fh(\&take) for 1 .. 101;
for (1 .. 1000) {
    last if !$here->pending && !$there->pending;
    $_->ready for $here, $there;
}
is "@got", "@{[ 1 .. 100, errno_name(11), 101 .. 200 ]}", 'in order';

@got = ();
send_file($us, tagged('late'));
$there->push_recv_fh(\&take);
my @filler = fill_table();
$there->ready;
is "@got", '', 'a full table: it waits';
is $there->timeout, 0.1, '... for a while';
empty_table(@filler);
$there->ready;
is "@got", 'late', '... and goes on';

$there->push_recv_fh(\&take);
$here->close;
undef $us;
$there->ready;
is $got[-1], 'ENOTCONN', 'the end';

undef $_ for $here, $there, $peer;
no_leak();
done_testing;
