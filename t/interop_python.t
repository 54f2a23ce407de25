# Python: socket.send_fds and recv_fds, multiprocessing.reduction.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Interop;
use Peer;

use File::FDpasser qw(:all);
use POSIX ();

# What peers write is text to some calls, and not for the terminal.
$File::FDpasser::on_text = sub { };

needs('Python with socket.send_fds',
    'python3', '-c', 'import socket; socket.send_fds');

# Not what may stand before it in the PATH, and starts slowly.
chomp(my $python = `python3 -c 'import sys; print(sys.executable)'`);
messages('Python', [ $python, program('send_fds.py') ]);

# The byte of multiprocessing is the number of descriptors.
my @reduction = ($python, program('reduction.py'));
handles('multiprocessing', \@reduction, "\1");

for my $count (1, 2, 64, 200) {
    for (
        [ recv_fhs => sub { recv_fhs($_[0]) } ],
        [ recv_fds => sub { recv_fds($_[0]) } ],
        [ read_fd  => sub { my (undef, @fh) = read_fd($_[0], 1, 253); @fh } ],
        )
    {
        my ($name, $receive) = @$_;
        my $peer = Interop->start([ @reduction, 'sendfds', Interop::files($count) ]);
        my @got  = $receive->($peer->conn);
        is_deeply [ map { tag_of($_) } @got ], Interop::named($count),
            "from multiprocessing: $name of $count";
        ref $_ or POSIX::close($_) for @got;
        is $peer->end, 0, 'and it succeeds';
    }

    my $peer = Interop->start([ @reduction, 'recvfds', $count ]);
    is write_fd($peer->conn, chr $count, Interop::opened($count)), 1,
        "to multiprocessing: write_fd of $count";
    is_deeply [ $peer->lines ], Interop::named($count), 'which it gets';
    is $peer->end, 0, 'and it succeeds';
}

# Our own messages, as Python sees them.
{
    my $peer = Interop->start([ $python, program('send_fds.py'), 'receive', 10,
        '/dev/null' ]);
    my @files = Interop::opened(3);
    send_file($peer->conn, $files[0]);
    send_files($peer->conn, @files);
    send_err($peer->conn, 13, 'text');
    is_deeply [ $peer->lines ], [ map {"file $_"} 1, 1 .. 3 ],
        'to Python: send_file, send_files, send_err';
    is $peer->end, 0, 'and it succeeds';
}

no_leak();
done_testing;
