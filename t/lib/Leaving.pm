package Leaving;

# Perl code that runs inside a call of the module, and leaves it in every way
# that Perl has: each way in a process of its own, which then has to go on as
# if nothing had been.
#
#     use Leaving;
#
#     leaves('on_text', <<'END');          # uses leave() where it wants to
#     local $File::FDpasser::on_text = \&leave;
#     syswrite $peer, 'text';
#     recv_fh($us);
#     END

use strict;
use warnings;

use Exporter 'import';
use Peer;    # as the programs do
use Script;
use Test::More ();

our @EXPORT = qw(leaves);

# Everything that the programs have in common. What is in the loop runs three
# times: after a `next`, and after what leaves by coming back.
my $PROGRAM = <<'END';
use strict;
use warnings;
use Situation;
use Meeting;
use Peer;
use File::FDpasser;
no warnings 'exiting';    # old perls would forget what is not registered yet

our $guards = 0;
sub Guard::new { $guards++; return bless [], 'Guard' }
sub Guard::DESTROY { $guards-- }

my ($way, $parent) = ('', $$);
$| = 1;
for (@ARGV) {
    print "= $_\n";
    print STDERR "= $_\n";
    my $pid = fork;
    die "fork: $!" if !defined $pid;
    if (!$pid) { $way = $_; last }
    waitpid $pid, 0;
    print "status $?\n";
}
exit 0 if $$ == $parent;
watchdog();

our $left = 0;
sub leave {
    my $guard = Guard->new;
    $left++;
    die "left\n"  if $way eq 'die';
    exit 7        if $way eq 'exit';
    last ROUND    if $way eq 'last';
    next ROUND    if $way eq 'next';
    goto OUTSIDE  if $way eq 'goto';
    return;
}

my $dir = workdir();
our ($us, $peer) = pair();
our $file = tagged('passed');
our $listener = endp_create("$dir/endpoint") or die "endp_create: $!";
my @before = descriptors();
END {
    if ($$ != $parent) {
        my @after = descriptors();
        my $more  = @after - @before;
        print "END: $guards guards, $more descriptors\n";
    }
}

my $whole = eval {
    ROUND: for my $round (1 .. 3) {
        my $guard = Guard->new;
#line 1 "situation"
SITUATION
    }
    1;
};
$@ = 'expected' if $@ =~ /\A(?:left|Can't|Label not found)/;
print "exception: $@\n" if !$whole && $@ ne '';
OUTSIDE:
$File::FDpasser::on_text = undef;
$SIG{__WARN__} = $SIG{__DIE__} = 'DEFAULT';
print $left ? "left\n" : "never left\n";
my ($one, $two) = spipe();
send_file($one, $file) or print "send_file: $!\n";
print tag_of(scalar recv_fh($two)), "\n";
undef $_ for $one, $two;
END

# What has to be printed, whichever way: a program that was left by `last` may
# have got an exception that says that there is no such loop here.
my %EXPECTED = (
    'return' => qr/\Aleft\npassed\nEND: 0 guards, 0 descriptors\n\z/,
    'die' => qr/\Aexception:\ expected\nleft\npassed
                \nEND:\ 0\ guards,\ 0\ descriptors\n\z/x,
    'exit' => qr/\AEND: 0 guards, 0 descriptors\n\z/,
    map { $_ => qr/\A(?:exception:\ expected\n)?left\npassed
                \nEND:\ 0\ guards,\ 0\ descriptors\n\z/x } qw(last next goto),
);

# leaves($place, $code, %options): with `caught`, perl itself keeps exceptions
# from leaving that place, and says so on STDERR.
sub leaves {
    my ($place, $code, %option) = @_;
    (my $program = $PROGRAM) =~ s/^SITUATION\n/$code/m;
    my @ways = sort keys %EXPECTED;
    my $run  = script($program)->run(arguments => \@ways);
    Test::More::diag("$place: $run->{err}") if $run->{status};
    my %out = by_way($run->{out});
    my %err = by_way($run->{err});
    for my $way (@ways) {
        my $out = defined $out{$way} ? $out{$way} : '';
        my $status = $out =~ s/^status (\d+)\n\z//m ? $1 : 'none';
        Test::More::like $out, $option{caught} && $way ne 'exit'
            ? $EXPECTED{return} : $EXPECTED{$way}, "$place: $way";
        Test::More::is $status, $way eq 'exit' ? 7 << 8 : 0,
            "$place: $way: the wait status";
        Test::More::is $err{$way}, '', "$place: $way: nothing on STDERR"
            if !$option{caught};
    }
}

# What was printed in each process, from its heading on.
sub by_way { my ($text) = @_; return $text =~ /^= (\w+)\n(.*?)(?=^= |\z)/gms }

1;
