# A File::FDpasser::Channel against a model: bytes and descriptors that are written
# in random pieces, with a socket that takes and gives random pieces, and says
# EAGAIN at random, come out as they went in. The seed is printed; give it as the
# first argument to see the same again.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:all);
use File::FDpasser::Channel;
use Socket;

my $seed = @ARGV ? shift : int rand 2**31;
srand $seed;
note "seed $seed";

my @files = map { tagged("t$_") } 0 .. 7;

# Tells the channel at random that it would have to wait, or may have a few bytes
# only.
{
    no warnings 'redefine';
    my ($read, $write) = (\&File::FDpasser::_read_into, \&File::FDpasser::_write_from);
    my $quietly = \&File::FDpasser::_write_quietly_from;
    *File::FDpasser::_read_into = sub {
        my ($conn, $input, $length, $patience) = @_;
        if (!$patience && rand() < 0.2) { $! = Errno::EAGAIN(); return undef }
        $length = 1 + int rand 20 if rand() < 0.5 && !OverStreams::lack('partial reads');
        return $read->($conn, $input, $length, $patience);
    };
    *File::FDpasser::_write_from = some_of($write);
    *File::FDpasser::_write_quietly_from = some_of($quietly);
}

sub some_of {
    my ($write) = @_;
    return sub {
        my ($conn, $piece, $patience, $bytes, @fh) = @_;
        if (rand() < 0.3) { $! = Errno::EAGAIN(); return 0 }
        $bytes = substr $bytes, 0, 1 + int rand length $bytes
            if length $bytes > 1 && !OverStreams::lack('partial writes');
        return $write->($conn, $piece, $patience, $bytes, @fh);
    };
}

# A protocol: what is written, as [kind, bytes, tags].
sub some_item {
    my @tags  = map { int rand @files } 1 .. (rand() < 0.5 ? 0 : rand 5);
    my $bytes = join '', map { chr 97 + int rand 26 } 1 .. 1 + rand(rand() < 0.1 ? 3000 : 30);
    return [ rand() < 0.5 ? 'message' : 'line', $bytes, @tags ];
}

sub put {
    my ($channel, $item) = @_;
    my ($kind, $bytes, @tags) = @$item;
    my @fh = map { $files[$_] } @tags;
    return $kind eq 'message' ? $channel->write_message($bytes, @fh)
        : $channel->write("$bytes\n", @fh);
}

# The next item, if all of it is there.
sub take {
    my ($channel, $expected) = @_;
    my ($kind, undef, @tags) = @$expected;
    my ($bytes, @fh);
    if ($kind eq 'message') {
        ($bytes, @fh) = $channel->read_message or return;
    }
    else {
        $bytes = $channel->read_line;
        return if !defined $bytes;
        chomp $bytes;
        @fh = $channel->take_fhs(scalar @tags);
    }
    return [ $kind, $bytes, map { tag_of($_) =~ /t(\d)/ } @fh ];
}

for my $round (1 .. 30) {
    my ($us, $peer) = pair();
    setsockopt $us, SOL_SOCKET, SO_SNDBUF, 4096 or die "SO_SNDBUF: $!"
        if $round % 2 && !OverStreams::lack('small buffers');
    my ($writer, $reader) = map {
        File::FDpasser::Channel->new($_, blocking => 0)
    } $us, $peer;
    my @written = map { some_item() } 1 .. 60;
    my ($put, @read) = (0);
    for my $turn (1 .. 1_000_000) {
        last if @read == @written;
        if ($put < @written && rand() < 0.3) {
            put($writer, $written[$put]) or die "write: $!";
            $put++;
        }
        $writer->ready if rand() < 0.5;
        $reader->ready if rand() < 0.2;
        next if @read == $put;
        my $item = take($reader, $written[@read]) or next;
        push @read, $item;
    }
    is_deeply \@read, \@written, "round $round: as it was written (seed $seed)"
        or last;
    is $reader->fhs_waiting + $reader->bytes_waiting + $writer->pending_bytes, 0,
        '... and nothing more';
}

undef @files;
no_leak();
done_testing;
