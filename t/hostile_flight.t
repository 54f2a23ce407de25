# Too many descriptors on their way at once: the kernel says ETOOMANYREFS, and
# the connection works again as soon as some have arrived.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser;
use POSIX ();

my $NOBODY = 65534;

plan skip_all => 'only root can become a user that the limit holds for'
    if $> != 0;

my $child = in_child {
    descriptor_limit(64);
    POSIX::setgid($NOBODY) && POSIX::setuid($NOBODY) or die "setuid: $!";
    my ($us, $peer) = pair();
    my $sent = 0;
    $sent++ while $sent < 250 && send_file($us, \*STDIN);
    my $errno = errno_name($!);
    return "limit not seen, sent $sent: $errno" if $errno ne 'ETOOMANYREFS';

    my @rounds;
    for my $round (1 .. 3) {
        my $refused = File::FDpasser::my_send_fd(fileno $us, 0);
        push @rounds, [ $refused, errno_name($!) ];
        my $got = recv_fh($peer) ? 1 : 0;
        push @rounds, $got, send_file($us, \*STDIN);
    }
    my $status = File::FDpasser::my_send_fd(fileno $us, -13);
    $peer->blocking(0);
    my $received = 0;
    $received++ while recv_fh($peer);
    my $end = errno_name($!);
    close $_ for $us, $peer;
    return ('seen', \@rounds, $received - $sent, $status, $end, leaked());
};
my ($seen, $rounds, $lost, $status, $end, @leaked) = $child->result;

SKIP: {
    skip $seen, 6 if $seen ne 'seen';
    pass 'too many in flight: ETOOMANYREFS';
    is_deeply $rounds, [ ([ -1, 'ETOOMANYREFS' ], 1, 1) x 3 ],
        'each one that arrives makes room for one';
    is $lost, 0, 'as many arrive as were sent';
    is $status, 0, 'an error status needs no room';
    is $end, 'EACCES', 'and arrives behind them';
    is_deeply \@leaked, [], 'none left over';
}

no_leak();
done_testing;
