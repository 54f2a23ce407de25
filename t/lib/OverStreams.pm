package OverStreams;

# Runs a test of t/ once more, with streams as the transport. The files in
# t/streams/ do nothing else:
#
#     use lib 't/lib';
#     use OverStreams 'received_handle';
#     use OverStreams 'wire_packets', 'why it is not run';
#     use OverStreams 'thread_pairs', { 'name of an assertion' => 'why not' };
#
# The test runs in a perl of its own, since its blocks INIT and END and its
# switches (-T) are its business. Assertions are left out by their names.

use strict;
use warnings;

use File::Spec ();

my $LEFT_OUT = 'FDPASSER_LEFT_OUT';

sub import {
    my ($class, $name, $without) = @_;
    return leave_out() if !defined $name;
    skip_all($without) if defined $without && !ref $without;
    my %left_out = $without ? %$without : ();
    local $ENV{$LEFT_OUT}          = join "\n", %left_out;
    local $ENV{FDPASSER_TRANSPORT} = 'streams';
    my @inc = map { '-I' . File::Spec->rel2abs($_) } grep { !ref } @INC;
    exec {$^X} $^X, switches("t/$name.t"), @inc, '-MOverStreams', "t/$name.t"
        or die "can't run $^X: $!";
}

sub skip_all {
    my ($why) = @_;
    print "1..0 # SKIP $why\n";
    exit 0;
}

# Those of the first line; perl wants them on the command line too.
sub switches {
    my ($path) = @_;
    open my $test, '<', $path or die "$path: $!";
    my ($switches) = readline($test) =~ /\A#!.*perl\s+(-\S+)/;
    return defined $switches ? $switches : ();
}

# In the perl that runs the test.
sub leave_out {
    my %left_out = split /\n/, delete $ENV{$LEFT_OUT} || '' or return;
    require Test::Builder;
    my ($ok, $diag) = (\&Test::Builder::ok, \&Test::Builder::diag);
    my $why;
    no warnings 'redefine';
    *Test::Builder::ok = sub {
        my ($builder, undef, $name) = @_;
        $why = defined $name ? $left_out{$name} : undef;
        goto &$ok if !defined $why;
        return $builder->skip("$name: $why");
    };
    # What would be said of its failure.
    *Test::Builder::diag = sub { defined $why ? 0 : goto &$diag };
}

1;
