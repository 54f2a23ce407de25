# A disk for QEMU, by its monitor.

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use RealProgram 'qemu-system-x86_64' => '--version';
use Cookbook;
use Files;
use Program;
use Situation;

my $dir    = workdir();
my ($disk) = recipe('Give QEMU a disk', $dir);
write_file("$dir/image", 'x' x 65536);

my $qemu = start('qemu-system-x86_64', qw(-machine none -nodefaults -display none -qmp),
    "unix:$dir/monitor,server=on,wait=off");
soon { -S "$dir/monitor" } 'the monitor';

my $run = run($^X, $disk, "$dir/monitor", "$dir/image");
like $run->{out}, qr{\Adisk: /dev/fdset/\d+\n\z}, 'QEMU has the disk' or diag $run->{err};

write_file("$dir/writes.pl", content($disk) =~ s/'read-only' => \\1/'read-only' => \\0/r =~ s/=> 'disk'/=> 'other'/r);
like run($^X, "$dir/writes.pl", "$dir/monitor", "$dir/image")->{err},
    qr/^blockdev-add: /, '... but may not write to what is open for reading';
write_file("$dir/writes.pl", content("$dir/writes.pl") =~ s/open my \$fh, '</open my \$fh, '+</r);
is run($^X, "$dir/writes.pl", "$dir/monitor", "$dir/image")->{err}, '', '... and may to what is open for both';
like run($^X, $disk, "$dir/monitor", $dir)->{err}, qr/^blockdev-add: .*regular file/, 'a directory is none';

$qemu->end('TERM');
no_leak();
done_testing;
