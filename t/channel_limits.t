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
    $reader->ready;
    is "@errors", 'EMSGSIZE', '... which was told, once' if $in_loop;
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

no_leak();
done_testing;
