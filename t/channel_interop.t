# The header of messages, spoken by the few lines of Python and C in the manual of
# File::FDpasser::Channel, as they stand there: both ways.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use Config;
use File::FDpasser qw(:all);
use File::FDpasser::Channel;

my $dir = workdir();

# The verbatim text behind the paragraph that begins so.
sub from_manual {
    my ($beginning) = @_;
    open my $module, '<', $INC{'File/FDpasser/Channel.pm'} or die $!;
    local $/;
    my ($text) = <$module> =~ /^\Q$beginning\E.*?\n\n(.*?)^(?=\S)/ms;
    $text =~ s/^    //mg;
    return $text;
}

sub written {
    my ($name, $text) = @_;
    open my $file, '>', "$dir/$name" or die "$name: $!";
    print {$file} $text;
    close $file or die "$name: $!";
    return "$dir/$name";
}

sub runs {
    my @command = @_;
    return in_child {
        open STDOUT, '>', '/dev/null' or die $!;
        open STDERR, '>&', \*STDOUT or die $!;
        no warnings 'exec';
        exec { $command[0] } @command or POSIX::_exit(127);
    }->status == 0;
}

# Answers each message with its bytes doubled and the same descriptor, or none,
# until the end.
my $PYTHON = from_manual('In Python') . <<'END';
import os
class Socket(socket.socket):
    def sendall(self, data):    # to a peer that has gone, no bytes are EPIPE too
        assert data, 'nothing to send'
        super().sendall(data)
s = Socket(fileno=0)
try:
    while True:
        data, fds = read_message(s)
        write_message(s, data + data, fds)
        for fd in fds: os.close(fd)
except EOFError:
    pass
END

my $C = "#define _GNU_SOURCE\n" . from_manual('(It asks for no more') . <<'END';
#include <unistd.h>
int main(void)
{
    static char data[200000];
    ssize_t length;
    int fd;
    while ((length = read_message(0, data, &fd)) >= 0) {
        memcpy(data + length, data, length);
        if (write_message(0, data, 2 * length, fd) < 0) return 1;
        if (fd >= 0) close(fd);
    }
    return 0;
}
END

sub speaks {
    my ($language, @command) = @_;
    my ($us, $peer) = pair();
    my $child = in_child {
        close $us;
        POSIX::dup2(fileno $peer, 0);
        exec { $command[0] } @command or POSIX::_exit(127);
    };
    close $peer;
    my $channel = File::FDpasser::Channel->new($us, timeout => 30);
    my $long    = 'long' x 20_000;
    for my $message ([ 'with one', 'a' ], ['with none'], [''], [ $long, 'b' ]) {
        my ($bytes, @tags) = @$message;
        $channel->write_message($bytes, map { tagged($_) } @tags) or die "write: $!";
        my ($got, @fh) = $channel->read_message;
        ok defined $got && $got eq $bytes x 2, "$language answers with the bytes"
            or diag $!;
        is join(' ', map { tag_of($_) } @fh), "@tags", '... and the descriptor';
    }
    $channel->close;
    undef $us;
    is $child->status, 0, '... and ends at the end';
}

SKIP: {
    skip 'there is no Python here with recv_fds', 9
        if !runs('python3', '-c', 'import socket; socket.recv_fds');
    speaks('Python', 'python3', written('messages.py', $PYTHON));
}
SKIP: {
    my $source = written('messages.c', $C);
    my @cc     = split ' ', $Config{cc};
    skip "there is no C compiler ($Config{cc}) here", 9
        if !runs(@cc, '-std=c99', '-o', "$dir/messages", $source);
    speaks('C', "$dir/messages");
}

no_leak();
done_testing;
