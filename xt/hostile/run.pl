#!/usr/bin/perl
# Hostile peers against the calls of the module, case by case.
#
#     perl -Mblib xt/hostile/run.pl 1234           # the case of a seed, shown
#     perl -Mblib xt/hostile/run.pl file.case ...  # cases from files
#     perl -Mblib xt/hostile/run.pl --shrink 1234  # the least that breaks as much
#     perl -Mblib xt/hostile/run.pl --for 60 --from 1000 --step 2
#                                                  # for 60 seconds, from a seed on
#
# Says what was broken, and how to run it again; the status is 1 then. What is
# broken once and never again, as on a loaded machine, is said and does not count.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../../t/lib";

use Getopt::Long;
use Situation;
use Time::HiRes qw(time);

watchdog(0);    # each victim has its own

my %option = (from => 0, step => 1);
GetOptions(\%option, 'for=i', 'from=i', 'step=i', 'keep=s', 'shrink') or die "usage: see $0\n";

# The transport is chosen when the module is loaded.
sub use_transport {
    my ($transport) = @_;
    my $now = $ENV{FDPASSER_TRANSPORT} || 'socket';
    return if $now eq $transport;
    $ENV{FDPASSER_TRANSPORT} = $transport;
    my @shrink = $option{shrink} ? '--shrink' : ();
    exec {$^X} $^X, (map {"-I$_"} grep { !ref } @INC), $0, @shrink, @_[ 1 .. $#_ ];
}

my @cases = @ARGV;
if (!defined $option{for}) {
    my %transport = map { $_ => transport_of($_) } @cases;
    my ($first) = map { $transport{$_} } @cases;
    my @others = grep { $transport{$_} ne $first } @cases;
    die "cases for sockets and for streams: run them apart\n" if @others;
    use_transport($first, @cases);
}
else { use_transport($option{from} % 2 ? 'streams' : 'socket', options()) }

sub options { return map { ("--$_", $option{$_}) } sort keys %option }

sub transport_of {
    my ($name) = @_;
    return $name % 2 ? 'streams' : 'socket' if $name =~ /\A[0-9]+\z/;
    open my $file, '<', $name or die "$name: $!\n";
    return (join '', readline $file) =~ /^transport streams/m ? 'streams' : 'socket';
}

require Hostile::Judge;
require Hostile::Shrink;

sub case_of {
    my ($name) = @_;
    return Hostile::Generator::case($name) if $name =~ /\A[0-9]+\z/;
    open my $file, '<', $name or die "$name: $!\n";
    return Hostile::Case->parse(join '', readline $file);
}

my ($failed, $doubted) = (0, 0);

my $AGAIN    = 4;
my $PATIENCE = 200;    # seconds, for the judge itself

sub try {
    my ($name) = @_;
    my $case   = case_of($name);
    Situation::news("the case before $name");
    watchdog($PATIENCE);
    my @broken = Hostile::Judge::try($case);
    return if !@broken;
    if (!grep { Hostile::Judge::try(case_of($name)) } 1 .. $AGAIN) {
        $doubted++;
        print "# $name, once in ", 1 + $AGAIN, " times:\n", map {"#   $_\n"} @broken;
        return;
    }
    $failed++;
    print "not ok $name\n", map {"#   $_\n"} @broken;
    print "#   perl -Mblib xt/hostile/run.pl $name\n";
    keep($name, $case, @broken) if defined $option{keep};
    return;
}

sub keep {
    my ($name, $case, @broken) = @_;
    open my $file, '>', "$option{keep}/$name.case" or die "$option{keep}: $!\n";
    $case->{why} = join '', "seed $name\n", map {"$_\n"} @broken;
    print {$file} $case->text;
    close $file;
    return;
}

# The text of a case, in lines that can be read.
sub short {
    my ($case) = @_;
    my @lines = map { length > 80 ? substr($_, 0, 60) . ' ... ' . length($_) . "\n" : $_ }
        split /^/, $case->text;
    splice @lines, 60, -5, "...\n" if @lines > 70;
    return @lines;
}

$| = 1;
if (defined $option{for}) {
    my ($seed, $end, $count) = ($option{from}, time + $option{for}, 0);
    for (; time < $end; $seed += $option{step}) { try($seed); $count++ }
    print "$count cases, seeds $option{from} to ", $seed - $option{step},
        ", $failed broken", $doubted ? ", $doubted only once" : '', "\n";
}
else {
    for my $name (@cases) {
        print Hostile::Shrink::least(case_of($name))->text if $option{shrink};
        next if $option{shrink};
        print short(case_of($name)) if @cases == 1;
        try($name);
    }
    print $failed ? "$failed broken\n" : "none broken\n" if !$option{shrink};
}
exit !!$failed;
