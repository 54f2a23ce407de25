# A peer of a File::FDpasser::Channel that does what it likes: every time the
# documented errno, no more memory than was allowed, and nothing left behind.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:all);
use File::FDpasser::Channel;
use IO::Handle;
use Socket;

sub channel {
    my ($us, $peer) = pair();
    return (File::FDpasser::Channel->new($us, blocking => 0, @_), $peer);
}

# Descriptors that nobody takes.
for my $in_loop (0, 1) {
    my (@errors, $file);
    my ($reader, $writer) = channel(max_fhs => 10,
        on_error => sub { push @errors, errno_name($!) });
    $file = tagged('x');
    my @before = descriptors();
    send_raw($writer, 'x', ($file) x 4) for 1 .. 5;
    if ($in_loop) { $reader->ready for 1 .. 10 }
    else          { $reader->read_exactly(100) for 1 .. 10 }
    is $reader->fhs_waiting, 10, 'so many as are allowed wait';
    is scalar(descriptors()) - @before, 10, '... the others were closed';
    fails { $reader->read_line } undef, 'EMSGSIZE', '... and reading fails';
    ok !$reader->wants_read, '... nothing more is wanted';
    $! = 0;
    $reader->ready;
    is "@errors", 'EMSGSIZE', '... which was told, once';
}

# A line without an end.
{
    my ($channel, $peer) = channel(max_bytes => 1000);
    $peer->blocking(0);
    1 while syswrite $peer, 'x' x 1000;
    fails { $channel->read_line } undef, 'EMSGSIZE', 'a line without an end';
    cmp_ok $channel->bytes_waiting, '<=', 1006, '... takes no more memory';
    $channel->ready for 1 .. 10;
    cmp_ok $channel->bytes_waiting, '<=', 1006, '... nor in a loop';
    ok !$channel->wants_read, '... where nothing more is asked for';
    fails { $channel->read_line } undef, 'EMSGSIZE', '... it stays';
    fails { $channel->read_exactly(1001) } undef, 'EMSGSIZE', 'too many bytes';
    like $channel->read_some, qr/\Ax{1000,1006}\z/, '... to be read otherwise';
    ok $channel->wants_read, '... and then there is room';
}

# Headers that promise much.
for my $header ([ 0xffff_ffff, 0 ], [ 0, 0xffff ], [ 2**20 + 1, 0 ]) {
    my ($channel, $peer) = channel();
    syswrite $peer, pack 'N n', @$header;
    fails_empty { $channel->read_message } 'EMSGSIZE', "a header of @$header";
    fails_empty { $channel->read_message } 'EMSGSIZE', '... it stays';
}
{
    my ($channel, $peer) = channel();
    syswrite $peer, pack 'N n a*', 3, 1, 'abc';
    fails_empty { $channel->read_message } 'EPROTO', 'a descriptor that did not come';
}

# Half of it, and silence, or the end.
for my $half (pack('N', 3), pack('N n a*', 3, 0, 'ab')) {
    my ($channel, $peer) = channel();
    syswrite $peer, $half;
    fails_empty { $channel->read_message } 'EAGAIN', 'half a message';
    close $peer;
    fails_empty { $channel->read_message } 'EPROTO', '... and the end';
}

# Where no descriptor can go.
SKIP: {
    socket my $inet, AF_INET, SOCK_DGRAM, 0 or skip 'no sockets of this family', 1;
    ok !File::FDpasser::Channel->new($inet) && $!{EOPNOTSUPP}, 'another family';
}

# One that goes away with bytes from us unread.
{
    my ($channel, $peer) = channel();
    $channel->write('unread');
    syswrite $peer, "line\n";
    close $peer;
    is $channel->read_line, "line\n", 'what came before a reset';
    fails { $channel->read_line } undef, 'ENOTCONN', '... and then the end';
    local $SIG{PIPE} = 'IGNORE';
    fails { $channel->write('x') } undef, 'EPIPE', '... where nothing can be written';
}

# A reader that never reads.
{
    my ($channel, $peer) = channel(max_pending => 1_000_000);
    my $written = 0;
    while ($channel->write('x' x 10_000)) {
        last if ++$written > 1000;
    }
    is errno_name($!), 'EAGAIN', 'nobody reads: in the end no more is taken';
    cmp_ok $channel->pending_bytes, '<=', 1_000_000, '... than was allowed';
    is $channel->bytes_taken, $written * 10_000, '... what was taken is known';
    my $read = 0;
    $peer->blocking(0);
    while ($channel->pending_bytes || $read < $written * 10_000) {
        $channel->ready;
        $read += sysread $peer, my $bytes, 1_000_000;
    }
    is $read, $written * 10_000, '... and it goes';
}
{
    my ($us, $peer) = pair();
    my $channel = File::FDpasser::Channel->new($us, timeout => 0.01);
    fails { File::FDpasser::Channel->new($us, timeout => 0)->read_some } undef, 'ETIMEDOUT', 'no time';
    fails { $channel->write('x' x 10_000_000) } undef, 'ETIMEDOUT', 'blocking: a timeout';
    my $rest = $channel->pending_bytes;
    cmp_ok $rest, '>', 0, '... the rest waits';
    fails { $channel->write('y') } undef, 'ETIMEDOUT', '... and goes first';
    is $channel->pending_bytes, $rest, '... so that nothing of the next was taken';
}

# A full table, when descriptors come, and when they have to wait to go.
{
    my ($channel, $peer) = channel();
    my $file = tagged('one');
    send_raw($peer, "line\n", $file);
    my @filler = fill_table();
    fails { $channel->read_line } undef, 'EMFILE', 'a full table';
    $channel->ready;
    is $channel->timeout, 0.1, '... is waited for in a loop';
    ok !$channel->wants_read, '... by time alone';
    $channel->write('x' x 10_000_000);
    fails { $channel->write('x', $file) } undef, 'EMFILE', '... nor can anything wait';
    empty_table(@filler);
    is $channel->read_line, "line\n", '... nothing is lost';
    is tag_of($channel->take_fhs(1)), 'one', '... no descriptor either';
}

# With what the header of a message takes, not one byte more; a message of streams
# comes whole.
{
    my ($channel, $peer) = channel(max_bytes => 1);
    for my $bytes ('six by', 'te') { syswrite $peer, $bytes; $channel->ready }
    is $channel->bytes_waiting, OverStreams::are_asked_for() ? 6 : 7, 'a channel for one byte, and six of a header';
}

# Exactly as much as is allowed, and one more.
{
    my ($channel, $peer) = channel(max_bytes => 5);
    syswrite $peer, "1234\n";
    is $channel->read_line, "1234\n", 'a line as long as is allowed';
    syswrite $peer, '12345';
    is $channel->read_exactly(5), '12345', '... so many bytes';
    syswrite $peer, pack 'N n a*', 5, 0, '12345';
    is $channel->read_message, '12345', '... such a message';
    syswrite $peer, '12345';
    fails { $channel->read_line } undef, 'EMSGSIZE', 'a line that cannot end in time';
    $channel->read_some;
    syswrite $peer, "12345\n";
    fails { $channel->read_line } undef, 'EMSGSIZE', '... or ends one too late';
    is $channel->bytes_waiting, 6, '... and was read with its end';
}
{
    my ($us, $peer) = pair(SOCK_DGRAM);
    my $channel = File::FDpasser::Channel->new($us, blocking => 0, max_bytes => 5);
    send $peer, '123456', 0;
    fails_empty { $channel->read_message } 'EMSGSIZE', 'a packet that is too long';
    my @errors;
    $channel = File::FDpasser::Channel->new($us, blocking => 0, max_bytes => 5,
        on_error => sub { push @errors, errno_name($!) });
    $channel->ready for 1, 2;
    is "@errors", 'EMSGSIZE', '... in a loop, too, where it is told once';
    ok !$channel->wants_read, '... and is the last';
}
{
    my ($channel, $peer) = channel(max_fhs => 2);
    my $file  = tagged('x');
    my $other = File::FDpasser::Channel->new($peer);
    $other->write_message('two', ($file) x 2);
    is scalar(() = $channel->read_message), 3, 'as many descriptors as are allowed';
    for my $bytes ('', 'x') {
        ok !eval { $other->write($bytes, ($file) x 254); 1 },
            'more descriptors than go with ' . length($bytes) . ' bytes';
        like $@, qr/::write: .*byte/, '... is an exception';
    }
    is $channel->write_message('x' x 300, ($file) x 65_535), 1, 'as many as a header tells'
        if !OverStreams::lack('batches');
    ok !eval { $other->write_message('x' x 300, ($file) x 65_536); 1 }, 'more than a header tells';
    like $@, qr/::write_message: that is more than a header can tell/, '... is one, too';
}
if (!OverStreams::lack('batches')) {
    my ($channel, $peer) = channel();
    my $file  = tagged('x');
    my $other = File::FDpasser::Channel->new($peer);
    ok $other->write('12', ($file) x 506), 'two bytes, and as many descriptors as go with them';
    is $channel->read_exactly(2), '12', '... come';
    is scalar(() = $channel->take_fhs), 506, '... all';
}
{
    my ($us, $peer) = pair(SOCK_DGRAM);
    my $channel = File::FDpasser::Channel->new($us);
    my $file    = tagged('x');
    fails { $channel->write('x', ($file) x 254) } undef, 'EMSGSIZE', 'a packet with too many descriptors';
    is $channel->pending_bytes, 0, '... was not taken';
    ok $channel->write('', $file), 'one without a byte';
}

# So much may wait; a single write of more may, where nothing waits.
{
    my ($us, $peer) = pair();
    $_->blocking(0) for $us, $peer;
    my $channel = File::FDpasser::Channel->new($us, max_pending => 10);
    is $channel->write('x' x 4_000_000), 1, 'a single write may be longer than what may wait';
    fails { $channel->write('x') } undef, 'EAGAIN', '... but not another behind it';
    while ($channel->pending_bytes) { sysread $peer, my $bytes, 65536; $channel->ready }
    for my $length (4096, 1) { 1 while syswrite $us, 'x' x $length }
    is $channel->write($_), 1, 'as much as may wait' for 'x' x 9, 'x';
    fails { $channel->write('x') } undef, 'EAGAIN', '... and one more';
    is $channel->pending_bytes, 10, '... which was not taken';
    $channel = File::FDpasser::Channel->new($us, max_pending => 10);
    is $channel->write('x' x 11), 1, 'more than may wait, none of which goes at once';
}

# Packets that wait stay packets.
{
    my ($us, $peer) = pair(SOCK_SEQPACKET);
    my $channel = File::FDpasser::Channel->new($us, blocking => 0);
    my $other   = File::FDpasser::Channel->new($peer, blocking => 0);
    my ($written, @got) = (0);
    $channel->write_message(++$written) until $channel->pending_bytes;
    $channel->write_message(++$written) for 1, 2;
    while (@got < $written) {
        my ($bytes) = $other->read_message;
        if (defined $bytes)               { push @got, $bytes }
        elsif ($channel->pending_bytes) { $channel->ready }
        else                              { last }
    }
    is_deeply \@got, [ 1 .. $written ], 'packets that had to wait';
}

no_leak();
done_testing;
