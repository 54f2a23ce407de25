# examples/demo.pl, run as a user would. The other examples have tests of their
# own: dispatcher.t, handover.t, privsep.t, zero_downtime.t.

use strict;
use warnings;

use lib 't/lib';
use Errno qw(EACCES ENOENT);
use File::FDpasser;
use Test::More;
use Files;
use Program;
use Situation;

my $dir = workdir();
my $tmp = "$dir/tmp";    # what it leaves behind would be here
mkdir $tmp or die "$tmp: $!";
chmod 0755, $dir, $tmp;    # for its client, who is nobody
$ENV{TMPDIR} = $tmp;

sub text { local $! = shift; return "$!" }

like run($^X, 'examples/demo.pl', 'nonsense')->{err}, qr/\Ausage: demo\.pl/, 'with an argument it says how it is used';

my $demo = run($^X, 'examples/demo.pl');
is $demo->{status}, 0, 'the demo succeeds';
is $demo->{err}, '', '... without a complaint';
my @lines = split /\n/, $demo->{out};
is scalar(grep { !/^(?:demo|server|client)  / } @lines), 0,
    '... each line says who speaks';
is scalar(grep { length > 80 } @lines), 0, '... and fits on a terminal';
like $demo->{out}, qr/^client      7 Sep   potatoes/m,
    '... the client prints the file to its last line';
my %uid = $demo->{out} =~ /^(server|client)  I am process \d+, uid (\d+)/mg;
is $uid{server}, $>, '... the server runs as we do';
my $nobody = getpwnam 'nobody';
is $uid{client}, $> ? $> : defined $nobody ? $nobody : 65534,
    '... the client has no rights of its own';
like $demo->{out}, $> ? qr/ledger\.txt: \Q${\text(ENOENT)}/
    : qr/ledger\.txt: \Q${\text(EACCES)}/, '... and could not open the file';
like $demo->{out}, qr/^demo .*cleaned up\.$/m, '... and says so at the end';
is names($tmp), '', 'no temporary file is left';

no_leak();
done_testing;
