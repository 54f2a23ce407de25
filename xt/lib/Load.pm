package Load;

# Real load generators, and what they counted.
#
#     use Load;                     # skips the test where they are missing
#
#     my $load = in_child { under_load('wrk', $port, $stop) };    # until then
#     $stop->open;
#     my $sum = $load->result;      # { answered, refused, broken, other }
#     stop_process($pid);           # and then
#     in_hand($pid, $port);         # how many clients' connections it has
#     deaths_cost_what_was_in_hand($name, $deaths, $sum, $in_hand);    # tests

use strict;
use warnings;

use Exporter 'import';
use List::Util qw(max);
use Situation;
use Test::More ();

our @EXPORT = qw(generators under_load stop_process in_hand
    deaths_cost_what_was_in_hand);

my $CLIENTS = 8;
my %generator = (wrk => \&wrk, ab => \&ab);

for my $program (keys %generator) {
    Test::More::plan(skip_all => "$program is not installed (wrk, apache2-utils)")
        if !grep { -x "$_/$program" } split /:/, $ENV{PATH};
}

sub generators { return sort keys %generator }

# In a child, while the gate is shut: what was counted, in all.
sub under_load {
    my ($name, $port, $stop) = @_;
    watchdog(250);
    my %sum;
    until ($stop->is_open) {
        my %run = $generator{$name}->($port);
        $sum{$_} += $run{$_} for keys %run;
    }
    return \%sum;
}

# Keeps its connections.
sub wrk {
    my ($port) = @_;
    my $said = `wrk -t1 -c$CLIENTS -d2 http://127.0.0.1:$port/ 2>&1`;
    my ($connect, $read, $write, $timeout) = $said =~
        /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/;
    return (
        answered => $said =~ /(\d+) requests in/         ? "$1" : die($said),
        other    => $said =~ /Non-2xx or 3xx.*: (\d+)/   ? "$1" : 0,
        refused  => $connect || 0,
        broken   => ($read || 0) + ($write || 0) + ($timeout || 0),
    );
}

# A connection a request. One that breaks is counted as "Receive", as "Exceptions"
# or as both, and then fails twice in the sum.
sub ab {
    my ($port) = @_;
    my $said = `ab -q -l -r -s 10 -c $CLIENTS -n 3000 http://127.0.0.1:$port/ 2>&1`;
    my ($connect, $receive, $length, $exceptions) = $said =~
        /\(Connect: (\d+), Receive: (\d+), Length: (\d+), Exceptions: (\d+)\)/;
    return (
        answered => $said =~ /Complete requests:\s+(\d+)/ ? "$1" : die($said),
        other    => $said =~ /Non-2xx responses:\s+(\d+)/ ? "$1" : 0,
        refused  => $connect || 0,
        broken   => max($receive || 0, $exceptions || 0) + ($length || 0),
    );
}

# Where it can't take or answer anything any more, before it is killed: by
# proc(5), the state behind its name.
sub stop_process {
    my ($pid) = @_;
    kill STOP => $pid;
    my $state = '';
    while ($state ne 'T') {
        open my $stat, '<', "/proc/$pid/stat" or return;
        ($state) = readline($stat) =~ /\) (\S)[^)]*\z/;
    }
}

# The clients' connections in the hands of a process, by proc(5).
sub in_hand {
    my ($pid, $port) = @_;
    my %inode = map { /^socket:\[(\d+)\]$/ ? ($1 => 1) : () }
        map { readlink($_) || '' } glob "/proc/$pid/fd/*";
    open my $table, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!";
    my $local = sprintf ':%04X', $port;
    return scalar grep { my @f = split; $f[1] =~ /$local$/ && $f[3] ne '0A' && $inode{ $f[9] } }
        readline $table;
}

# Four tests of what was counted while so many processes were killed.
sub deaths_cost_what_was_in_hand {
    my ($name, $deaths, $sum, $in_hand) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::diag(sprintf '%s: %d deaths, %d requests, %d refused, %d failed, %d in hand',
        $name, $deaths, @$sum{qw(answered refused broken)}, $in_hand);
    Test::More::cmp_ok($sum->{answered}, '>', 1000, "$name: $deaths deaths, under load");
    Test::More::is($sum->{refused}, 0, '... refused: none');
    Test::More::cmp_ok($sum->{broken}, '<=', $in_hand, '... failed: not more than were in hand');
    Test::More::is($sum->{other}, 0, '... and no odd answers');
    return;
}

1;
