# A lock of logind's, from a stand-in for it, over a bus of our own.

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use RealProgram 'dbus-daemon' => '--version';
use Cookbook;
use Files;
use Program;
use Situation;

# Debian's, as it finds Debian's modules.
my $python = '/usr/bin/python3';
run($python, '-c', 'import dbus, dbusmock')->{status} == 0
    or plan skip_all => 'no python3-dbusmock here';

my $dir       = workdir();
my ($inhibit) = recipe('Keep the machine awake, over D-Bus', $dir);
my $bus       = "$dir/bus";
write_file("$dir/config", <<"END");
<busconfig>
  <type>system</type>
  <listen>unix:path=$bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
END
my $daemon = start('dbus-daemon', "--config-file=$dir/config", qw(--nofork --nopidfile));
soon { -S $bus } 'the bus';

$ENV{DBUS_SYSTEM_BUS_ADDRESS} = "unix:path=$bus";
my $call   = 'dbus-send --system --print-reply --dest=org.freedesktop.login1 /org/freedesktop/login1';
my $list   = "$call org.freedesktop.login1.Manager.ListInhibitors";
my $logind = start($python, qw(-m dbusmock --system --template logind));
soon { run('sh', '-c', $list)->{status} == 0 } 'logind';

my $run = run($^X, $inhibit, $bus, 'sh', '-c', "$list; exit 3");
like $run->{out}, qr/string "sleep"/, 'while the command runs there is a lock';
is $run->{status} >> 8, 3, '... its status is ours';
soon { run('sh', '-c', $list)->{out} !~ /"sleep"/ } 'the lock is gone';
pass 'and then there is none';

write_file("$dir/old.pl", content($inhibit) =~ s/, 'NEGOTIATE_UNIX_FD'//r =~ s/timeout => 25/timeout => 2/r);
like run($^X, "$dir/old.pl", $bus, 'true')->{err}, qr/\A\Q$bus\E: .*timed out/,
    'nothing comes if the bus has not agreed to send descriptors';

$logind->end('TERM');
like run($^X, $inhibit, $bus, 'true')->{err}, qr/\A\Q$bus\E: .*login1/, 'without logind the bus says so';

$daemon->end('TERM');
no_leak();
done_testing;
