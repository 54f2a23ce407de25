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
use File::FDpasser::Loop qw(run watch);
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

# One that another one closes has its turn all the same.
{
    my ($one, $other) = pair();
    my ($first, $second) = map { File::FDpasser::Queue->new($_) } $one, $other;
    my (@got, @warnings);
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    $second->push_recv_fh(sub { push @got, $_[0] ? 'handle' : errno_name($!) });
    send_file($one, \*STDIN);
    $first->push_send_fh(\*STDIN, sub { $second->close });
    run($first, $second);
    is "@got @warnings", 'ECANCELED ', 'a queue that closes another';
}

# A loop that keeps to the letter what IO::Async asks for.
{
    package IO::Async::Loop;
    sub new { return bless { io => {}, timers => {}, ids => 0, wrong => [] }, shift }
    sub watch_io {
        my ($self, %what) = @_;
        for my $event (grep { $what{$_} } qw(on_read_ready on_write_ready)) {
            push @{ $self->{wrong} }, "$event again" if $self->{io}{$event};
            $self->{io}{$event} = $what{$event};
        }
        return;
    }
    sub unwatch_io {
        my ($self, %what) = @_;
        for my $event (grep { $what{$_} } qw(on_read_ready on_write_ready)) {
            delete $self->{io}{$event} or push @{ $self->{wrong} }, "no $event";
        }
        return;
    }
    sub watch_time {
        my ($self, %what) = @_;
        $self->{timers}{ ++$self->{ids} } = $what{code};
        return $self->{ids};
    }
    sub unwatch_time {
        my ($self, $id) = @_;
        delete $self->{timers}{$id};
        return;
    }
}
{
    my ($one, $other) = pair();
    my $loop  = IO::Async::Loop->new;
    my $thing = File::FDpasser::Queue->new(fileno $one);
    my @filler = fill_table();
    fails { watch($thing, $loop) } undef, 'EMFILE', 'a full table: it cannot be watched';
    empty_table(@filler);
    is watch($thing, $loop), $thing, '... and can, then';
    ok !eval { watch($thing, $loop); 1 }, '... once';
    like $@, qr/::watch: argument 1 is watched already at /, '... as it says';
    $thing->push_recv_fh(sub { $thing->push_send_fh($_[0]) });
    $thing->push_send_fh(\*STDIN);
    send_file($other, \*STDIN);
    $loop->{io}{on_read_ready}->();
    ok $loop->{io}{on_write_ready} && !$loop->{io}{on_read_ready}, 'what is wanted now is watched';
    is_deeply $loop->{timers}, {}, '... and no timer is left';
    my @late = values %{ $loop->{io} };
    $thing->close;
    is_deeply [ @$loop{qw(io timers wrong)} ], [ {}, {}, [] ], 'closed: nothing is watched';
    $_->() for @late;
    is_deeply [ @$loop{qw(io timers)} ], [ {}, {} ], '... whoever calls late';
}

undef $_ for $us, $peer, $queue;
no_leak();
done_testing;
