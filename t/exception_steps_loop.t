# Exceptions that leave what a loop has called for a File::FDpasser::Queue: as long
# as something is wanted the loop calls it again, also where it was left before it
# has done anything.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:all);
use File::FDpasser::Loop qw(watch);
use File::FDpasser::Queue;

my @LOOPS = (
    { name => 'IO::Async', modules => ['IO::Async::Loop::Poll'],
        make => sub { IO::Async::Loop::Poll->new }, turn => sub { $_[0]->loop_once(1) } },
    { name => 'Mojo', modules => ['Mojo::Reactor::Poll'],
        make => sub { my $it = Mojo::Reactor::Poll->new; $it->on(error => sub { die $_[1] }); $it },
        turn => sub { $_[0]->one_tick } },
    { name => 'AnyEvent', modules => [ 'AnyEvent', 'AnyEvent::Loop' ],
        make => sub { $ENV{PERL_ANYEVENT_MODEL} = 'Perl'; AnyEvent::detect(); undef },
        turn => sub { AnyEvent::Loop::one_event() } },
);

# In a child, as a loop is for the whole process: the descriptors that came, and
# how often a call was left.
sub scenario {
    my ($test) = @_;
    eval "package Loaded; use $_; 1" or die $@ for @{ $test->{modules} };
    my $loop = $test->{make}->();
    my ($us, $peer) = pair();
    my $queue = watch(File::FDpasser::Queue->new($us), $loop);
    my (@came, $left);
    send_files($peer, map { tagged("f$_") } 1 .. 3);
    for (1 .. 3) {
        $queue->push_recv_fh(sub { push @came, tag_of($_[0]); die "left\n" });
    }
    # Every other call is left at once.
    my ($ready, $calls) = (\&File::FDpasser::Watchable::ready, 0);
    no warnings 'redefine';
    local *File::FDpasser::Watchable::ready = sub {
        !$queue->pending || $calls++ % 2 ? goto &$ready : die "left\n";
    };
    while ($queue->pending) {
        eval { $test->{turn}->($loop); 1 } or $@ =~ /left/ ? $left++ : die $@;
    }
    $queue->close;
    return "@came, left $left times";
}

for my $test (@LOOPS) {
    SKIP: {
        my $all = join "", "package Loaded; ", map { "use $_ (); " } @{ $test->{modules} };
        skip "no $test->{name}", 1 if !(in_child { eval "$all 1" || 0 })->result;
        is scalar((in_child { scenario($test) })->result), 'f1 f2 f3, left 6 times', $test->{name};
    }
}

no_leak();
done_testing;
