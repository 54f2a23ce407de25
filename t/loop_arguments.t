# What File::FDpasser::Loop takes, and what it leaves alone.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:all);
use File::FDpasser::Channel;
use File::FDpasser::Loop qw(run watch);
use File::FDpasser::Queue;

watchdog(60);    # some of it takes long beside other work

my ($us, $peer) = pair();
my $queue = File::FDpasser::Queue->new($us);
my $here  = qr/ at \Q$0\E line \d+\.?$/;

my $closed = File::FDpasser::Queue->new($us);
$closed->close;
{
    my %wrong = (
        'nothing'           => sub { watch() },
        'a handle'          => sub { watch($us) },
        'a closed queue'    => sub { watch($closed, 'AnyEvent') },
        'a loop of nobody'  => sub { watch($queue, 'Some::Loop') },
        'a plain reference' => sub { watch($queue, []) },
        'no loop at all'    => sub { watch($queue) },
        'a loop not loaded' => sub { watch($queue, 'Mojo::IOLoop') },
        'run with a handle' => sub { run($queue, $us) },
    );
    for my $name (sort keys %wrong) {
        like eval { $wrong{$name}->(); 1 } ? 'lived' : $@,
            qr/\AInvalid args to File::FDpasser::Loop::(?:watch|run): .*$here/, $name;
    }
}
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

undef $_ for $us, $peer, $queue, $closed;
no_leak();
done_testing;
