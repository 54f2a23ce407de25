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
    cookbook            => 'touches no stream',
    hostile_announced   => 'is about streams',
    hostile_empty_packet => 'is about packets, and touches no stream',
    wire_packets        => 'is about packets, and touches no stream',
    load                => 'touches no stream',
    queue_streams       => 'is about streams',
    streams_access      => 'is about streams',
    streams_choice      => 'is about streams',
    streams_endpoints   => 'is about streams',
    streams_limits      => 'is about streams',
    streams_named       => 'is about streams',
    streams_partial     => 'is about streams',
    streams_wire        => 'is about streams',
    taint               => 'in taint mode the environment does not choose the transport',
);

my $HALVES = 'a message of streams comes whole';
my $EACH   = 'on streams each descriptor is a message';

# Files that are run over sockets only.
our %NOT = (
    (map { $_ => "batches: $EACH" }
        qw(batch_failures batch_full_table batch_limits fault_reply hostile_descriptors
        message_sender)),
    (map { $_ => "its peer sends pieces: $HALVES" }
        qw(fault_text half_read hostile_fork hostile_half hostile_hoard hostile_name
        hostile_peer identity_pieces message_partial wire_credentials wire_framing
        wire_text)),
    fork_readers  => 'of several readers of a stream one has the announcement, another what it announced',
    hostile_oob   => 'no packet is out of band',
    fault_threads => 'the module is loaded in its children only, which have pairs before',
    (map { $_ => 'its program has plain sockets' } qw(fault_arrival fault_refused)),
    wire_messages => 'what is on the wire of streams, streams_wire says',
    channel_interop => 'its other end speaks to sockets',
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

# What tests do in another way there, or not at all.
our %LACKING = (
    halves          => $HALVES,
    batches         => $EACH,
    'partial reads' => 'a message of the emulation is read whole: read(2) of a part loses the rest',
    'several readers' => 'one has the announcement, another what it announced',
    'long messages' => 'one has 4,096 bytes at most',
    'partial writes' => 'a piece of two zero bytes with descriptors is a message for each',
    'small buffers' => 'several descriptors find room together, or none goes',
    'a surplus'     => $EACH,
);

# Assertions that do not hold, by file and name.
our %ASSERTIONS = (
    batch_order => { map { ("$_: each arrived, in its place" => $EACH) } qw(handles numbers) },
    error_reply => { 'descriptors behind' => $EACH },
    fault_wait => { '... with half a message, too' => $HALVES },
    hostile_locks => {
        (map { ("$_: half and half" => $HALVES) }
            qw(recv_fh recv_fd my_recv_fd), 'recv_fh with its sender'),
        (map { ("$_: 2 at once" => $EACH, "$_: 28 at once" => $EACH, "$_: 253 at once" => $EACH) }
            qw(recv_fhs recv_fds read_fd)),
    },
    hostile_no_table => { 'half and half' => $HALVES },
    hostile_stopped  => {
        map { ("$_, half before" => $HALVES, "$_, text and half before" => $HALVES) }
            qw(recv_fh recv_fd my_recv_fd recv_fhs recv_fds), 'recv_fhs with a number'
    },
    identity_forged  => { '... from who made the connection' => 'streams always know who sent' },
    message_limits => {
        'and takes bytes that came before them along' => $EACH,
    },
    queue_callbacks => { 'on_text runs the queue: each is told once' => $HALVES },
    queue_full_table => { 'room for 19 of 20: none comes' => $EACH },
    queue_pushed     => { '... the batch, too' => $EACH },
    queue_wants => {
        map { $_ => $HALVES } 'half a message: to be read, no timer',
            '... its other half makes it whole', '... and nothing more is wanted'
    },
    signal_pipe => {
        map { ("send_file with pending output: $_" => 'write(2) of a packet raises no SIGPIPE on Linux') }
            'killed by SIGPIPE', 'a handler runs, once, and EPIPE', 'a handler dies, none left over'
    },
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
    full_table_receive => {
        map { ("$_: a status, a malformed message, the end" =>
            'an announcement needs as much room as what it announces') }
            qw(recv_fh recv_fd my_recv_fd)
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
);

sub are_asked_for {
    my $default = $^O eq 'solaris' ? 'streams' : 'socket';
    return ($ENV{FDPASSER_TRANSPORT} || $default) eq 'streams';
}

sub lack {
    my ($what) = @_;
    $LACKING{$what} or die "why is there no $what?";
    return are_asked_for();
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
