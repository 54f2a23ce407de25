# File::FDpasser::Loop loads no loop, and runs without one. What it refuses is in
# t/mistakes.t.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:all);
use File::FDpasser::Channel;
use File::FDpasser::Loop qw(run);
use File::FDpasser::Queue;

watchdog(60);    # some of it takes long beside other work

my ($us, $peer) = pair();
my $queue = File::FDpasser::Queue->new($us);

is_deeply [ grep { m{^(?:AnyEvent|EV|IO/Async|Mojo|POE)\b} } keys %INC ], [],
    'no loop was loaded';

# Without a loop: until nothing is wanted any more.
{
    run();
    run($queue);
    my ($one, $other) = pair();
    my ($first, $second) = map { File::FDpasser::Queue->new($_) } $one, $other;
    my @got;
    $first->push_send_fh(tagged($_)) for 1 .. 500;
    $second->push_recv_fh(sub { push @got, tag_of($_[0]) }) for 1 .. 500;
    run($first, $second);
    is_deeply \@got, [ 1 .. 500 ], 'run sends and receives all';
    $second->push_recv_fh(sub { die "no more\n" });
    $first->push_send_fh($us);
    ok !eval { run($first, $second); 1 }, 'an exception leaves it';
    is $@, "no more\n", '... as it is';
    run($first, $second);
    is $second->pending, 0, '... and it goes on';
}

undef $_ for $us, $peer, $queue;
no_leak();
done_testing;
