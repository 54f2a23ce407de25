# Memory for weston, a compositor, without a screen.

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use RealProgram weston => '--version';
use Cookbook;
use Files;
use Program;
use Situation;

my $dir       = workdir();
my ($wayland) = recipe('Share memory with a Wayland compositor', $dir);
@ENV{qw(XDG_RUNTIME_DIR WAYLAND_DISPLAY)} = ("$dir", 'test');
my $weston = start('weston', qw(--backend=headless-backend.so --socket=test --no-config --idle-time=0), "--log=$dir/log");
soon { -S "$dir/test" } 'the compositor';

my $run = run($^X, $wayland);
is $run->{out}, 'shared: ' . 640 * 480 * 4 . " bytes\n", 'the compositor has taken the memory' or diag $run->{err};

write_file("$dir/sealed.pl", content($wayland) =~ s/^open my \$memory.*\n(?:truncate.*\n)/my \$memory = File::FDpasser::memfd('m', 'x' x 1_228_800);\n/mr);
like run($^X, "$dir/sealed.pl")->{err}, qr/^wayland: failed mmap fd/, '... but not if it is sealed';

$weston->end('TERM');
no_leak();
done_testing;
