# Programs in C: sendmsg and recvmsg as in the manual pages, and the two-byte
# protocol as in Stevens' book.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Interop;
use Message;
use Peer;

use File::FDpasser qw(:all);
use POSIX ();

# What peers write is text to some calls, and not for the terminal.
$File::FDpasser::on_text = sub { };

my $messages  = compiled('messages.c');
my $two_bytes = compiled('two_bytes.c');

messages('C', [$messages]);

# ---- one byte, of any value, with descriptors

my $dir = workdir();
for my $byte ("\0", "\1", 'x', "\xff") {
    open my $bytes, '>:raw', "$dir/byte" or die "$dir/byte: $!";
    print {$bytes} $byte;
    close $bytes or die "$dir/byte: $!";
    for (
        [ recv_fh  => 1, sub { recv_fh($_[0]) } ],
        [ recv_fd  => 1, sub { recv_fd($_[0]) } ],
        [ recv_fhs => 7, sub { recv_fhs($_[0]) } ],
        [ recv_fds => 7, sub { recv_fds($_[0]) } ],
        [ read_fd  => 7, sub { my (undef, @fh) = read_fd($_[0], 1, 7); @fh } ],
        )
    {
        my ($name, $count, $receive) = @$_;
        my $peer = Interop->start(
            [ $messages, 'send', "$dir/byte", Interop::files($count) ]);
        my @got = $receive->($peer->conn);
        is_deeply [ map { tag_of($_) } @got ], Interop::named($count),
            "from C: $name: byte " . ord $byte;
        ref $_ or POSIX::close($_) for @got;
        is $peer->end, 0, 'and it succeeds';
    }
}

# ---- the two-byte protocol

my @paths = Interop::files(5);
my @files = Interop::opened(5);
my $text  = '';
$File::FDpasser::on_text = sub { $text .= $_[0] };

my %receive = (
    recv_fh    => \&recv_fh,
    recv_fd    => \&recv_fd,
    recv_fhs   => sub { (recv_fhs($_[0]))[0] },
    recv_fds   => sub { (recv_fds($_[0]))[0] },
    my_recv_fd => \&File::FDpasser::my_recv_fd,
);
for my $name (sort keys %receive) {
    my $peer = Interop->start([ $two_bytes, 'send', @paths ]);
    my @tags;
    for (@paths) {
        my $got = $receive{$name}->($peer->conn);
        push @tags, tag_of($got);
        POSIX::close($got) if !ref $got;
    }
    is_deeply \@tags, Interop::named(5), "from C: $name";
    is_deeply [ read_all($peer->conn, 1, 0) ], [''], 'and not a byte more';
    is $peer->end, 0, 'and it succeeds';
}

# It reads more than a message, so each has to be read before the next is sent.
my %send = (
    send_file  => \&send_file,
    my_send_fd => sub { File::FDpasser::my_send_fd($_[0], fileno $_[1]) == 0 },
    send_files => \&send_files,
    write_fd   => sub { write_fd($_[0], "\0\0", $_[1]) },
);
for my $name (sort keys %send) {
    my $peer = Interop->start([ $two_bytes, 'receive', 5 ]);
    my @seen = map { $send{$name}->($peer->conn, $_); $peer->line } @files;
    is_deeply \@seen, Interop::named(5), "to C: $name";
    is $peer->end, 0, 'and it succeeds';
}

# Errors and text, both ways.
for my $errno (1, 2, 13, 255) {
    for my $said ('', "can't open\n", 'x' x 3000) {
        my $title = "errno $errno, " . length($said) . ' bytes of text';
        for my $name (sort keys %receive) {
            my $peer = Interop->start([ $two_bytes, 'error', $errno, $said ]);
            ($text, $!) = ('', 0);
            my $got = $receive{$name}->($peer->conn);
            is_deeply [ $got, $! + 0, $text ],
                [ $name =~ /^my/ ? -$errno : undef, $errno, $said ],
                "from C: $name: $title";
            is $peer->end, 0, 'and it succeeds';
        }
    }
}
{
    my $peer = Interop->start([ $two_bytes, 'receive', 4 ]);
    send_err($peer->conn, 13, 'keep out');
    is $peer->line, '13 keep out', 'to C: send_err';
    send_err($peer->conn, 255);
    is $peer->line, '255 ', 'to C: send_err without text';
    File::FDpasser::my_send_fd($peer->conn, -2);
    is $peer->line, '2 ', 'to C: my_send_fd with a negative number';
    send_file($peer->conn, $files[0]);
    is $peer->line, 'file 1', 'to C: and a descriptor after them';
    is $peer->end, 0, 'and it succeeds';
}

# A program that looks at the bytes itself.
{
    my $peer = Interop->start([ $two_bytes, 'send', @paths[ 0, 1 ] ]);
    my @got  = map { [ read_fd($peer->conn, 100, 10) ] } 1, 2;
    is_deeply [ map { $_->[0] } @got ], [ "\0\0", "\0\0" ], 'from C: read_fd: the bytes';
    is_deeply [ map { tag_of($_->[1]) } @got ], [ 'file 1', 'file 2' ],
        'and the descriptors';
    $peer->end;
}

@files = ();
undef $dir;
no_leak();
done_testing;
