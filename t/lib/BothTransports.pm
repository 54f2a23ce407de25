package BothTransports;

# The harness of `make test`: each test over sockets and, beside it, over
# streams, but for those that OverStreams leaves out. Where FDPASSER_TRANSPORT
# names a transport, over that one alone.
#
#     perl -It/lib -MBothTransports -MTest::Harness -e 'runtests(@ARGV)' t/*.t

use strict;
use warnings;

use OverStreams ();
use TAP::Harness ();

our @ISA = $ENV{HARNESS_SUBCLASS} || 'TAP::Harness';

my $OVER = ' over streams';

sub import {
    eval "require $ISA[0]" or die $@;
    $ENV{HARNESS_SUBCLASS} = __PACKAGE__;
}

sub aggregate_tests {
    my ($self, $aggregate, @tests) = @_;
    @tests = map { both($_) } @tests if !$ENV{FDPASSER_TRANSPORT};
    return $self->SUPER::aggregate_tests($aggregate, @tests);
}

# As the harness takes them: [ file, name ].
sub both {
    my ($path) = @_;
    return ([ $path, $path ], OverStreams::have($path) ? [ $path, $path . $OVER ] : ());
}

# A parser has started its test.
sub make_parser {
    my ($self, $job) = @_;
    delete local $ENV{HARNESS_SUBCLASS};
    local $ENV{FDPASSER_TRANSPORT} = 'streams' if $job->description =~ /\Q$OVER\E\z/;
    return $self->SUPER::make_parser($job);
}

1;
