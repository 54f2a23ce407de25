package Peer;

# The other end of a connection, without manners: messages that File::FDpasser
# itself never sends, and a look at what it does send.
#
#     use Peer;                            # skips the test where it can't work
#
#     my ($us, $peer) = pair();            # or a stream; pair(SOCK_DGRAM)
#     my %type = packets();                # name => type, of those with packets
#     send_raw($peer, "\0\0", $fh);        # one sendmsg, one SCM_RIGHTS
#     send_control($peer, "\0\0", rights($fh), rights($fh));
#     send_oob($peer, "a\0x", $fh);        # the last byte is out of band
#     my ($bytes, @numbers) = recv_raw($us, 100);
#
#     patiently { send_file($us, $fh) };   # beside other jobs of this user
#
#     my $old = descriptor_limit(64);      # RLIMIT_NOFILE, the soft one
#     my @filler = fill_table();           # no descriptor is free now
#     empty_table(@filler);
#
#     my $fh = tagged('a');                # a file that says 'a'
#     tag_of($fh_or_number);               # 'a', wherever the offset is
#
# Perl has no sendmsg, so these are system calls on packed structures, as Linux
# has them: a pointer and a size are as wide as a long of this perl.

use strict;
use warnings;

use Errno ();
use Exporter ();
use POSIX    ();
use Socket qw(AF_UNIX MSG_DONTWAIT MSG_NOSIGNAL MSG_OOB MSG_PEEK PF_UNSPEC
    SOCK_DGRAM SOCK_SEQPACKET SOCK_STREAM SOL_SOCKET);
use OverStreams ();
use Syscall;
use Test::More ();

our @EXPORT = qw(pair packets send_raw send_control send_oob rights credentials recv_raw queued
    note_credentials descriptor_limit patiently fill_table empty_table with_free tagged tag_of);

use constant {
    SCM_RIGHTS       => 1,
    SCM_CREDENTIALS  => 2,
    MSG_CMSG_CLOEXEC => 0x4000_0000,
    LONG             => length pack('L!', 0),
};
use constant {
    CMSG_HEADER => LONG + 8,
    # struct msghdr; how much of the control buffer was filled
    MESSAGE     => sprintf('P I x!%d P L! P L! i x!%1$d', LONG),
    CONTROLLED  => sprintf('x%d L!', 5 * LONG),
};

# A program that a test runs can't be skipped: the test has to use Peer, too.
sub import {
    my $why = $^O ne 'linux' ? "raw sendmsg is packed for Linux only, not for $^O"
        : !has_system_call('sendmsg') ? 'no compiler and no header knows the number of sendmsg'
        : undef;
    goto &Exporter::import if !defined $why;
    die "$why\n" if $0 !~ /\.t\z/;
    Test::More::plan(skip_all => $why);
}

# pair(): two connected ends of the transport that is tested; pair($type): two
# sockets, over streams too. Their close-on-exec flag is set.
sub pair {
    return stream_pair() if !@_ && OverStreams::are_asked_for();
    my $type = @_ ? shift : SOCK_STREAM;
    socketpair my $one, my $two, AF_UNIX, $type, PF_UNSPEC
        or die "socketpair: $!";
    $_->autoflush for $one, $two;
    return ($one, $two);
}

sub stream_pair {
    require File::FDpasser;
    return File::FDpasser::spipe();
}

# packets(): where streams are emulated SOCK_SEQPACKET is a stream.
sub packets {
    return (
        SOCK_DGRAM => SOCK_DGRAM,
        File::FDpasser::transport() eq 'socket'
            ? (SOCK_SEQPACKET => SOCK_SEQPACKET) : (),
    );
}

sub number_of { my ($fh) = @_; return ref $fh ? fileno $fh : $fh }

sub control_message {
    my ($type, $data) = @_;
    my $message = pack 'L! i i a*', CMSG_HEADER + length $data, SOL_SOCKET,
        $type, $data;
    return $message . "\0" x (-length($message) % LONG);
}

sub rights { control_message(SCM_RIGHTS, pack 'i*', map { number_of($_) } @_) }

sub credentials { control_message(SCM_CREDENTIALS, pack 'i3', @_) }

# struct msghdr around buffers that the caller keeps alive.
sub message_header {
    my ($vector, $control) = @_;
    return pack MESSAGE, undef, 0, $$vector, 1,
        length $$control ? ($$control, length $$control) : (undef, 0), 0;
}

# patiently { CODE }: what it returns, when other programs of this user have left
# room: who is not root may not send while all of these together have more
# descriptors in flight than he may open (ETOOMANYREFS, unix(7)).
sub patiently (&) {
    my ($code) = @_;
    my $got;
    select undef, undef, undef, 0.02
        until defined($got = $code->()) || !$!{ETOOMANYREFS};
    return $got;
}

# send_control($socket, $bytes, @control): one sendmsg; returns the bytes that
# went, undef with $! set if none did. Raises no SIGPIPE.
sub send_control {
    my ($socket, $bytes, @control) = @_;
    return sendmsg_of($socket, MSG_NOSIGNAL, $bytes, @control);
}

# send_oob($socket, $bytes, @descriptors): a send_raw with MSG_OOB.
sub send_oob {
    my ($socket, $bytes, @descriptors) = @_;
    return sendmsg_of($socket, MSG_NOSIGNAL | MSG_OOB, $bytes,
        @descriptors ? rights(@descriptors) : ());
}

sub sendmsg_of {
    my ($socket, $flags, $bytes, @control) = @_;
    my $control = join '', @control;
    my $vector  = pack 'P L!', $bytes, length $bytes;
    my $header  = message_header(\$vector, \$control);
    return patiently { system_call('sendmsg', fileno $socket, $header, $flags) };
}

# send_raw($socket, $bytes, @descriptors): handles or numbers. On a stream the
# descriptors are messages of their own: behind a message of status 0, which
# announces them, and else before the bytes.
sub send_raw {
    my ($socket, $bytes, @descriptors) = @_;
    return send_apart(@_) if @descriptors && is_stream($socket);
    return send_control($socket, $bytes,
        @descriptors ? rights(@descriptors) : ());
}

sub is_stream {
    my ($socket) = @_;
    return OverStreams::are_asked_for()
        && File::FDpasser::my_isastream(fileno $socket) > 0;
}

sub send_apart {
    my ($stream, $bytes, @descriptors) = @_;
    my @messages = map { [ "\0", rights($_) ] } @descriptors;
    $bytes =~ /\0\0\z/ ? unshift @messages, [$bytes] : push @messages, [$bytes];
    for my $message (@messages) {
        defined send_control($stream, @$message) or return;
    }
    return length $bytes;
}

# recv_raw($socket, $max_bytes): one recvmsg. Returns the bytes and the numbers
# of the descriptors, at most 253, which are the caller's to close; the empty
# list with $! set on failure.
sub recv_raw {
    my ($socket, $max_bytes, $flags) = @_;
    my $bytes   = buffer($max_bytes);
    my $control = buffer(CMSG_HEADER + 4 * 256 + 64);    # and noted credentials
    my $vector  = pack 'P L!', $bytes, $max_bytes;
    my $header  = message_header(\$vector, \$control);
    my $got = system_call('recvmsg', fileno $socket, $header,
        MSG_CMSG_CLOEXEC | ($flags || 0));
    return if !defined $got;
    my $controlled = unpack CONTROLLED, $header;
    return (substr($bytes, 0, $got),
        numbers_in(substr $control, 0, $controlled));
}

# A string of its own memory, which no other scalar shares, for the kernel to
# write into.
sub buffer {
    my ($size) = @_;
    my $buffer = '';
    vec($buffer, $size - 1, 8) = 0;
    return $buffer;
}

sub numbers_in {
    my ($control) = @_;
    my @numbers;
    while (length $control >= CMSG_HEADER) {
        my ($length, $level, $type) = unpack 'L! i i', $control;
        push @numbers, unpack 'i*', substr $control, CMSG_HEADER,
            $length - CMSG_HEADER
            if $level == SOL_SOCKET && $type == SCM_RIGHTS;
        $length += -$length % LONG;
        last if $length >= length $control;
        substr $control, 0, $length, '';
    }
    return @numbers;
}

# queued($socket): what lies in its receive queue up to the next descriptor,
# without taking it; undef with $! == EAGAIN if that is nothing.
sub queued {
    my ($socket) = @_;
    defined recv $socket, my $bytes, 65536, MSG_PEEK | MSG_DONTWAIT
        or return;
    return $bytes;
}

# note_credentials($socket): SO_PASSCRED, so that every message that comes here
# carries a second control message.
sub note_credentials {
    my ($socket) = @_;
    setsockopt $socket, SOL_SOCKET, constant('SO_PASSCRED'), 1 or die "SO_PASSCRED: $!";
}

# fill_table(): takes every free descriptor number; returns them.
sub fill_table {
    my @filler;
    while (defined(my $number = POSIX::dup(0))) { push @filler, $number }
    die "dup: $!" if !$!{EMFILE};
    return @filler;
}

sub empty_table { POSIX::close($_) for @_ }

# with_free($count, $code): with just so many free numbers, below a limit of 600,
# what $code returns, in list context.
sub with_free {
    my ($free, $code) = @_;
    my $limit  = descriptor_limit(600);
    my @filler = fill_table();
    POSIX::close(pop @filler) for 1 .. $free;
    my @result = $code->();
    empty_table(@filler);
    descriptor_limit($limit);
    return @result;
}

# tagged($tag): an unnamed file of its own that holds $tag.
sub tagged {
    my ($tag) = @_;
    open my $fh, '+>', undef or die "temporary file: $!";
    syswrite $fh, $tag;
    return $fh;
}

# tag_of($handle_or_number): '' for an empty file or none at all. Leaves the
# offset alone, which other processes may share.
sub tag_of {
    my ($fh) = @_;
    my $number = number_of($fh);
    return '' if !defined $number;
    my $tag  = buffer(1024);
    # Where the offset is two arguments both are 0, wherever they begin.
    my $read = system_call('pread64', $number + 0, $tag, 1024, 0, 0, 0);
    return $read ? substr $tag, 0, $read : '';
}

1;
