#!/usr/bin/env perl
# dispatcher.pl: one process accepts, and passes each connection to the worker
# that has the fewest.
#
#     dispatcher.pl 127.0.0.1:8080 4            # with four workers
#     dispatcher.pl 127.0.0.1:8080 4 accept     # for comparison: no dispatcher,
#                                               # every worker accepts
#
# The dispatcher keeps a connection until the worker says that it has taken it,
# so that of a worker that dies only those are lost that it was serving; what it
# had not taken goes to the others, and a new worker takes its place. To a
# worker that does not take what it is sent, a File::FDpasser::Queue does not
# wait. The service is HTTP: GET /N answers after N rounds of work.

use strict;
use warnings;

use File::FDpasser qw(:all);
use File::FDpasser::Queue;
use IO::Select;
use IO::Socket::INET;
use List::Util qw(reduce);
use Socket qw(SOMAXCONN);

use constant { BATCH => 64, MOST_HELD => 256 };

@ARGV >= 2 && @ARGV <= 3 && $ARGV[1] =~ /^[1-9][0-9]*$/ && ($ARGV[2] // 'accept') eq 'accept'
    or die "usage: dispatcher.pl ADDRESS:PORT WORKERS [accept]\n";
my ($address, $workers, $all_accept) = @ARGV;

my $listener = IO::Socket::INET->new(LocalAddr => $address, Listen => SOMAXCONN,
    ReuseAddr => 1, Blocking => 0) or die "dispatcher.pl: $address: $@\n";
my %worker;    # descriptor number of its connection => {
               #   conn, pid, queue, load: connections that it has or will have,
               #   untaken: handles that it has not said to have taken }
my @unassigned;    # clients
my $stop;
$SIG{TERM} = $SIG{INT} = sub { $stop = 1 };
$SIG{PIPE} = 'IGNORE';
$| = 1;

start_worker() for 1 .. $workers;
print "$$ ready at port ", $listener->sockport, "\n";
until ($stop) {
    start_worker() while keys %worker < $workers;
    pass_on(splice @unassigned);
    dispatch();
}
kill TERM => map { $_->{pid} } values %worker;

# The child drops what it inherits of others: a connection ends when the last
# process has closed it.
sub start_worker {
    my ($conn, $theirs) = spipe();
    defined(my $pid = fork) or die "dispatcher.pl: fork: $!\n";
    if ($pid == 0) {
        @unassigned = %worker = ();
        undef $conn;
        $SIG{TERM} = $SIG{INT} = 'DEFAULT';
        undef $listener if !$all_accept;
        exit work($theirs);
    }
    $worker{ fileno $conn } = { conn => $conn, pid => $pid, load => 0,
        queue => File::FDpasser::Queue->new($conn), untaken => [] };
}

# One round: waits for clients, for what workers say, and for room to send.
sub dispatch {
    my ($read, $write, $timeout) = ('', '', 1);
    my $held = 0;
    $held += @{ $_->{untaken} } for values %worker;
    vec($read, fileno $listener, 1) = 1 if $held < MOST_HELD && !$all_accept;
    for my $number (keys %worker) {
        my $queue = $worker{$number}{queue};
        vec($read,  $number, 1) = 1;
        vec($write, $number, 1) = 1 if $queue->wants_write;
        $timeout = $queue->timeout // $timeout;
    }
    return if (select $read, $write, undef, $timeout) < 0;

    for my $number (grep { vec $read, $_, 1 } keys %worker) {
        hear($worker{$number}) or bury(delete $worker{$number});
    }
    accept_some() if vec $read, fileno $listener, 1;
    $_->{queue}->ready for values %worker;
}

sub accept_some {
    while (@unassigned < BATCH and my $client = $listener->accept) {
        push @unassigned, $client;
    }
}

# Each to the worker with the least load; to each worker one batch.
sub pass_on {
    my @all = values %worker;
    my %batch;
    for my $client (@_) {
        my $least = reduce { $a->{load} <= $b->{load} ? $a : $b } @all;
        $least->{load}++;
        push @{ $batch{ fileno $least->{conn} } }, $client;
    }
    for my $number (keys %batch) {
        push @{ $worker{$number}{untaken} }, @{ $batch{$number} };
        $worker{$number}{queue}->push_send_fhs($batch{$number});
    }
}

# A worker says "t" for each connection that it has taken, "d" for each that is
# done. False when it has ended.
sub hear {
    my ($worker) = @_;
    my $n = sysread $worker->{conn}, my $said, 4096;
    return $!{EAGAIN} || $!{EINTR} if !defined $n;
    splice @{ $worker->{untaken} }, 0, $said =~ tr/t//;
    $worker->{load} -= $said =~ tr/d//;
    return $n;
}

sub bury {
    my ($dead) = @_;
    waitpid $dead->{pid}, 0;
    $dead->{queue}->close;
    push @unassigned, @{ $dead->{untaken} };
}

# ---- the worker

# Serves until the dispatcher ends.
sub work {
    my ($conn) = @_;
    my $select = IO::Select->new($conn, $all_accept ? $listener : ());
    my %request;
    while (1) {
        for my $ready ($select->can_read) {
            if ($ready == $conn) {
                my @clients = recv_fhs($conn);
                $select->add(@clients);
                syswrite $conn, 't' x @clients;
                next if @clients;
                $!{EMFILE} ? $select->remove($conn) : return 0;
            }
            elsif ($all_accept && $ready == $listener) {
                my $client = $listener->accept or next;
                $select->add($client);
            }
            elsif (!serve($ready, \$request{ fileno $ready })) {
                $select->remove($ready);
                delete $request{ fileno $ready };
                close $ready;
                $select->add($conn);
                syswrite $conn, 'd' if !$all_accept;
            }
        }
    }
}

# Reads what is there, and answers what is complete; false at the end.
sub serve {
    my ($client, $request) = @_;
    $$request //= '';
    sysread($client, $$request, 65536, length $$request) or return 0;
    while ($$request =~ s{\AGET /(\d*)\S* HTTP/1\.(\d)\r?\n(.*?\n)?\r?\n}{}s) {
        my ($rounds, $minor, $headers) = ($1 || 0, $2, $3 // '');
        my $work = 0;
        $work += $_ for 1 .. $rounds;
        my $keep = $minor && $headers !~ /^Connection:\s*close/mi;
        my $body = "worker $$\n";
        syswrite $client, "HTTP/1.1 200 OK\r\nContent-Length: " . length($body)
            . ($keep ? '' : "\r\nConnection: close") . "\r\n\r\n$body";
        return 0 if !$keep;
    }
    return length $$request < 65536;
}
