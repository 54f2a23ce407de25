# Text with faults in its midst: what was taken is handed on, whatever happens
# next, and an error reply that cannot go on spoils nothing behind it.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;
use Signals;

use File::FDpasser qw(:all);
use Socket;

my $file = tagged('passed');
my $text = '';
$File::FDpasser::on_text = sub { $text .= $_[0] };
Situation::new_baseline();

# A full table stops a descriptor behind text, wherever the text is cut.
for my $cut (1 .. 5) {
    my ($us, $peer) = pair();
    $text = '';
    syswrite $peer, substr 'text', 0, $cut - 1;
    send_raw($peer, substr('text', $cut - 1) . "\0\0", $file);
    my $limit  = descriptor_limit(64);
    my @filler = fill_table();
    fails { recv_fh($us) } undef, 'EMFILE', "cut at $cut: EMFILE";
    my $early = $text;
    empty_table(@filler);
    descriptor_limit($limit);
    is $early, substr('text', 0, length $early), '... what was taken is text';
    is tag_of(scalar recv_fh($us)), 'passed', '... then it is there';
    is $text, 'text', '... and so is all the text, once';
}

# How many bytes of a text go before the smallest buffer is full.
sub narrow_pair {
    my ($us, $peer) = pair();
    setsockopt $peer, SOL_SOCKET, SO_SNDBUF, 1 or die "SO_SNDBUF: $!";
    return ($us, $peer);
}
my (undef, $probe) = my @keep = narrow_pair();
my $fits = send $probe, 'x' x 100_000, MSG_DONTWAIT;
undef $probe;
@keep = ();

# A signal ends an error reply of which only a part went: the zero byte never
# goes without the status, which every later message would be taken for.
my %child;
for my $length ($fits - 3 .. $fits + 1) {
    $child{$length} = in_child {
        my ($us, $peer) = narrow_pair();
        $text = '';
        my @outcome
            = interrupted('%SIG', sub { send_err($peer, 5, 'x' x $length) });
        $us->blocking(0);
        1 while recv_fh($us) || !$!{EAGAIN};
        send_file($peer, $file) or die "send_file: $!";
        my $got = recv_fh($us);
        return (@outcome[ 0, 1 ], $text =~ tr/x//, $got ? tag_of($got) : "$!");
    };
}
for my $length (sort { $a <=> $b } keys %child) {
    my ($returned, $errno, $seen, $tag) = $child{$length}->result;
    is_deeply [ $returned, $errno, $tag ], [ undef, 'EINTR', 'passed' ],
        "a text of $length bytes, interrupted: the next message is whole";
    cmp_ok $seen, '<=', $length, '... and no more text came than was sent';
}

# A signal where a zero byte came with text and its status does not: the call
# ends, the wait before took no processor time, and the status may still come.
for my $kind (kinds()) {
    my ($us, $peer) = pair();
    $text = '';
    syswrite $peer, "t\0";
    my $before = processor_time();
    for (1, 2) {
        is_deeply [ interrupted($kind, sub { recv_fh($us) }) ],
            [ undef, 'EINTR', 1 ], "$kind: a status that does not come: the call ends";
    }
    cmp_ok processor_time() - $before, '<', 0.25, '... and burns no time';
    is $text, 't', '... its text is handed on once';
    syswrite $peer, "\5";
    fails { recv_fh($us) } undef, errno_name(5), '... and then it comes';
}

# The same with a descriptor: a message, and nobody waits.
{
    my ($us, $peer) = pair();
    $text = '';
    send_raw($peer, "t\0", $file);
    is tag_of(scalar recv_fh($us)), 'passed', 'a descriptor whose status does not come';
    is $text, 't', '... and its text';
    is_deeply [ interrupted('%SIG', sub { recv_fh($us) }) ],
        [ undef, 'EINTR', 1 ], '... the next call waits';
    syswrite $peer, "\0\5";
    fails { recv_fh($us) } undef, errno_name(5), '... for the next message';
}

sub processor_time { my ($user, $system) = times; return $user + $system }

undef $file;
no_leak();
done_testing;
