package OverStreams;

# The tests of t/ over streams. `make test` runs them over sockets and over
# streams; by hand
#
#     prove -b t/takeover.t                                # over sockets
#     FDPASSER_TRANSPORT=streams prove -b t/takeover.t     # over streams
#     FDPASSER_TRANSPORT=streams prove -b -j4 t/
#
# Here is what does not hold there, and why. Situation loads this for each test.

use strict;
use warnings;

# Files that are not run twice: they touch no transport, or say which.
our %ONCE = (
    build_prerequisites => 'touches no stream',
    build_versions      => 'touches no stream',
    hostile_announced   => 'is about streams',
    load                => 'touches no stream',
    queue_streams       => 'is about streams',
    streams_choice      => 'is about streams',
    streams_endpoints   => 'is about streams',
    streams_named       => 'is about streams',
    streams_partial     => 'is about streams',
    streams_wire        => 'is about streams',
    taint               => 'in taint mode the environment does not choose the transport',
);

# Files that are run over sockets only.
our %NOT = (
    (map { $_ => 'batches: on streams each descriptor is a message' }
        qw(batch_full_table batch_limits)),
    (map { $_ => 'its other end speaks to sockets' }
        qw(interop_c interop_perl interop_python interop_ruby)),
    (map { $_ => 'streams always note who sends' }
        qw(identity_sender noted_batch_full_table noted_full_table_receive
        noted_hostile_descriptors noted_hostile_half noted_hostile_peer
        noted_wire_framing noted_wire_text)),
    copied_programs =>
        'on streams no client is connected before it is accepted',
    descriptor_keeper =>
        'its protocol reads messages in pieces, which the emulation loses',
    handover     => 'its other clients and servers are plain sockets',
    system_calls => 'it counts the system calls of sockets',
);

# Assertions that do not hold, by file and name.
our %ASSERTIONS = (
    cookbook_client => {
        'a datagram socket' => 'what is no stream is no server',
    },
    endpoint_mode => {
        map { ("mode $_: owner, group, others" =>
            'on streams to connect takes permission to read, too') }
            qw(0200 0020 0002)
    },
    endpoint_names => {
        'a client that knows nothing of this module connects' =>
            'its client is a plain stream socket',
    },
    endpoint_options => {
        map { $_ => 'on streams the server has to accept in time' }
            '... or very short', '... or none at all'
    },
    fork_readers => {
        map { ("$_, packets: read to the end" =>
            'who has taken the two bytes sees the end as a message cut off') }
            qw(non-blocking recv_fd recv_fh), 'under signals', 'with a full table',
            'with a full table now and then'
    },
    full_table_receive => {
        'and the one too long' => 'a packet with a descriptor is that descriptor',
    },
    hostile_arguments => {
        map { $_ => 'a message of streams comes whole' }
            'a status after its zero byte', '... and the text before it'
    },
    identity_namespace => {
        '... a message sent before we asked: who made the connection' =>
            'streams always know who sent',
    },
    identity_relay => {
        '... not asked for: who connected, and it says so' =>
            'streams always know who sent',
    },
    named_endpoint => {
        '... a stream'       => 'the emulation is made of packets',
        'it does not listen' => 'on streams any end receives',
        'a datagram socket'  => 'what is no stream is no server',
    },
    thread_pairs => {
        'which dies for itself' =>
            'a packet of text and a descriptor is no message of streams',
    },
    wire_credentials => {
        'a packet that is too long' =>
            'a packet with a descriptor is that descriptor',
    },
);

sub are_asked_for {
    my $default = $^O eq 'solaris' ? 'streams' : 'socket';
    return ($ENV{FDPASSER_TRANSPORT} || $default) eq 'streams';
}

# 't/takeover.t' is takeover.
sub name_of { my ($path) = @_; return $path =~ m{([^/]+)\.t\z} ? $1 : '' }

# Whether a test is another one there.
sub have {
    my ($path) = @_;
    my $name = name_of($path);
    return !$ONCE{$name} && !$NOT{$name};
}

sub import {
    my $name = name_of($0);
    return if !are_asked_for() || $ONCE{$name};
    skip_all($NOT{$name})          if $NOT{$name};
    leave_out($ASSERTIONS{$name})  if $ASSERTIONS{$name};
    return;
}

sub skip_all {
    my ($why) = @_;
    print "1..0 # SKIP over streams: $why\n";
    exit 0;
}

# Test::Builder::diag would say of the failure what Test::Builder::ok is spared.
sub leave_out {
    my ($left_out) = @_;
    require Test::Builder;
    my ($ok, $diag) = (\&Test::Builder::ok, \&Test::Builder::diag);
    my $why;
    no warnings 'redefine';
    *Test::Builder::ok = sub {
        my ($builder, undef, $name) = @_;
        $why = defined $name ? $left_out->{$name} : undef;
        goto &$ok if !defined $why;
        return $builder->skip("$name: $why");
    };
    *Test::Builder::diag = sub { defined $why ? 0 : goto &$diag };
    return;
}

1;
