# Signal handlers that die anywhere in a File::FDpasser::Channel or ::Queue:
# nothing is lost, nothing comes twice, and no exception is swallowed.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;
use Signals;

use File::FDpasser qw(:all);
use File::FDpasser::Channel;
use File::FDpasser::Queue;

# Before 5.18 handlers run whenever a block is left; what it returns is lost.
plan skip_all => "perl $^V runs handlers at the end of every block" if $] < 5.018;

watchdog(60);    # some of it takes long beside other work

my $COUNT = 10_000;

# Runs $step until it says that all is done, while another process sends signals:
# how many exceptions were raised, and how many caught.
sub dying {
    my ($step) = @_;
    my ($armed, $raised, $caught, $done) = (0, 0, 0, 0);
    local $SIG{USR1} = sub {
        return if !$armed;
        $armed = 0;
        $raised++;
        die "signal\n";
    };
    my $self   = $$;
    my $sender = in_child {
        my $sent = 0;
        while (kill USR1 => $self) {
            last if ++$sent == 200_000;
            select undef, undef, undef, 0.00005;
        }
        return $sent;
    };
    until ($done) {
        eval { $armed = 1; $done = $step->(); $armed = 0; 1 } or do {
            $@ eq "signal\n" or die $@;
            $caught++;
        };
    }
    kill KILL => $sender->pid;
    $sender->status;
    return ($raised, $caught);
}

sub ends { my ($us, $peer) = pair(); return ($us, $peer) }

# A child that writes lines with descriptors; we read.
for my $kind (qw(line message)) {
    my ($us, $peer) = ends();
    my $child = in_child {
        close $us;
        my $channel = File::FDpasser::Channel->new($peer);
        my $file = tagged('tag');
        for (1 .. $COUNT) {
            $kind eq 'line' ? $channel->write("$_\n", $file)
                : $channel->write_message($_, $file) or die $!;
        }
        return 1;
    };
    close $peer;
    my $channel = File::FDpasser::Channel->new($us, max_fhs => $COUNT);
    my @got;
    my ($raised, $caught) = dying(sub {
        while (@got < $COUNT) {
            if ($kind eq 'line') { push @got, scalar $channel->read_line }
            else                 { push @got, scalar(($channel->read_message)[0]) }
            pop @got if !defined $got[-1];
            $channel->take_fhs if @got % 100 == 0;    # many have only 1024 at once
        }
        return 1;
    });
    chomp @got;
    is_deeply \@got, [ 1 .. $COUNT ], "each $kind is read, once ($raised signals)";
    is $caught, $raised, '... and each exception is heard';
    $child->result;
}

# Lines with their descriptors, each taken where it is put: one statement.
{
    my ($us, $peer) = ends();
    my $child = in_child {
        close $us;
        my $channel = File::FDpasser::Channel->new($peer);
        my @files = map { tagged("f$_") } 0 .. 9;
        $channel->write("$_\n", $files[ $_ % 10 ]) or die $! for 1 .. $COUNT;
        return 1;
    };
    close $peer;
    my $channel = File::FDpasser::Channel->new($us);
    my (@lines, @fhs, @tags);
    dying(sub {
        while (@tags < $COUNT) {
            if (@lines == @tags) {
                push @lines, $channel->read_line;
                pop @lines if !defined $lines[-1];
            }
            else {
                push @fhs, $channel->take_fhs(1) if !@fhs;
                (push(@tags, tag_of($fhs[0])), shift @fhs);
            }
        }
        return 1;
    });
    is_deeply \@tags, [ map { 'f' . $_ % 10 } 1 .. $COUNT ],
        'each descriptor comes with its line, once';
    $child->result;
}

# Writing: what was taken is known after an exception.
{
    my ($us, $peer) = ends();
    my $child = in_child {
        close $us;
        my $channel = File::FDpasser::Channel->new($peer);
        my @got;
        while (defined(my $line = $channel->read_line)) {
            my @fh = $channel->take_fhs(1);
            chomp $line;
            push @got, @fh ? $line : "$line without";
        }
        return @got;
    };
    close $peer;
    my $channel = File::FDpasser::Channel->new($us);
    my $file    = tagged('x');
    my $next    = 1;
    my $goal    = 0;
    my $lengths = 0;
    my ($raised, $caught) = dying(sub {
        # What an exception has left undecided is decided by what was taken.
        while (1) {
            if ($channel->bytes_taken > $lengths) {
                ($lengths, $next) = ($channel->bytes_taken, $next + 1);
                next;
            }
            last if $next > $COUNT;
            $channel->write("$next\n", $file);
        }
        return $channel->flush;
    });
    $channel->close;
    undef $us;
    is_deeply [ $child->result ], [ 1 .. $COUNT ],
        "each line is written, once ($raised signals)";
    is $caught, $raised, '... and each exception is heard';
}

# Queues, in both directions.
{
    my ($us, $peer) = ends();
    my ($one, $other) = map { File::FDpasser::Queue->new($_) } $us, $peer;
    my $file = tagged('x');
    my (@sent, @received);
    for my $number (1 .. $COUNT) {
        $one->push_send_fh($file, sub { $sent[$number]++ });
        $other->push_recv_fh(sub { $received[$number] .= $_[0] ? 'x' : '!' });
    }
    my ($raised, $caught) = dying(sub {
        $_->ready for $one, $other;
        return !$one->pending && !$other->pending;
    });
    # A handler that runs as a callback begins leaves that: it was called.
    my $twice = grep { defined && $_ ne '1' } @sent;
    $twice += grep { defined && $_ ne 'x' } @received;
    is $twice, 0, "no callback is called twice, or with nothing ($raised signals)";
    my $left = grep { !defined } @sent[ 1 .. $COUNT ], @received[ 1 .. $COUNT ];
    cmp_ok $left, '<=', $raised, '... and none is forgotten';
    is $caught, $raised, '... and each exception is heard';
    $one->push_send_fh($file);
    $one->ready;
    my $last;
    $other->push_recv_fh(sub { $last = shift });
    $other->ready;
    ok $last, '... and all that was sent has come';
}

no_leak();
done_testing;
