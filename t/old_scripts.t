use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Situation;

$ENV{LC_ALL} = 'C';    # their output has the texts of errors in it

# Scripts as they were written for 0.09: no strict, bareword handles, indirect
# objects, numbers, and no name of a module but this one.

# Each script is told a directory of its own, with a file of two lines in it.
sub runs {
    my ($name, $script, $expected) = @_;
    my $dir = workdir();
    write_file("$dir/script.pl", $script);
    write_file("$dir/data",      "line one\nline two\n");
    is run_perl("$dir/script.pl", "$dir") =~ s/\Q$dir\E/DIR/gr, $expected, $name;
    is $?, 0, '... and ends well';
}

runs 'a pipe, a fork, a bareword handle', <<'SCRIPT', <<'OUTPUT';
use File::FDpasser;
$| = 1;
($parent, $child) = spipe();
if (fork == 0) {
    close $parent;
    open(FILE, "$ARGV[0]/data") || die "open: $!";
    send_file($child, *FILE{IO}) || die "send_file: $!";
    close FILE;
    exit 0;
}
close $child;
$fh = recv_fh($parent) || die "recv_fh: $!";
wait;
print ref $fh, "\n";
while (<$fh>) { print "$.: $_" }
close $fh;
SCRIPT
IO::Handle
1: line one
2: line two
OUTPUT

runs 'bareword sockets, IO objects, open on a number', <<'SCRIPT', <<'OUTPUT';
use File::FDpasser;
BEGIN { import Socket }
$| = 1;
socketpair(ONE, TWO, AF_UNIX, SOCK_STREAM, PF_UNSPEC) || die "socketpair: $!";
open(LOG, ">>$ARGV[0]/data") || die "open: $!";
send_file(*ONE{IO}, *LOG{IO}) || die "send_file: $!";
defined($fd = recv_fd(*TWO{IO})) || die "recv_fd: $!";
print "mode ", get_fopen_mode($fd), "\n";
open(NEWLOG, ">>&=$fd") || die "open: $!";
print NEWLOG "line three\n";
close NEWLOG;
send_file(fileno(ONE), fileno(STDOUT)) || die "send_file: $!";
$out = recv_fh(fileno(TWO)) || die "recv_fh: $!";
$out->autoflush(1);
print $out "to the terminal\n";
printf $out ("%s\n", (stat "$ARGV[0]/data")[7]);
SCRIPT
mode a
to the terminal
29
OUTPUT

runs 'a server with select, and clients', <<'SCRIPT', <<'OUTPUT';
use File::FDpasser;
$sock = "$ARGV[0]/sock";
$LIN = endp_create($sock) || die "endp_create: $!\n";
for $n (1 .. 3) {
    defined($pid = fork) || die "fork: $!\n";
    next if $pid;
    $conn = endp_connect($sock) || die "endp_connect: $!\n";
    print $conn "client\n";
    $conn->flush;
    $fh = recv_fh($conn) || die "recv_fh: $!\n";
    @lines = <$fh>;
    exit(@lines == 2 ? 0 : 1);
}
$rin = '';
vec($rin, fileno($LIN), 1) = 1;
$served = 0;
while ($served < 3) {
    $nfound = select($rout = $rin, undef, undef, 20);
    die "select: $nfound $!\n" unless $nfound > 0;
    if (vec($rout, fileno($LIN), 1)) {
        $fh = serv_accept_fh($LIN, $uid) || die "serv_accept_fh: $!\n";
        chop($word = <$fh>);
        open(FILE, "$ARGV[0]/data") || die "open: $!\n";
        send_file($fh, *FILE{IO}) || die "send_file: $!\n";
        close FILE;
        print "a $word", $uid == $> ? " of mine\n" : "\n";
        close $fh;
        $served++;
    }
}
while (($pid = wait) != -1) { print "status $?\n" }
unlink $sock;
SCRIPT
a client of mine
a client of mine
a client of mine
status 0
status 0
status 0
OUTPUT

runs 'several connections in one select', <<'SCRIPT', <<'OUTPUT';
use File::FDpasser;
$sock = "$ARGV[0]/sock";
$LS = endp_create($sock) || die;
sub client {
    ($client = cli_conn($sock)) >= 0 || die;
    open(SERVER, "+<&=$client") || die;
    sysread(SERVER, $word, 1) || exit;
    send_file($client, 0) || die;
    sysread(SERVER, $word, 1);
    exit;
}
for $n (0, 1) {
    defined($pid = fork) || die;
    client() unless $pid;
    $fh[$n] = serv_accept_fh($LS) || die;
}
$rin = '';
vec($rin, fileno($_), 1) = 1 for $LS, @fh;
$nfound = select($rout = $rin, undef, undef, 0);
print "$nfound ready\n";
syswrite($fh[1], "?");
$nfound = select($rout = $rin, undef, undef, 20);
print "$nfound ready\n";
print vec($rout, fileno($fh[0]), 1), vec($rout, fileno($fh[1]), 1), "\n";
$fd = recv_fd($fh[1]);
print defined $fd ? "received\n" : "not received: $!\n";
$nfound = select($rout = $rin, undef, undef, 0);
print "$nfound ready\n";
SCRIPT
0 ready
1 ready
01
received
0 ready
OUTPUT

runs 'negative numbers for errors, and text', <<'SCRIPT', <<'OUTPUT';
use File::FDpasser;
open(STDERR, ">&STDOUT") || die;
$| = 1;
($here, $there) = spipe();
open(NONE, "$ARGV[0]/none") || File::FDpasser::my_send_fd(fileno($here), -$!);
$fh = recv_fh($there);
print "recv_fh: $!\n" unless $fh;
File::FDpasser::my_send_fd(fileno($here), -13);
print "my_recv_fd: ", File::FDpasser::my_recv_fd(fileno($there)), "\n";
syswrite($here, "openserver: no such thing\n\0\2", 28);
defined($fd = recv_fd($there)) || print "recv_fd: $!\n";
syswrite($here, "a greeting\n", 11);
send_file($here, *STDIN{IO}) || die;
print "received\n" if recv_fh($there);
SCRIPT
recv_fh: No such file or directory
my_recv_fd: -13
openserver: no such thing
recv_fd: No such file or directory
a greeting
received
OUTPUT

runs 'a helper program with the number of its pipe', <<'SCRIPT', <<'OUTPUT';
use File::FDpasser;
use Fcntl;
open(HELPER, ">$ARGV[0]/helper.pl") || die;
print HELPER <<'HELPER';
    use File::FDpasser;
    ($number, $path) = @ARGV;
    if (open(FILE, $path)) { send_file($number, *FILE{IO}) || die $! }
    else { File::FDpasser::my_send_fd($number, -$!) }
HELPER
close HELPER;
for $name ("data", "none") {
    ($mine, $its) = spipe();
    fcntl($its, F_SETFD, 0);
    if (!($pid = fork)) {
        exec $^X, (map { "-I$_" } @INC), "$ARGV[0]/helper.pl", fileno($its),
            "$ARGV[0]/$name";
    }
    close $its;
    if ($fh = recv_fh($mine)) { print "$name: ", scalar(<$fh>) }
    else { print "$name: $!\n" }
    waitpid($pid, 0);
}
SCRIPT
data: line one
none: No such file or directory
OUTPUT

runs 'failures, each of its kind', <<'SCRIPT', <<'OUTPUT';
use File::FDpasser;
eval { send_file('STDIN', 'STDOUT') };
print $@;
eval { send_file(-1, 1) };
print $@;
endp_connect("$ARGV[0]/nothing") || print "endp_connect: $!\n";
print "cli_conn: ", cli_conn("$ARGV[0]/nothing"), "\n";
endp_create("$ARGV[0]/data") || print "endp_create: ", $! != 0, "\n";
($here, $there) = spipe();
close($here);
defined recv_fh($there) || print "recv_fh: the end\n";
@all = (recv_fh($there), recv_fd($there));
print scalar(@all), " elements\n";
print "my_getfl: ", my_getfl(999), "\n";
SCRIPT
Invalid args to send_file: STDIN, STDOUT: argument 1 is no handle and no descriptor number at DIR/script.pl line 2.
Invalid args to send_file: -1, 1: argument 1 is no handle and no descriptor number at DIR/script.pl line 4.
endp_connect: No such file or directory
cli_conn: -1
endp_create: 1
recv_fh: the end
2 elements
my_getfl: -1
OUTPUT

runs 'a package that wraps it all', <<'SCRIPT', <<'OUTPUT';
package Passer;
require 5.004;
require Exporter;
use vars qw(@ISA);
use File::FDpasser 0.09 qw(spipe send_file recv_fh);
sub new { my $class = shift; bless { ends => [ spipe() ] }, $class }
sub give { my $self = shift; send_file($self->{ends}[0], shift) }
sub take { my $self = shift; &recv_fh($self->{ends}[1]) }
package main;
$p = new Passer;
open(main::FILE, "$ARGV[0]/data");
$p->give(\*FILE) or die "give: $!";
$fh = $p->take or die "take: $!";
print <$fh>;
$p->give(*FILE) or die "give: $!";
seek(FILE, 5, 0);
$fh = $p->take;
print scalar <$fh>;
SCRIPT
line one
line two
one
OUTPUT

no_leak();
done_testing;
