# A full descriptor table loses nothing: EMFILE, the message stays queued, and
# the same call succeeds as soon as there is room.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;
use Signals;
use Syscall;

use File::FDpasser;
use POSIX ();
use Socket;

watchdog(60);    # some of it takes long beside other work

my $file = tagged('kept');
Situation::new_baseline();
no warnings 'File::FDpasser';
my $text = '';
$File::FDpasser::on_text = sub { $text .= $_[0] };

# Runs CODE in list context with no descriptor free under a limit of 64.
sub when_full (&) {
    my ($code)   = @_;
    my $limit    = descriptor_limit(64);
    my @filler   = fill_table();
    my @returned = eval { $code->() };
    my $died     = $@;
    empty_table(@filler);
    descriptor_limit($limit);
    die $died if $died;
    return @returned;
}

sub outcome {
    my ($got) = @_;
    return defined $got && $got ne '-1' ? 'success' : errno_name($!);
}

my %receive = (
    recv_fh    => \&recv_fh,
    recv_fd    => \&recv_fd,
    my_recv_fd => sub { File::FDpasser::my_recv_fd(fileno $_[0]) },
);

my %message = (
    'a message'          => sub { send_raw($_[0], "\0\0", $file) },
    'a single byte'      => sub { send_raw($_[0], 'x',    $file) },
    'text and a message' => sub {
        syswrite $_[0], 'text';
        send_raw($_[0], "\0\0", $file);
    },
    'text and a message at once' => sub { send_raw($_[0], "text\0\0", $file) },
    'a message in two halves' => sub {
        syswrite $_[0], "\0";
        send_raw($_[0], "\0", $file);
    },
    'a surplus' => sub { send_raw($_[0], "\0\0", ($file) x 16) },
    'a surplus of 253' => sub { send_raw($_[0], "\0\0", ($file) x 253) },
);

delete $message{'a message in two halves'} if OverStreams::lack('halves');
delete @message{ 'a single byte', grep {/surplus/} keys %message }
    if OverStreams::lack('a surplus');

for my $how (sort keys %receive) {
    my $receive = $receive{$how};
    for my $name (sort keys %message) {
        for my $blocking (1, 0) {
            my ($us, $peer) = pair();
            $us->blocking($blocking);
            $message{$name}->($peer);
            # Behind one byte and a descriptor an error status would count.
            my $is_open = $name eq 'a single byte';
            my $next    = $is_open ? "\0\0" : "\0\x0d";
            send_raw($peer, $next, $is_open ? $file : ());
            $text = '';
            my @tried = when_full {
                map { $! = 0; outcome($receive->($us)) } 1 .. 3;
            };
            my $title = "$how, $name, " . ($blocking ? 'blocking' : 'not');
            is_deeply \@tried, [ ('EMFILE') x 3 ], "$title: EMFILE";
            my $got = $receive->($us);
            is tag_of($got), 'kept', "$title: then it is there";
            is $text, $is_open ? 'x' : $name =~ /text/ ? 'text' : '',
                "$title: the text, once";
            is queued($us), $next, "$title: the next message is whole";
            POSIX::close($got) if !ref $got;
        }
    }
    no_leak("$how: none left over");
}

# What needs no descriptor is not stopped by a full table.
for my $how (sort keys %receive) {
    my $receive = $receive{$how};
    my ($us, $peer) = pair();
    $us->blocking(0);
    my $try = sub { $! = 0; outcome($receive->($us)) };
    my @got = when_full {
        my @seen = $try->();
        syswrite $peer, "\0" if !OverStreams::lack('halves');
        push @seen, $try->();
        syswrite $peer, OverStreams::lack('halves') ? "\0\x0d" : "\x0d";
        return @seen;
    };
    is_deeply \@got, [qw(EAGAIN EAGAIN)], "$how: nothing there: EAGAIN";

    $receive->($us);
    syswrite $peer, $_ for "some text\0\x02", "\0\0";
    close $peer;
    $text = '';
    @got = when_full { map { $try->() } 1 .. 3 };
    if ($how eq 'my_recv_fd') { $got[0] = 'ENOENT' if $got[0] eq 'success' }
    is_deeply \@got, [qw(ENOENT EPROTO ENOTCONN)],
        "$how: a status, a malformed message, the end";
    is $text, 'some text', "$how: and text";
}

# A descriptor that comes with an error status counts for nothing, and so needs
# no room: the status is told.
for my $how (sort keys %receive) {
    last if OverStreams::lack('halves');
    for my $status ("\0\x0d", "text\0\x0d", "\0\x01", "\0\xff") {
        my ($us, $peer) = pair();
        $text = '';
        send_raw($peer, $status, $file);
        my ($got) = when_full { $! = 0; my $got = $receive{$how}->($us); outcome($got) };
        my $number = ord substr $status, -1;
        my $name   = length $status > 2 ? "$how: text and a status" : "$how: a status";
        my $is_told = $how eq 'my_recv_fd' && $number > 1;
        is $got, $is_told ? 'success' : errno_name($number), "$name of $number, with a descriptor";
        is queued($us), undef, '... and nothing is left';
    }
}

# Who found no room and nothing there, and waits, finds no room for what comes.
for my $how (sort keys %receive) {
    my ($us, $peer) = pair();
    my $waiting = 0 + $$;
    my $child   = in_child {
        1 until Signals::is_blocked($waiting);
        send_file($peer, $file);
        return;
    };
    my ($tried) = when_full { $! = 0; outcome($receive{$how}->($us)) };
    is $tried, 'EMFILE', "$how: it waits, then EMFILE";
    $child->result;
    $us->blocking(0);
    my $got = $receive{$how}->($us);
    is tag_of($got), 'kept', "$how: ... then it is there";
    POSIX::close($got) if defined $got && !ref $got;
}

# An error status behind one byte and a descriptor counts; a full table hides
# neither.
for my $how (sort keys %receive) {
    last if OverStreams::lack('halves');
    my ($us, $peer) = pair();
    $text = '';
    send_raw($peer, 'x', $file);
    syswrite $peer, "\0\x0d";
    my @tried = when_full { map { $! = 0; outcome($receive{$how}->($us)) } 1, 2 };
    is_deeply \@tried, [ ('EMFILE') x 2 ], "$how: a byte, then an error status: EMFILE";
    $! = 0;
    my $got = $receive{$how}->($us);
    $got = $how eq 'my_recv_fd' ? -$got : $! + 0;
    is $got, POSIX::EACCES(), '... then the status counts';
    is $text, 'x', '... and the byte is text';
    is queued($us), undef, '... and nothing is left';
}
no_leak('an error status behind a byte: none left over');

# Sending needs no room at all.
{
    my ($us, $peer) = pair();
    my @sent = when_full {
        map { patiently { send_file($peer, $file) } } 1 .. 20
    };
    is_deeply \@sent, [ (1) x 20 ], 'sending with a full table';
    my @got = when_full {
        my $number = recv_fd($us);
        POSIX::close(0);    # room for one
        my @in_turn;
        for (1 .. 20) {
            my $got = recv_fd($us);
            push @in_turn, tag_of($got);
            POSIX::close($got);
        }
        open STDIN, '<', '/dev/null' or die "/dev/null: $!";
        return (defined $number ? 1 : 0, @in_turn);
    };
    is_deeply \@got, [ 0, ('kept') x 20 ],
        'with room for one twenty come, one after the other';
}
no_leak('sending: none left over');

# The limit is lowered below what is open, and below what was free before; low
# numbers are asked for in another way than high ones.
for my $open (0, 40) {
    my ($us, $peer) = pair();
    my @open = map { POSIX::dup(0) } 1 .. $open;
    send_raw($peer, "\0\0", $file) for 1 .. 4;
    my $first = recv_fd($us);
    POSIX::close($first);
    is recv_fd($us), $first, "above $open open numbers: the same number again";
    POSIX::close($first);
    my $limit   = descriptor_limit($first);
    my $refused = recv_fd($us);
    my $errno   = errno_name($!);
    descriptor_limit(3);
    my $again   = recv_fh($us);
    descriptor_limit($limit);
    POSIX::close($_) for @open;
    is $refused, undef,    'a limit lowered at run time: refused';
    is $errno,   'EMFILE', 'with EMFILE';
    is $again,   undef,    'and below all that is open';
    is tag_of(scalar recv_fh($us)), 'kept', 'a raised one: received'
        for 1 .. 2;
}

# Another process lowers the limit while the call waits, and then the message comes.
{
    my ($us, $peer) = pair();
    my $limit   = pack_64(descriptor_limit());
    my $waiting = 0 + $$;
    my $child   = in_child {
        1 until Signals::is_blocked($waiting);
        my $most = pack_64(Syscall::most_descriptors());
        defined system_call('prlimit64', $waiting, constant('RLIMIT_NOFILE'), pack_64(3) . $most, 0)
            or return "prlimit: $!";
        send_raw($peer, "\0\0", $file);
        return 'sent';
    };
    my $tried = outcome(scalar recv_fh($us));
    Syscall::limit_descriptors($limit . pack_64(Syscall::most_descriptors()), 0);
    is $child->result, 'sent', 'a limit is lowered from outside during a wait, then a message';
    is $tried, 'EMFILE', '... EMFILE';
    is tag_of(scalar recv_fh($us)), 'kept', '... and nothing is lost';
}

# Free numbers in the middle are found, the last free one too.
{
    my ($us, $peer) = pair();
    send_raw($peer, "\0\0", $file) for 1 .. 10;
    my $limit  = descriptor_limit(64);
    my @filler = fill_table();
    my @seen;
    for my $free (@filler[ 0, -1, @filler / 2, 1, -2 ]) {
        POSIX::close($free);
        my $got = recv_fd($us);
        push @seen, [ $got, tag_of($got) ];
        my $none = recv_fd($us);
        push @seen, $none if defined $none;
    }
    my @want = map { [ $_, 'kept' ] } @filler[ 0, -1, @filler / 2, 1, -2 ];
    empty_table(@filler);
    descriptor_limit($limit);
    is_deeply \@seen, \@want, 'one free number, wherever it is, is enough';
    is tag_of(scalar recv_fh($us)), 'kept', 'and no more are taken'
        for 1 .. 5;
}

# ... or standard input's, while what came last is held.
{
    my ($us, $peer) = pair();
    send_raw($peer, "\0\0", $file) for 1 .. 3;
    my @held = map { recv_fd($us) } 1, 2;
    my ($got) = when_full {
        POSIX::close(0);
        recv_fd($us);
    };
    is $got, 0, 'the one free number is 0';
    open STDIN, '<', '/dev/null' or die "/dev/null: $!";
    POSIX::close($_) for @held;
}

# Room for some of a surplus.
for my $free (1, 2, 3) {
    last if OverStreams::lack('a surplus');
    my ($us, $peer) = pair();
    send_raw($peer, "\0\0", ($file) x 16);
    send_raw($peer, "text\0\0", ($file) x 253);
    my $limit  = descriptor_limit(64);
    my @filler = fill_table();
    POSIX::close(pop @filler) for 1 .. $free;
    my @tags = map { tag_of(scalar recv_fh($us)) } 1, 2;
    my @more = fill_table();
    empty_table(@filler, @more);
    descriptor_limit($limit);
    is_deeply \@tags, [qw(kept kept)], "$free free, a surplus: the first";
    is @more, $free, "$free free, a surplus: none left over";
}

# Packets.
my %packets = packets();
for my $type (values %packets) {
    my ($us, $peer) = pair($type);
    send_raw($peer, "\0\0", $file);
    send_raw($peer, 'x', $file);
    send_raw($peer, "\0\0too long", $file);
    send_raw($peer, "\0\x0d");
    my @tried = when_full { map { outcome(recv_fh($us)) } 1 .. 2 };
    is_deeply \@tried, [qw(EMFILE EMFILE)], 'a packet: EMFILE';
    is tag_of(scalar recv_fh($us)), 'kept', 'and it stays';
    is_deeply [ when_full { outcome(recv_fh($us)) } ], ['EMFILE'], 'a packet of one byte: EMFILE';
    is tag_of(scalar recv_fh($us)), 'kept', 'as does the next';
    fails { recv_fh($us) } undef, 'EMSGSIZE', 'and the one too long';
    fails { recv_fh($us) } undef, 'EACCES',   'and the status';
    send_raw($peer, '');
    my ($empty) = when_full { outcome(recv_fh($us)) };
    is $empty, $type == SOCK_DGRAM ? 'EPROTO' : 'ENOTCONN', 'an empty packet needs no room';
}
no_leak('packets: none left over');

# A program that serves many under a small limit loses none of them.
{
    my ($us, $peer) = pair();
    my $child = in_child {
        close $us;
        my $sent = 0;
        $sent += send_file($peer, tagged($_)) || 0 for 1 .. 500;
        return $sent;
    };
    close $peer;
    my $limit = descriptor_limit(40);
    my (@held, @tags, $full);
    for (;;) {
        my $got = recv_fh($us);
        if    (defined $got) { push @held, $got }
        elsif ($!{EMFILE})   { $full++; push @tags, tag_of(shift @held) }
        else                 { last }
    }
    push @tags, tag_of($_) for @held;
    @held = ();
    descriptor_limit($limit);
    is_deeply \@tags, [ 1 .. 500 ], '500 came through a table of 40, in order';
    cmp_ok $full, '>', 400, 'which was full most of the time';
    is $child->result, 500, 'as many as were sent';
}

undef $file;
no_leak();
done_testing;
