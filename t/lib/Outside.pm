package Outside;

# Calls that wait, or must not, looked at from another process.
#
#     use Outside;
#
#     my @got = returns { recv_fh($us) };  # in a child, of whom ten seconds are
#                                          # enough; ('hangs') if they were not
#     my @got = returns { ... } 60;        # for what takes long
#     my $child = waits { recv_fh($us) };  # a child in which it waits
#     waits_quietly($child, $name);        # 3 tests: until a handler dies, and
#                                          # without processor time
#     my $tag = answered(recv_fh($us));    # or errno's name
#     flood($peer, $bytes, @fh);           # faster than anybody reads, while
#                                          # there is somebody who could

use strict;
use warnings;

use Config;
use Exporter 'import';
use Peer qw(tag_of);
use POSIX ();
use Situation;
use Syscall;
use Test::More ();

our @EXPORT = qw(returns waits waits_quietly answered is_ready flood);

my $ENOUGH = 10;

sub returns (&;$) {
    my ($code, $seconds) = (@_, $ENOUGH);
    my $child = in_child { watchdog($seconds); $code->() };
    Situation::wait_for($seconds);
    my @got = eval {
        $child->within(1.2 * Situation::patient($seconds) * Situation::busy())->result;
    };
    return $@ eq '' ? @got : $@ =~ /no result/ ? 'hangs' : die $@;
}

# An alarm whose handler dies ends it, a second later. The child says how, what
# that second cost, and what it left open.
sub waits (&) {
    my ($code) = @_;
    return in_child {
        watchdog($ENOUGH);
        my @before = times;
        my $done = eval {
            local $SIG{ALRM} = sub { die "handled\n" };
            alarm 1;
            $code->();
            1;
        };
        my $end   = $done ? 'returned: ' . Situation::errno_name($!) : $@;
        my @after = times;
        watchdog();
        my $burnt = $after[0] + $after[1] - $before[0] - $before[1];
        return ($end, $burnt, leaked());
    };
}

sub waits_quietly {
    my ($child, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($end, $burnt, @leaked) = eval { $child->result };
    Test::More::is($end, "handled\n", "$name: waits until a handler dies")
        or return;
    Test::More::cmp_ok($burnt, '<', 0.25, '... without processor time');
    Test::More::is("@leaked", '', '... and leaves nothing open');
    return;
}

# answered($got): what a receive of one gave, handle or number, which is closed;
# 'ENOTCONN' and the like if it gave none.
sub answered {
    my ($got) = @_;
    my $errno = $! + 0;
    return Situation::errno_name($errno) if !defined $got;
    my $tag = tag_of($got);
    POSIX::close($got) if !ref $got;
    return $tag;
}

# flood($socket, $bytes, @descriptors): that message by the hundred, with
# sendmmsg(2), until the other end is gone.
sub flood {
    my ($socket, $bytes, @descriptors) = @_;
    my $control = @descriptors ? Peer::rights(@descriptors) : '';
    my $vector  = pack 'P Q', $bytes, length $bytes;
    my $header  = Peer::message_header(\$vector, \$control);
    my $one     = $header . "\0" x 4;    # struct mmsghdr: how much went
    my $headers = ($one . "\0" x (-length($one) % $Config{ptrsize})) x 256;
    local $SIG{PIPE} = 'IGNORE';
    1 while system_call('sendmmsg', fileno $socket, $headers, 256, 0);
    return;
}

# is_ready($fh): whether select(2) says that there is something to read.
sub is_ready {
    my ($fh) = @_;
    vec(my $bits = '', fileno $fh, 1) = 1;
    return select $bits, undef, undef, 0;
}

1;
