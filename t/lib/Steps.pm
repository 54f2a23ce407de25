package Steps;

# A signal handler that dies, at each moment in turn at which perl can run one.
#
#     use Steps;
#
#     left_anywhere('a queue', sub {        # each time made anew
#         my $queue;
#         return (
#             [ new => sub { $queue = ... } ],
#             [ push => sub { $queue->push... }, sub { ... } ],
#             ...
#         ), sub { ... };                   # what is wrong then, if anything is
#     });
#
# Runs the operations one after the other. One of them is left by an exception, and
# what is said behind it is done: it again, if nothing is said. An assertion for each
# that has a name: it was left at each of its moments. With a function as third
# argument the handler does not die: it calls that, and all goes on.
#
# Perl runs handlers between statements, at branches, and where a call waits, if a
# signal has come by then. Here one has always come: the handler raises it again,
# and perl has it when the handler has returned. So perl itself says where that can
# be. What counts are moments in code of the module, in what warns for it, and in
# `moment`, which callbacks of a test call where they may be left.

use strict;
use warnings;

use Exporter   ();
use POSIX      ();
use Test::More ();

our @EXPORT = qw(left_anywhere leaving moment);

# Before 5.18 handlers run whenever a block is left, and what it returns is lost.
sub import {
    Test::More::plan(skip_all => "perl $^V runs handlers at the end of every block")
        if $] < 5.018;
    goto &Exporter::import;
}

my $STRIDE = ($ENV{FDPASSER_MOMENTS} || '') eq 'all' ? 1 : 3;
my ($SIGNAL, $self) = (POSIX::SIGUSR1(), $$);
my ($at, $count, $where);
our $instead;

sub left_anywhere {
    my ($name, $make, $function) = @_;
    local $instead = $function;
    my @operations = $make->();
    for my $which (grep { defined $operations[$_][0] } 0 .. $#operations - 1) {
        my ($n, @faults) = (1 + $$ % $STRIDE);
        for (;; $n += $STRIDE) {
            my ($left, @found) = left_at($make, $which, $n);
            push @faults, map { ($left || 'not left') . ": $_" } @found;
            last if !$left || @faults > 5;
        }
        local $Test::Builder::Level = $Test::Builder::Level + 1;
        Test::More::is(join("\n", @faults), '', "$name, "
            . ($instead ? 'interrupted' : 'left') . " anywhere: $operations[$which][0]");
        Test::More::note("less than $n moments");
    }
}

# Where it was left, and the faults.
sub left_at {
    my ($make, $which, $n) = @_;
    my $free = next_number();
    my ($left, @faults);
    {
        my @operations = $make->();
        my $check      = pop @operations;
        for my $operation (@operations) {
            my (undef, $does, $behind) = @$operation;
            if ($operation != $operations[$which]) { $does->(); next }
            $left = leaving($n, $does);
            ($behind || $does)->() if $left && !$instead;
        }
        @faults = $check->();
    }
    push @faults, 'a descriptor is left over' if next_number() != $free;
    return ($left, @faults);
}

sub next_number {
    my $number = POSIX::dup(0);
    POSIX::close($number);
    return $number;
}

# leaving($n, $code): runs it, and leaves it at the nth moment by an exception: where
# that was, or false where it was over before. Dies if the exception is not heard.
sub leaving {
    my ($n, $code) = @_;
    local $SIG{USR1} = \&leave;
    ($at, $count, $where) = ($n, 0, undef);
    kill $SIGNAL, $self;
    my $is_whole = eval { $code->(); 1 };
    my $why      = $@;
    $at = 0;
    die $why if !$is_whole && $why ne "left\n";
    die "the exception is swallowed $where\n"
        if $is_whole && defined $where && !$instead;
    return $where;
}

sub leave {
    return if !$at;
    my $package = caller;
    if ($package =~ /\A(?:File::FDpasser\b|(?:warnings|Carp|Steps::Moment)\z)/ && ++$count == $at) {
        $at    = 0;
        $where = sprintf 'at moment %d, %s line %d', $count, (caller)[ 1, 2 ];
        return $instead->() if $instead;
        die "left\n";
    }
    kill $SIGNAL, $self;
    return;
}

# Its moments count, those of the rest of this file do not.
sub moment {
    package Steps::Moment;
    return 1;
}

1;
