# File::FDpasser::Loop with the real loops: a queue and a channel in each, with
# everything that they can wait for.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:all);
use File::FDpasser::Channel;
use File::FDpasser::Loop qw(watch);
use File::FDpasser::Queue;
use Scalar::Util qw(weaken);

watchdog(60);    # some of it takes long beside other work

my $MESSAGES = 350;    # more than a connection takes at once

# What watch is given, and how the loop is run and stopped; some end by themselves
# when nothing is watched.
my @LOOPS = (
    { name => 'none', run => \&File::FDpasser::Loop::run },
    (map { any_event($_) } qw(Perl EV)),
    (map { io_async($_) } qw(Poll Select)),
    (map { mojo($_, 'Mojo::IOLoop') } qw(Poll EV)),
    mojo('Poll', 'Mojo::Reactor::Poll'),
    {
        name    => 'POE',
        modules => ['POE'],
        loop    => sub { no warnings 'once'; $POE::Kernel::poe_kernel },
        run     => sub { POE::Kernel->run },
    },
);

sub any_event {
    my ($model) = @_;
    my $end;
    return {
        name    => "AnyEvent, $model",
        modules => [ $model eq 'EV' ? 'EV' : (), 'AnyEvent' ],
        env     => { PERL_ANYEVENT_MODEL => $model },
        loop    => sub { AnyEvent::detect(); $end = AnyEvent->condvar; return },
        run     => sub { $end->recv },
        stop    => sub { $end->send },
    };
}

sub io_async {
    my ($kind) = @_;
    my $loop;
    return {
        name    => "IO::Async, $kind",
        modules => ["IO::Async::Loop::$kind"],
        loop    => sub { $loop = "IO::Async::Loop::$kind"->new },
        run     => sub { $loop->run },
        stop    => sub { $loop->stop },
    };
}

# The class stands for its singleton; a reactor serves as well.
sub mojo {
    my ($reactor, $class) = @_;
    my $loop;
    return {
        name    => "$class, $reactor",
        modules => [ $reactor eq 'EV' ? 'EV' : (), 'Mojo::IOLoop', $class ],
        env     => { MOJO_REACTOR => "Mojo::Reactor::$reactor" },
        loop    => sub { $loop = $class eq 'Mojo::IOLoop' ? $class : $class->new },
        run     => sub { $loop->start },
    };
}

# Sends every descriptor back, in the middle half of one only at first, until the
# end; and every line with its descriptors, which come first. The counts.
sub echo {
    my ($queue_peer, $channel_peer, $proceed) = @_;
    my ($count, $lines) = (0, 0);
    while (my $fh = recv_fh($queue_peer)) {
        if (++$count == 200) {
            syswrite $queue_peer, "\0" if !OverStreams::lack('halves');
            $proceed->wait;
            syswrite $queue_peer, OverStreams::lack('halves') ? "\0\5" : "\5";
            next;
        }
        send_file($queue_peer, $fh) or die "send_file: $!";
    }
    my $channel = File::FDpasser::Channel->new($channel_peer);
    while (defined(my $line = $channel->read_line)) {
        $channel->write($line, $channel->take_fhs(1)) or die "write: $!";
        last if ++$lines == $MESSAGES;
    }
    return ($count, $lines);
}

# In a child, as a loop is for the whole process: what happened, by name.
sub scenario {
    my ($test, $proceed, $ends) = @_;
    load($test);
    my $loop = $test->{loop} ? $test->{loop}->() : undef;
    my %seen = map { $_ => 0 } qw(sent full drained ended read written);
    my (@filler, $kept);
    watch_pauses(\%seen, \@filler);

    my $queue   = File::FDpasser::Queue->new(shift @$ends);
    my $channel = File::FDpasser::Channel->new(shift @$ends, blocking => 0,
        on_drain => sub { $seen{drained}++ },
        on_input => sub { take_lines($_[0], \%seen) },
        on_end   => sub { $seen{ended}++; $_[0]->close; stop($test) });
    my $tag = tagged('tag');
    for my $number (1 .. $MESSAGES) {
        $queue->push_send_fh($number % 2 ? $tag : tagged('other'),
            sub { $seen{sent} += shift });
        $queue->push_recv_fh(sub {
            push @{ $seen{received} }, $_[0] ? tag_of($_[0]) : $! + 0;
            # The rest comes to a full table.
            ($kept, @filler) = ($_[0], fill_table()) if $number == 100;
            $proceed->open         if $number == 199;
            $queue->close          if $number == $MESSAGES;
        });
        $seen{written} += $channel->write("line $number\n", $tag);
    }
    my @things = ($queue, $channel);
    if ($loop || $test->{stop}) {
        for my $thing (@things) {
            $! = 7;
            watch($thing, $loop) == $thing && $! == 7 or die "watch: $!";
        }
    }
    weaken $_ for $queue, my $held = $channel;
    undef $channel;
    if (!$loop && !$test->{stop}) { $test->{run}->(splice @things) }
    else                          { @things = (); $test->{run}->() }

    $seen{received} = join ' ', @{ $seen{received} };
    $seen{left}     = grep { defined } $queue, $held;
    return \%seen;
}

sub load {
    my ($test) = @_;
    @ENV{ keys %{ $test->{env} } } = values %{ $test->{env} };
    for (@{ $test->{modules} }) { eval "package Loaded; use $_; 1" or die $@ }
}

sub stop { my ($test) = @_; $test->{stop}->() if $test->{stop} }

sub take_lines {
    my ($channel, $seen) = @_;
    while (defined(my $line = $channel->read_line)) {
        my ($fh) = $channel->take_fhs(1);
        $seen->{read}++ if $line eq 'line ' . ($seen->{read} + 1) . "\n"
            && tag_of($fh) eq 'tag';
    }
}

# What waits for something that readiness does not tell: at the third time the
# cause is removed, behind its back.
sub watch_pauses {
    my ($seen, $filler) = @_;
    my $pause = \&File::FDpasser::Watchable::_pause;
    no warnings 'redefine';
    *File::FDpasser::Watchable::_pause = sub {
        $pause->(@_);
        my ($thing) = @_;
        return if !$thing->isa('File::FDpasser::Queue') || !$thing->{pausing}{read};
        empty_table(splice @$filler) if ++$seen->{full} == 3;
        return;
    };
}

for my $test (@LOOPS) {
    SKIP: {
        my $child = in_child { eval { load($test); 1 } ? '' : $@ };
        my ($missing) = $child->result;
        skip "$test->{name} is not here", 11 if $missing =~ /^Can't locate/;
        is $missing, '', $test->{name};

        my ($us, $peer)           = pair();
        my ($channel_us, $channel_peer) = pair();
        my $proceed = gate();
        my $echo = in_child {
            close $_ for $us, $channel_us;
            echo($peer, $channel_peer, $proceed);
        };
        # An IO object and a number, which not every loop likes.
        my $loop = in_child {
            close $_ for $peer, $channel_peer;
            my @ends = (*$us{IO}, fileno $channel_us);
            undef $us;
            scenario($test, $proceed, \@ends);
        };
        close $_ for $us, $peer, $channel_us, $channel_peer;
        my $seen = $loop->result;

        my @expected = map { $_ == 200 ? 5 : $_ % 2 ? 'tag' : 'other' } 1 .. $MESSAGES;
        is $seen->{sent}, $MESSAGES, '... all were sent';
        is $seen->{received}, "@expected", '... all came back, in order';
        ok $seen->{full}, '... a full table was waited for';
        cmp_ok $seen->{full}, '<=', 10, '... by a timer';
        is $seen->{written}, $MESSAGES, '... all lines were taken';
        is $seen->{drained}, 1, '... and went';
        is $seen->{read}, $MESSAGES, '... each came back with its descriptor';
        is $seen->{ended}, 1, '... the end was told, once';
        is $seen->{left}, 0, '... and what is closed is let go';
        is_deeply [ $echo->result ], [ $MESSAGES, $MESSAGES ],
            '... a close ends the connection';
    }
}

no_leak();
done_testing;
