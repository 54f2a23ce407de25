# A vanished peer raises SIGPIPE and gives EPIPE, as print would.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:DEFAULT send_err send_files write_fd);
use File::FDpasser::Queue;
use POSIX ();
use Socket;

my $file = tagged('undeliverable');

my %send = (
    'send_file' => [ undef, sub { send_file($_[0], $file) } ],
    'my_send_fd' =>
        [ -1, sub { File::FDpasser::my_send_fd(fileno $_[0], fileno $file) } ],
    'my_send_fd with a status' =>
        [ -1, sub { File::FDpasser::my_send_fd(fileno $_[0], -13) } ],
    'send_files'           => [ undef, sub { send_files($_[0], $file, $file) } ],
    'write_fd'             => [ undef, sub { write_fd($_[0], 'bytes') } ],
    'write_fd with a file' => [ undef, sub { write_fd($_[0], 'bytes', $file) } ],
    'send_err'             => [ undef, sub { send_err($_[0], 13, 'text') } ],
    'send_file with pending output' => [ undef, sub {
        $_[0]->autoflush(0);
        print { $_[0] } "pending\n";
        send_file($_[0], $file);
    } ],
);

for my $name (sort keys %send) {
    my ($failure, $send) = @{ $send{$name} };
    {
        my ($us, $peer) = pair();
        close $peer;
        my $child = in_child { $SIG{PIPE} = 'DEFAULT'; $send->($us) };
        is $child->status, POSIX::SIGPIPE(), "$name: killed by SIGPIPE";

        $child = in_child {
            $SIG{PIPE} = 'IGNORE';
            $! = 0;
            my $got = $send->($us);
            return ($got, errno_name($!));
        };
        is_deeply [ $child->result ], [ $failure, 'EPIPE' ],
            "$name: ignored, EPIPE";

        $child = in_child {
            my $raised = 0;
            $SIG{PIPE} = sub { $raised++ };
            $! = 0;
            my $got   = $send->($us);
            my $errno = errno_name($!);
            return ($got, $errno, $raised);
        };
        is_deeply [ $child->result ], [ $failure, 'EPIPE', 1 ],
            "$name: a handler runs, once, and EPIPE";

        $child = in_child {
            $SIG{PIPE} = sub { die "broken\n" };
            my $died = eval { $send->($us); 1 } ? '' : $@;
            return ($died, leaked());
        };
        is_deeply [ $child->result ], ["broken\n"],
            "$name: a handler dies, none left over";
    }
}

# One that left something unread: the system says that once, as ECONNRESET.
for my $name (sort grep { !/pending/ } keys %send) {
    my ($failure, $send) = @{ $send{$name} };
    my ($us, $peer) = pair();
    syswrite $us, 'unread';
    close $peer;
    my ($got, $errno, $raised) = (in_child {
        my $raised = 0;
        local $SIG{PIPE} = sub { $raised++ };
        $! = 0;
        my $got = $send->($us);
        return ($got, errno_name($!), $raised);
    })->result;
    is_deeply [ $got, $errno, $raised ], [ $failure, 'EPIPE', 1 ],
        "$name: something was left unread: EPIPE, as well";
}

# Linux raises none for packets.
{
    local $SIG{PIPE} = 'IGNORE';
    my ($us, $peer) = pair(SOCK_SEQPACKET);
    close $peer;
    fails { send_file($us, $file) } undef, 'EPIPE', 'packets: EPIPE';
}

# What was queued for the reader before it went is closed with it.
{
    local $SIG{PIPE} = 'IGNORE';
    my ($us, $peer) = pair();
    pipe my $reader, my $writer or die "pipe: $!";
    send_file($us, $writer) for 1 .. 10;
    close $writer;
    close $peer;
    is sysread($reader, my $bytes, 1), 0,
        'descriptors that were on their way are closed';
    fails { send_file($us, $file) } undef, 'EPIPE', 'and no more can go';
}

# shut down for writing.
{
    local $SIG{PIPE} = 'IGNORE';
    my ($us, $peer) = pair();
    shutdown $us, 1;
    fails { send_file($us, $file) } undef, 'EPIPE', 'shut down for writing';
    send_file($peer, $file);
    is tag_of(scalar recv_fh($us)), 'undeliverable', 'still reads';
}

# A queue raises none, whatever it sends: it tells its callbacks.
{
    my @told = (in_child {
        my ($us, $peer) = pair();
        my $raised = 0;
        $SIG{PIPE} = sub { $raised++ };
        my $queue = File::FDpasser::Queue->new($us);
        close $peer;
        my @got;
        my $note = sub { push @got, $_[0] ? 'sent' : errno_name($!) };
        $queue->push_send_err(5, 'why', $note);
        $queue->push_send_fh($file, $note);
        $queue->ready for 1, 2;
        return @got, $raised;
    })->result;
    is_deeply \@told, [ 'EPIPE', 'EPIPE', 0 ], 'a queue to a peer that has gone: no SIGPIPE';
    @told = (in_child {
        my ($us, $peer) = pair();
        my $raised = 0;
        $SIG{PIPE} = sub { $raised++ };
        my $queue = File::FDpasser::Queue->new($us);
        close $peer;
        $queue->push_send_fh($file, sub { });
        $queue->ready;
        return $raised;
    })->result;
    is_deeply \@told, [0], '... nor for a descriptor';
}

undef $file;
no_leak();
done_testing;
