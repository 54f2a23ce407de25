# Several processes read one endpoint: each descriptor goes to exactly one of
# them, none is lost, whatever else happens to the readers.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;
use Signals;

use File::FDpasser;
use POSIX ();
use Socket;

my $READERS  = 4;
my $MESSAGES = 1000;

# Reads to the end; the tags of what came.
sub read_all {
    my ($socket, $how, $make_room) = @_;
    my @tags;
    for (;;) {
        my $got = $how eq 'recv_fd' ? recv_fd($socket) : recv_fh($socket);
        if (defined $got) {
            push @tags, tag_of($got);
            POSIX::close($got) if !ref $got;
        }
        elsif ($!{EMFILE}) { $make_room->() }
        elsif ($!{EAGAIN}) { wait_for($socket) }
        elsif (!$!{EINTR}) { return (errno_name($!), @tags) }
    }
}

sub wait_for {
    my ($socket) = @_;
    vec(my $wanted = '', fileno $socket, 1) = 1;
    select $wanted, undef, undef, undef;
}

my %reader = (
    'recv_fh' => sub { read_all($_[0], 'recv_fh') },
    'recv_fd' => sub { read_all($_[0], 'recv_fd') },
    'non-blocking' => sub {
        $_[0]->blocking(0);
        read_all($_[0], 'recv_fh');
    },
    'under signals' => sub {
        my ($us) = @_;
        return ticking(sub { }, sub { read_all($us, 'recv_fh') });
    },
    'with a full table' => sub {
        my ($us)  = @_;
        my $limit = descriptor_limit(64);
        my @held  = fill_table();
        my @got   = read_all($us, 'recv_fd', sub { POSIX::close(pop @held) });
        empty_table(@held);
        descriptor_limit($limit);
        return @got;
    },
    'with a full table now and then' => sub {
        my ($us)  = @_;
        my $limit = descriptor_limit(64);
        my @filler = fill_table();
        POSIX::close(pop @filler);
        my @tags;
        for (;;) {
            my $got = recv_fd($us);
            if (defined $got) {
                push @tags, tag_of($got);
                die 'no room, but received' if defined recv_fd($us);
                POSIX::close($got);
            }
            elsif (!$!{EMFILE}) { last }
        }
        my $errno = errno_name($!);
        empty_table(@filler);
        descriptor_limit($limit);
        return ($errno, @tags);
    },
);

sub several_readers {
    my ($title, $type, $read) = @_;
    my ($us, $peer) = pair($type);
    my @readers = map {
        in_child {
            close $peer;
            my @tags = $read->($us);
            return (\@tags, leaked());
        }
    } 1 .. $READERS;
    close $us;
    for my $number (1 .. $MESSAGES) {
        send_file($peer, tagged($number)) or die "send_file: $!";
    }
    close $peer;
    my (%seen, @ends, @leaks);
    for my $reader (@readers) {
        my ($got, @leaked) = $reader->result;
        my ($end, @tags) = @$got;
        push @ends, $end;
        push @leaks, @leaked;
        $seen{$_}++ for @tags;
    }
    is_deeply \@ends, [ ('ENOTCONN') x $READERS ], "$title: read to the end";
    is_deeply \%seen, { map { $_ => 1 } 1 .. $MESSAGES },
        "$title: each descriptor came once";
    is_deeply \@leaks, [], "$title: none left over";
}

for my $name (sort keys %reader) {
    several_readers("$name, stream", SOCK_STREAM, $reader{$name});
    several_readers("$name, packets", SOCK_SEQPACKET, $reader{$name});
}

# A reader that is killed takes at most what it was handling.
{
    my ($us, $peer) = pair();
    my $victim = in_child { close $peer; read_all($us, 'recv_fh') };
    my $reader = in_child { close $peer; read_all($us, 'recv_fh') };
    close $us;
    for my $number (1 .. $MESSAGES) {
        send_file($peer, tagged($number)) or die "send_file: $!";
        next if $number != $MESSAGES / 2;
        kill KILL => $victim->pid;
        is $victim->status & 127, POSIX::SIGKILL(), 'one of two is killed';
    }
    close $peer;
    my ($end, @tags) = $reader->result;
    is $end, 'ENOTCONN', 'the other reads to the end';
    my %seen;
    $seen{$_}++ for @tags;
    is scalar(grep { $_ > 1 } values %seen), 0, 'none came twice';
    is_deeply [ grep { $_ > $MESSAGES / 2 } @tags ],
        [ $MESSAGES / 2 + 1 .. $MESSAGES ], 'and none was lost after that';
}

# Several writers, each message whole.
{
    my ($us, $peer) = pair();
    my @writers = map {
        my $writer = $_;
        in_child {
            close $us;
            for my $number (1 .. 250) {
                send_file($peer, tagged("$writer.$number"))
                    or die "send_file: $!";
            }
            return;
        }
    } 1 .. 4;
    close $peer;
    my ($end, @tags) = read_all($us, 'recv_fh');
    is $end, 'ENOTCONN', 'four writers: read to the end';
    for my $writer (1 .. 4) {
        is_deeply [ grep {/\A$writer[.]/} @tags ],
            [ map {"$writer.$_"} 1 .. 250 ], "writer $writer: all, in order";
    }
    $_->result for @writers;
}

no_leak();
done_testing;
