# read_fd, recv_fhs and recv_fds while nothing is there: they wait, until a
# message or a signal comes, or don't.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Outside;
use Situation;
use Peer;
use Signals;

use File::FDpasser qw(:all);
use POSIX ();
use Socket;

my $file = tagged('file');
Situation::new_baseline();

# Each returns the names of what came. Not what is in the files: processes
# share the offset, and would read it away from each other.
my %name = (identity($file) => 'file');
my %receive = (
    read_fd => sub {
        my ($bytes, @fh) = read_fd($_[0], 2, 10);
        (undef, @fh) = read_fd($_[0], 2, 10)
            if defined $bytes && $bytes ne '' && !@fh && OverStreams::lack('batches');
        return map { $name{ identity($_) } } @fh;
    },
    recv_fhs => sub { map { $name{ identity($_) } } recv_fhs($_[0]) },
    recv_fds => sub {
        my @fd    = recv_fds($_[0]);
        my @names = map { $name{ identity($_) } } @fd;
        POSIX::close($_) for @fd;
        return @names;
    },
);

my %packets = packets();
my @types   = (undef, values %packets);
for my $name (sort keys %receive) {
    my $receive = $receive{$name};

    for my $type (@types) {
        my ($us, $peer) = pair($type || ());
        my $count = OverStreams::lack('batches') ? 1 : 2;
        my $child = in_child {
            1 until is_blocked(getppid);
            return send_files($peer, ($file) x $count);
        };
        is_deeply [ $receive->($us) ], [ ('file') x $count ], "$name waits";
        is $child->result, $count, 'for what comes';

        $us->blocking(0);
        fails_empty { $receive->($us) } 'EAGAIN', "$name, non-blocking, does not"
            for 1, 2;
        send_files($peer, $file);
        is_deeply [ $receive->($us) ], ['file'], 'and takes what has come';
    }

    for my $kind (kinds()) {
        my ($us, $peer) = pair();
        my ($got, $errno, $ran)
            = interrupted($kind, sub { scalar(() = $receive->($us)) });
        is_deeply [ $got, $errno, $ran ], [ 0, 'EINTR', 1 ], "$name: $kind";
        my $count = OverStreams::lack('batches') ? 1 : 3;
        send_files($peer, ($file) x $count);
        is_deeply [ $receive->($us) ], [ ('file') x $count ], 'and nothing is lost';
    }

    {
        my ($us, $peer) = pair();
        ok !eval {
            signalled('SA_RESTART, safe', sub { die "now\n" },
                sub { $receive->($us) });
            1;
        }, "$name: a handler that dies";
        is $@, "now\n", 'leaves it';
        send_files($peer, $file);
        is_deeply [ $receive->($us) ], ['file'], 'and nothing is lost';
    }

    {
        my ($us, $peer) = pair();
        setsockopt $us, SOL_SOCKET, SO_RCVTIMEO, pack 'l! l!', 0, 20_000
            or die "SO_RCVTIMEO: $!";
        my @seen = returns { $! = 0; my @got = $receive->($us); (@got, errno_name($!)) };
        is_deeply \@seen, ['EAGAIN'], "$name: the socket's timeout";
    }

    {
        my ($us, $peer) = pair();
        my $child = in_child {
            close $us;
            1 until is_blocked(getppid);
            return 1;
        };
        close $peer;
        my @got = $name eq 'read_fd' ? read_fd($us, 1, 1) : $receive->($us);
        is_deeply \@got, $name eq 'read_fd' ? [''] : [],
            "$name: the end, while it waits";
        $child->result;
    }
    no_leak("$name: nothing left over");
}

# Several processes read one endpoint: each message goes whole to one of them.
my @files = map { tagged($_) } qw(a b c end);
@name{ map { identity($_) } @files } = qw(a b c end);
my $end = pop @files;
for my $name (sort keys %receive) {
    for my $type (@types) {
        next if !$type && OverStreams::lack('several readers');
        my ($us, $peer) = pair($type || ());
        my @readers = map {
            in_child {
                close $peer;
                my %seen;
                for (;;) {
                    my @names = $receive{$name}->($us);
                    last if "@names" eq 'end';
                    $seen{"@names"}++;
                }
                return (\%seen, leaked());
            }
        } 1 .. 4;
        close $us;
        send_files($peer, @files) for 1 .. 500;
        send_files($peer, $end)   for @readers;
        my %seen;
        my @leaked;
        for (@readers) {
            my ($its, @its_leaked) = $_->result;
            $seen{$_} += $its->{$_} for keys %$its;
            push @leaked, @its_leaked;
        }
        is_deeply \%seen, { 'a b c' => 500 },
            "$name: 500 messages to four processes, each whole";
        is_deeply \@leaked, [], 'nothing is left over in any';
    }
}

undef $_ for $file, $end;
@files = ();
no_leak();
done_testing;
