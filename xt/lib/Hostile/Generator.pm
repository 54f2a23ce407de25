package Hostile::Generator;

# Makes a hostile peer, and what it attacks, of a seed.
#
#     my $case = Hostile::Generator::case($seed);
#
# Even seeds are for sockets, odd ones for streams; which attack it is, they say
# too.

use strict;
use warnings;

use Hostile::Calls;
use Hostile::Case;
use Hostile::Random;

my @COUNTS = (1, 1, 1, 1, 1, 2, 2, 3, 28, 253);

my @ATTACKS = (\&receiving, \&receiving, \&receiving, \&sending, \&sending,
    \&receiving, \&receiving, \&flooding, \&accepting, \&connecting);

sub case {
    my ($seed) = @_;
    my $random = Hostile::Random->new($seed);
    my $case   = Hostile::Case->new(transport => $seed % 2 ? 'streams' : 'socket');
    $case->{type} = type($random, $case);
    $ATTACKS[ int($seed / 2) % @ATTACKS ]->($random, $case);
    return $case;
}

sub receiving {
    my ($random, $case) = @_;
    victim($random, $case);
    $case->{rounds} = [ rounds($random, $case, acts($random, $case)) ];
    return;
}

# Sockets are served as sockets where streams are emulated, too.
sub type {
    my ($random, $case) = @_;
    return $random->pick(qw(stream stream stream stream seqpacket dgram))
        if $case->{transport} eq 'socket';
    return $random->pick(qw(seqpacket seqpacket seqpacket seqpacket stream));
}

sub is_stream_end { my ($case) = @_; return $case->{transport} eq 'streams' && $case->{type} eq 'seqpacket' }

sub victim {
    my ($random, $case) = @_;
    $case->{noted}    = $random->chance(30) || is_stream_end($case);
    $case->{blocking} = $random->chance(40);
    $case->{live}     = $case->{blocking} && $random->chance(40);
    $case->{signal}   = $random->pick(qw(plain restart die)) if $case->{blocking};
    if (!$case->{live} && $random->chance(10)) {
        $case->{ticking} = 1;
        $case->{signal}  = $random->pick(qw(plain restart));
    }
    my $first = $random->pick(Hostile::Calls::names('receiving'), 'queue');
    $first = 'recv_fh' if $first eq 'queue' && ($case->{blocking} || $case->{ticking});
    $case->{calls} = [ call($random, $first) ];
    return if $first eq 'read_fd' || $first eq 'queue' || $random->chance(70);
    push @{ $case->{calls} }, map { call($random, $_) }
        grep { $_ ne 'read_fd' } $random->pick(Hostile::Calls::names('receiving'));
    return;
}

sub call {
    my ($random, $name) = @_;
    my $takes = $name eq 'queue' ? '' : Hostile::Calls::takes($name);
    return [ $name, $random->pick(1, 1, 2, 3, 28) ] if $takes eq 'bytes';
    return [$name] if $takes ne 'all' || $random->chance(50);
    return [ $name, $random->pick(1, 2, 3, 28, 252) ];
}

# In rounds of a few acts, each with a few calls.
sub rounds {
    my ($random, $case, @acts) = @_;
    my @rounds;
    while (@acts) {
        my $many = $case->{live} ? 1 : $random->between(1, 6);
        my $round = { calls => $random->pick(1, 1, 2, 3, 50, 50), acts => [ splice @acts, 0, $many ] };
        $round->{room} = $random->pick(0, 0, 0, 1, 2, 30)
            if !$case->{live} && !$case->{ticking} && $random->chance(8);
        push @rounds, $round;
    }
    push @rounds, { calls => 50, acts => [] };
    return @rounds;
}

sub acts {
    my ($random, $case) = @_;
    my @acts
        = is_stream_end($case)       ? stream_messages($random)
        : $case->{type} eq 'stream'  ? written($random, socket_bytes($random))
        :                              packets($random);
    push @acts, { do => $random->pick(qw(shut close close reset)) } if $random->chance(40);
    return @acts;
}

sub act {
    my ($bytes, $descriptors, $do) = @_;
    return { do => $do || 'write', bytes => $bytes, descriptors => $descriptors || 0 };
}

# Statuses, and bytes that could be taken for one, are none of the errnos by
# which the calls themselves say how they stand: EINTR, EAGAIN, ECONNRESET,
# ENOTCONN.
my @LETTERS  = grep { !/[hk]/ } 'a' .. 'z';
my @STATUSES = grep { !/\A(?:1|4|11|104|107)\z/ } 1 .. 255;

sub text   { my ($random, $most) = @_; return join '', map { $random->pick(@LETTERS) } 1 .. $random->between(1, $most) }
sub status { my ($random) = @_; return "\0" . chr $random->pick(@STATUSES) }

# ---- stream sockets: bytes, each with its descriptors

sub socket_bytes {
    my ($random) = @_;
    return map { socket_message($random) } 1 .. $random->between(1, 10);
}

sub socket_message {
    my ($random) = @_;
    my $kind = $random->below(100);
    my $count = $random->pick(@COUNTS);
    return of($random, "\0\0",                                       $count) if $kind < 25;
    return of($random, status($random),          0)      if $kind < 37;
    return of($random, text($random, 6) . "\0\0",                    $count) if $kind < 47;
    return of($random, text($random, 6) . status($random), 0) if $kind < 54;
    return of($random, text($random, 12),                            $count) if $kind < 66;
    return of($random, $random->pick("\0", 'x'),                     $count) if $kind < 74;
    return of($random, "\0\0",                                       0)      if $kind < 79;
    return of($random, text($random, 8),                             0)      if $kind < 84;
    return of($random, "\0",                                         0)      if $kind < 89;
    return of($random, status($random),          $count) if $kind < 92;
    return of($random, text($random, 9000),             $random->pick(0, 1)) if $kind < 94;
    return map { of($random, chr $random->pick(0, 0, 0, 13, 97), $random->pick(0, 0, 0, 1, 2)) }
        1 .. $random->between(1, 8);
}

# The descriptors are at one of the bytes, most often the first.
sub of {
    my ($random, $bytes, $count) = @_;
    my @bytes = map { [$_] } split //, $bytes;
    my $place = $random->chance(70) ? 0 : $random->below(scalar @bytes);
    $bytes[$place][1] = $count if $count;
    return @bytes;
}

# Writes: a byte with descriptors begins one. Some end in a byte out of band. A
# long text is not in more pieces than a short one.
sub written {
    my ($random, @bytes) = @_;
    my $splits = $random->pick(0, 5, 30, 100);
    $splits = 0.2 if @bytes > 300;
    my @acts;
    for my $byte (@bytes) {
        if (!@acts || $byte->[1] || $acts[-1]{do} eq 'oob' || $random->chance($splits)) {
            push @acts, act('', $byte->[1]);
        }
        $acts[-1]{bytes} .= $byte->[0];
        out_of_band($random, \@acts) if $random->chance(@bytes > 300 ? 0.05 : 2);
    }
    return @acts;
}

sub out_of_band {
    my ($random, $acts) = @_;
    my $byte = $random->pick("\0", 'x');
    if ($random->chance(50)) {
        $acts->[-1]{do} = 'oob';
        $acts->[-1]{bytes} .= $byte;
    }
    else { push @$acts, act($byte, $random->chance(10) ? 1 : 0, 'oob') }
    return;
}

# ---- packets

sub packets {
    my ($random) = @_;
    return map {
        my $kind = $random->below(100);
        my $count = $random->pick(@COUNTS);
          $kind < 40 ? act("\0\0", $count)
        : $kind < 50 ? act(status($random), $random->pick(0, 0, 0, 1))
        : $kind < 60 ? act($random->pick("\0", 'x'), $count)
        : $kind < 70 ? act('', $random->pick(0, 0, 1, 2, 28))
        : $kind < 75 ? act("\0\0", 0)
        : $kind < 80 ? act($random->pick("\0", 'x'), 0)
        : $kind < 88 ? act(text($random, 8), $random->pick(0, 1, 2))
        : $kind < 92 ? act(text($random, 60) . "\0\0", $random->pick(0, 1))
        : $kind < 94 ? act(text($random, 4000), $random->pick(0, 1))
        :              act(join('', map { chr $random->pick(0, 1, 97) } 1 .. 2), $random->pick(0, 1));
    } 1 .. $random->between(1, 14);
}

# ---- streams: messages, and descriptors that are passed

sub stream_messages {
    my ($random) = @_;
    return map {
        my $kind = $random->below(100);
        my $passed = act("\0", $random->pick(1, 1, 1, 1, 2, 28));
          $kind < 40 ? (act("\0\0"), $passed)
        : $kind < 50 ? act(status($random))
        : $kind < 58 ? (act(text($random, 20) . "\0\0"), $passed)
        : $kind < 64 ? act(text($random, 20) . status($random))
        : $kind < 72 ? act("\0\0")
        : $kind < 76 ? $passed
        : $kind < 82 ? act(text($random, 20))
        : $kind < 86 ? act('')
        : $kind < 90 ? act($random->pick("\0", "text\0", "\0\0\0\0", "\0ab", "text\0\0more"))
        : $kind < 95 ? (act("\0\0")) x $random->between(2, 30)
        :              act(text($random, 4000));
    } 1 .. $random->between(1, 12);
}

# ---- floods: something of what a receiver may get, without end

sub flooding {
    my ($random, $case) = @_;
    victim($random, $case);
    delete @$case{qw(live ticking)};
    my @floods
        = is_stream_end($case)      ? (act("\0\0"), act(text($random, 4000)), act('x', 1), act('', 0), act("\0\0", 28))
        : $case->{type} eq 'stream' ? (act('x' x 900), act('x'), act('x', 28), act('x' x 60_000), act('x' x 900, 1))
        :                             (act('', 0), act("\0\0", 28), act('x', 253));
    my $flood = $random->pick(@floods);
    $flood->{do} = 'flood';
    $case->{rounds} = [ { calls => 3, acts => [ $random->chance(30) ? act('x') : (), $flood ] },
        { calls => 3, acts => [] } ];
    return;
}

# ---- peers that should read

my @SIZES  = (1, 2, 7, 300, 1023, 1024, 1025);
my @LARGE  = (4095, 4097, 70_000, 90_000);
my @TEXTS  = (5, 1020, 1025, 4000);

sub sending {
    my ($random, $case) = @_;
    $case->{noted}    = $random->chance(30) || is_stream_end($case);
    $case->{blocking} = $random->chance(50);
    $case->{live}     = $case->{blocking} && $random->chance(50);
    $case->{signal}   = $random->pick(qw(plain restart die)) if $case->{blocking};
    my ($first, @more) = map { $random->pick(Hostile::Calls::names('sending')) } 1 .. 3;
    if (Hostile::Calls::is_for_queue($first)) {
        delete @$case{qw(blocking live signal)};
        @more = grep { Hostile::Calls::is_for_queue($_) } @more;
    }
    elsif ($first eq 'channel') {
        @more = ();
        $case->{timeout} = $random->pick(0, 30, 150);
    }
    else { @more = grep { $_ ne 'channel' && !Hostile::Calls::is_for_queue($_) } @more }
    $case->{calls}  = [ map { sent($random, $case, $_) } $first, @more ];
    $case->{rounds} = [ sending_rounds($random, $case) ];
    return;
}

sub sent {
    my ($random, $case, $name) = @_;
    my $packets = $case->{type} ne 'stream' && !is_stream_end($case);
    my $count   = $random->pick(@COUNTS);
    # More than a stream has room for are EMSGSIZE to who may not wait.
    $count = 28 if $count > 28 && is_stream_end($case) && $name ne 'send_files';
    return [ $name, $random->pick(@TEXTS, $name eq 'send_err' ? (9000, 90_000) : ()) ] if $name =~ /err/;
    return [ $name, 0, $random->pick(1, 2, 28) ] if $name eq 'push_send_fhs';
    return [ $name, 0, $count ] if $name eq 'send_files';
    return [ $name, $random->pick(@SIZES, $packets ? () : @LARGE), $random->pick(0, 0, $count) ]
        if $name =~ /write_fd|channel/;
    return [$name];
}

# What waits is kept: not much, and few descriptors.
sub sending_rounds {
    my ($random, $case) = @_;
    my $waits  = grep { $_->[0] =~ /channel|push_send_fhs/ } @{ $case->{calls} };
    my @rounds = map { {
        calls => $random->pick(1, 2, 5, $waits ? 20 : 400),
        acts  => [ $random->chance(70) ? { do => 'read', count => $random->pick(1, 2, 9, 1000) } : () ],
    } } 1 .. $random->between(1, 6);
    # There is no shutdown(2) of a stream; and who sends datagrams to a full queue
    # does not hear of it.
    my $shut = is_stream_end($case) || $case->{type} eq 'dgram' ? 'close' : 'shut';
    push @{ $rounds[-1]{acts} }, { do => $random->pick($shut, qw(close reset)) } if $random->chance(40);
    return @rounds;
}

# ---- clients, and servers

sub accepting {
    my ($random, $case) = @_;
    waiting_for_others($random, $case);
    $case->{calls}  = [ map { [ $random->pick(Hostile::Calls::names('accepting')) ] } 1 .. 2 ];
    $case->{rounds} = [ map { {
        calls => $random->pick(1, 2, 50),
        acts  => [ map { {
            do => $random->pick(qw(connect connect leave)), count => $random->pick(1, 1, 2, 20),
        } } 1 .. ($case->{live} ? 1 : $random->between(1, 4)) ],
        !$case->{live} && $random->chance(10) ? (room => $random->pick(0, 0, 1, 2)) : (),
    } } 1 .. $random->between(1, 5) ];
    return;
}

sub connecting {
    my ($random, $case) = @_;
    waiting_for_others($random, $case);
    $case->{blocking} = 1;
    $case->{signal} ||= 'plain';
    $case->{calls} = [ map { [ $_, $_ eq 'endp_connect' ? @{ $random->pick([], [20], [150]) } : () ] }
        map { $random->pick(Hostile::Calls::names('connecting')) } 1 .. 2 ];
    $case->{rounds} = [ map { {
        calls => $random->pick(1, 2, 9),
        acts  => [ map { connector($random) } 1 .. ($case->{live} ? 1 : $random->between(1, 3)) ],
    } } 1 .. $random->between(1, 5) ];
    return;
}

sub connector {
    my ($random) = @_;
    return { do => $random->pick(qw(close remove)) } if $random->chance(15);
    return { do => $random->pick(qw(accept tell tell)), count => $random->pick(1, 1, 3) };
}

sub waiting_for_others {
    my ($random, $case) = @_;
    $case->{type}     = $case->{transport} eq 'streams' ? 'seqpacket' : 'stream';
    $case->{blocking} = $random->chance(50);
    $case->{live}     = $case->{blocking} && $random->chance(50);
    $case->{signal}   = $random->pick(qw(plain restart die)) if $case->{blocking};
    return;
}

1;
