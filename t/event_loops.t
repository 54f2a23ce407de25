# The glue that the manual of File::FDpasser::Queue gives for each event loop,
# taken from there word for word, run by the real loop.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:all);
use File::FDpasser::Queue;
use IO::Poll qw(POLLIN POLLOUT);

my $MESSAGES = 350;    # more than a connection takes at once

# glue: the heading in the manual, with the modules that it takes. It is run as
# it stands, with $conn and $loop, and makes $queue or, where it is a loop
# itself, uses it. run, stop: the loop.
my @LOOPS = (
    { name => 'select',   glue => 'select' },
    { name => 'IO::Poll', glue => 'IO::Poll' },
    (map { any_event($_) } qw(Perl EV)),
    {
        name    => 'IO::Async',
        modules => ['IO::Async::Loop'],
        loop    => sub { IO::Async::Loop->new },
        run     => sub { $_[0]->run },
        stop    => sub { $_[0]->stop },
    },
    (map { mojo($_) } qw(Poll EV)),
    {
        name    => 'POE',
        modules => ['POE'],
        run     => sub { POE::Kernel->run },
        stop    => sub { POE::Kernel->alias_remove('queue') },
    },
);

sub any_event {
    my ($model) = @_;
    return {
        name    => "AnyEvent, $model",
        glue    => 'AnyEvent',
        modules => [ 'AnyEvent', $model eq 'EV' ? 'EV' : () ],
        env     => { PERL_ANYEVENT_MODEL => $model },
        loop    => sub { AnyEvent->condvar },
        run     => sub { $_[0]->recv },
        stop    => sub { $_[0]->send },
    };
}

sub mojo {
    my ($reactor) = @_;
    return {
        name    => "Mojo::IOLoop, $reactor",
        glue    => 'Mojo::IOLoop',
        modules => [ $reactor eq 'EV' ? 'EV' : (), 'Mojo::IOLoop' ],
        env     => { MOJO_REACTOR => "Mojo::Reactor::$reactor" },
        run     => sub { Mojo::IOLoop->start },
        stop    => sub { Mojo::IOLoop->stop },
    };
}

my %manual = sections($INC{'File/FDpasser/Queue.pm'});

# Heading => the verbatim text below it.
sub sections {
    my ($path) = @_;
    open my $module, '<', $path or die "$path: $!";
    local $/;
    my ($pod) = <$module> =~ /^=head1 WITH AN EVENT LOOP\n(.*?)^=head1 /ms;
    return $pod =~ /^=head2 (\S+)\n\n(.*?)^(?=\S)/gms;
}

# Sends every descriptor back, until the end; in the meantime, at the number
# that is called $half, only half of it. The count.
sub echo {
    my ($peer, $half, $proceed) = @_;
    my $count = 0;
    while (my $fh = recv_fh($peer)) {
        if (++$count == $half) {
            syswrite $peer, "\0";
            $proceed->wait;
            syswrite $peer, chr 5;
            next;
        }
        send_file($peer, $fh);
    }
    return $count;
}

# In a child, as a loop is for the whole process: what happened, by name.
sub scenario {
    my ($test, $conn, $proceed) = @_;
    local @ENV{ keys %{ $test->{env} } } = values %{ $test->{env} };
    eval "require $_" or die $@ for @{ $test->{modules} };
    POE->import if $test->{name} eq 'POE';
    my $glue = $manual{ $test->{glue} || $test->{name} };
    my $loop = $test->{loop} ? $test->{loop}->() : undef;
    my $is_loop = !$test->{run};

    my $queue = $is_loop ? File::FDpasser::Queue->new($conn) : undef;
    $queue = eval "use strict; use warnings; $glue \$queue" || die $@ if !$is_loop;

    my %seen = (received => [], sent => 0);
    my @filler;
    watch_pauses(\%seen, \@filler, $proceed);
    my $tag = tagged('tag');
    for my $number (1 .. $MESSAGES) {
        $queue->push_send_fh($number % 2 ? $tag : tagged('other'),
            sub { $seen{sent} += shift });
        $queue->push_recv_fh(sub {
            push @{ $seen{received} }, $_[0] ? tag_of($_[0]) : $! + 0;
            # The rest comes to a full table.
            @filler = fill_table() if $number == 100;
            return if $number < $MESSAGES || !$test->{stop};
            $test->{stop}->($loop);
        });
    }
    if ($is_loop) { eval "use strict; use warnings; $glue; 1" or die $@ }
    else          { $test->{run}->($loop) }

    $seen{pending} = $queue->pending;
    $queue->close;
    undef $queue;
    close $conn;
    $seen{received} = join ' ', @{ $seen{received} };
    return \%seen;
}

# Whenever the queue has to wait for something that readiness does not tell: at
# the third time the cause is removed, behind its back.
sub watch_pauses {
    my ($seen, $filler, $proceed) = @_;
    my $pause = \&File::FDpasser::Queue::_pause;
    no warnings 'redefine';
    *File::FDpasser::Queue::_pause = sub {
        $pause->(@_);
        my ($queue) = @_;
        return if !$queue->{pausing}{receive};
        my $why = @$filler ? 'full' : 'half';
        return if ++$seen->{$why} < 3;
        empty_table(splice @$filler) if $why eq 'full';
        $proceed->open if $why eq 'half' && $seen->{half} == 3;
        return;
    };
}

sub missing {
    my ($test) = @_;
    local %ENV = (%ENV, %{ $test->{env} || {} });
    return grep { in_child { eval "require $_" ? () : $_ }->result }
        @{ $test->{modules} };
}

for my $test (@LOOPS) {
    SKIP: {
        my ($missing) = missing($test);
        skip "$test->{name}: no $missing here", 6 if $missing;
        # Bare IO objects, which not every loop likes.
        my ($us, $peer) = map { *$_{IO} } pair();
        my $proceed = gate();
        my $echo = in_child { close $us; echo($peer, 200, $proceed) };
        my $loop = in_child { close $peer; scenario($test, $us, $proceed) };
        close $_ for $us, $peer;
        my $seen = $loop->result;
        my @expected = map { $_ == 200 ? 5 : $_ % 2 ? 'tag' : 'other' } 1 .. $MESSAGES;
        is $seen->{sent}, $MESSAGES, "$test->{name}: all were sent";
        is $seen->{received}, "@expected", '... all came back, in order';
        is $seen->{full}, 3, '... a full table was waited for, by a timer';
        cmp_ok $seen->{half}, '<=', 5, '... half a message, too';
        is $seen->{pending}, 0, '... nothing is left';
        is $echo->result, $MESSAGES, '... and a close ends the connection';
    }
}

no_leak();
done_testing;
