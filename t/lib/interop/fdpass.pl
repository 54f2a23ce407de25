# IO::FDPass; the calling convention is in Interop.pm.
use strict;
use warnings;

use IO::FDPass ();

alarm 50;
my ($verb, @arguments) = @ARGV;

if ($verb eq 'send') {
    for my $path (@arguments) {
        open my $file, '<', $path or die "$path: $!\n";
        IO::FDPass::send(0, fileno $file) or die "send: $!\n";
    }
}
elsif ($verb eq 'receive') {
    for (1 .. $arguments[0]) {
        my $number = IO::FDPass::recv(0);
        $number >= 0 or die "recv: $!\n";
        open my $file, '<&=', $number or die "$number: $!\n";
        seek $file, 0, 0;
        print readline($file), "\n";
    }
}
else {
    exit 64;
}
