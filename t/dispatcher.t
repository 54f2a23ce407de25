# examples/dispatcher/dispatcher.pl: connections go to the worker with the
# fewest, and outlive a worker that has not taken them.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use NeedsTcp;
use Situation;

use IO::Socket::INET;

my $WORKERS = 3;
$ENV{PERL5LIB} = join ':', grep { !ref } @INC;

my $dispatcher = open my $out, '-|', $^X, 'examples/dispatcher/dispatcher.pl',
    '127.0.0.1:0', $WORKERS;
my ($port) = readline($out) =~ /^$dispatcher ready at port (\d+)$/;
ok $port, 'the dispatcher is ready';

sub connection { return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") }

sub ask { my ($connection) = @_; print {$connection} "GET /5 HTTP/1.1\r\n\r\n" }

# The pid of the worker that answers; '' at the end.
sub answered_by {
    my ($connection) = @_;
    my $answer = '';
    while (sysread $connection, $answer, 4096, length $answer) {
        return $1 if $answer =~ /^worker (\d+)\n/m;
    }
    return '';
}

sub who { my ($connection) = @_; ask($connection); return answered_by($connection) }

my %by;
for (1 .. 4 * $WORKERS) {
    my $connection = connection();
    push @{ $by{ who($connection) } }, $connection;
}
is_deeply [ map { scalar @$_ } values %by ], [ (4) x $WORKERS ],
    'twelve connections: four for each of three workers';
is_deeply { map { who($_) => 1 } @{ $by{$_} } }, { $_ => 1 },
    '... and they stay with it' for keys %by;

# One that has fewer gets the next ones.
my ($idle, $busy, $other) = sort keys %by;
close $_ for splice @{ $by{$idle} }, 0, 3;
my ($next) = grep { who(connection()) eq $idle } 1 .. 100;
ok $next, 'a worker that lost three gets one of the next';

# A worker that stands still, and dies.
kill STOP => $idle;
my @waiting = map { connection() } 1 .. 6;
ask($_) for @waiting;
my @served = map { connection() } 1 .. 40;
ask($_) for @served;
kill KILL => $idle;
my %answered;
push @{ $answered{ answered_by($_) } }, $_ for @waiting, @served;
is $answered{''}, undef, 'a worker dies: what it had not taken is served by others';
is $answered{$idle}, undef, '... by none that is dead';
is answered_by($by{$idle}[0]), '', '... what it was serving is lost';
is_deeply { map { who($_) => 1 } @{ $by{$busy} } }, { $busy => 1 },
    '... and the others have not noticed';
my ($new) = grep { !$by{$_} } keys %answered;
ok $new, 'a new worker has taken its place';

# All of them. Their connections end when they do, which takes its time.
kill KILL => $busy, $other, $new;
answered_by($_->[0]) for @by{ $busy, $other }, $answered{$new};
%answered = ();
close $_ for @waiting, @served, map { @$_ } values %by;
%by = ();
for (1 .. 3 * $WORKERS) {
    my $connection = connection();
    my $worker = who($connection) or redo;    # it was taken by one that died
    push @{ $by{$worker} }, $connection;
}
is scalar keys %by, $WORKERS, 'all die: as many new ones serve';

kill TERM => $dispatcher;
close $out;
is $?, 0, 'the dispatcher ends when told to';
is answered_by($by{$_}[0]), '', '... and its workers with it' for keys %by;

undef %by;
undef @$_ for \@waiting, \@served;
no_leak();
done_testing;
