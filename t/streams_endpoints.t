# What endpoints on streams are to a Perl program, and to what it execs.

BEGIN { $ENV{FDPASSER_TRANSPORT} = 'streams' }

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use File::FDpasser qw(:all);
use POSIX ();
use Scalar::Util qw(reftype);

use Situation;

my $dir  = workdir();
my $path = "$dir/endpoint";

sub is_endpoint {
    my ($endpoint, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    isa_ok $endpoint, 'IO::File', $name;
    is reftype($endpoint), 'GLOB', '... over a glob';
    ok $endpoint->blocking, '... blocking';
    is_deeply [ survives_exec(fileno $endpoint) ], [0], '... not for children';
    is get_fopen_mode(fileno $endpoint), 'w+', '... for both directions';
}

my @pair = spipe();
is_endpoint($_, 'an end of a pair') for @pair;
my $server = endp_create($path, backlog => 1);
is_endpoint($server, 'a listener');

# Three clients: by name, by number, and one that sends.
my @client = (
    (in_child {
        my $stream = endp_connect($path);
        my ($pid, $uid, $gid) = peer_cred($stream);
        return ("$pid $uid", ref $stream, reftype($stream),
            survives_exec(fileno $stream));
    }),
    (in_child {
        my $number = cli_conn($path);
        return survives_exec($number);
    }),
    (in_child {
        my $stream = endp_connect($path, timeout => 30);
        pipe my $reader, my $writer or die "pipe: $!";
        send_file($stream, $writer) or die "send_file: $!";
        close $writer;
        return scalar readline $reader;
    }),
);

my @stream = serv_accept_fh($server, my $uid);
is $uid, $>, 'who has come';
is_endpoint($stream[0], 'an accepted connection');
is_deeply [ sort { $a <=> $b } map { (peer_cred($_))[1] } @stream ], [$>],
    'as peer_cred says';
my $number = serv_accept_fd($server, $uid);
is_deeply [ survives_exec($number) ], [1], 'a number is for children too';
push @stream, File::FDpasser::my_serv_accept(fileno $server, $uid);

# One of the three sends what we write to; which, the kernel knows.
for my $stream (@stream, $number) {
    my $writer = recv_fh($stream) or next;
    print {$writer} "through a pipe that came over a stream\n";
}
POSIX::close($_) for grep { !ref } @stream, $number;

is_deeply [ $client[0]->result ], [ "$$ $>", 'IO::File', 'GLOB', 0 ],
    'a client and whom it has reached';
is_deeply [ $client[1]->result ], [1], 'a client that passes its number on';
is $client[2]->result, "through a pipe that came over a stream\n",
    'a client that sends';

# Bytes of the program's own, between descriptors
{
    my ($one, $two) = @pair;
    print {$one} "a line\n";
    send_file($one, \*STDIN);
    print {$one} "another line\n";
    $one->flush;
    sysread $two, my $line, 100;
    is $line, "a line\n", 'what was pending goes first';
    is identity(recv_fh($two)), identity(\*STDIN), 'then the descriptor';
    sysread $two, $line, 100;
    is $line, "another line\n", 'then what was written after it';
}

# Success leaves $! alone, in every call.
{
    local $! = 42;
    my @ends = spipe();
    send_file($ends[0], \*STDIN);
    recv_fh($ends[1]);
    my $named = endp_create("$dir/other");
    is $! + 0, 42, '$! is not touched';
}

close $_ for @pair;
undef @stream;
close $server;
no_leak();
done_testing;
