# Socket::MsgHdr; the calling convention is in Interop.pm.
use strict;
use warnings;

use Socket qw(SOL_SOCKET);
use Socket::MsgHdr qw(sendmsg recvmsg);

use constant SCM_RIGHTS => 1;

alarm 50;
my ($verb, @arguments) = @ARGV;

if ($verb eq 'send') {
    my ($path, @paths) = @arguments;
    my $data  = do { open my $in, '<:raw', $path or die "$path: $!\n"; local $/; <$in> };
    my @files = map { open my $fh, '<', $_ or die "$_: $!\n"; $fh } @paths;
    my $sent  = 0;
    while ($sent < length $data) {
        my $message = Socket::MsgHdr->new(buf => substr $data, $sent);
        $message->cmsghdr(SOL_SOCKET, SCM_RIGHTS, pack 'i*', map { fileno $_ } @files)
            if @files && !$sent;
        $sent += sendmsg(\*STDIN, $message) || die "sendmsg: $!\n";
    }
}
elsif ($verb eq 'receive') {
    my ($length, $path) = @arguments;
    open my $out, '>:raw', $path or die "$path: $!\n";
    while ($length > 0) {
        my $message = Socket::MsgHdr->new(buflen => $length, controllen => 4096);
        recvmsg(\*STDIN, $message) or die "recvmsg: $!\n";
        my @control = $message->cmsghdr;
        while (my ($level, $type, $data) = splice @control, 0, 3) {
            for my $number (unpack 'i*', $data) {
                open my $file, '<&=', $number or die "$number: $!\n";
                seek $file, 0, 0;
                print readline($file), "\n";
            }
        }
        print {$out} $message->buf;
        $length -= length $message->buf;
    }
}
else {
    exit 64;
}
