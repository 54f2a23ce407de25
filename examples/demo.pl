#!/usr/bin/env perl
# demo.pl: a process reads a file that it cannot open. "make demo" runs this.
#
# A server keeps a file in a directory that only it may enter, and even removes
# the file's name. A client, another program and, when root runs this, another
# user, connects to the server's endpoint, is sent the open descriptor, and
# reads. Each line that is printed begins with who speaks.

use strict;
use warnings;

use Fcntl qw(F_SETFD);
use File::FDpasser;
use File::Temp;
use POSIX qw(setgid setuid);

my $FILE = 'private/ledger.txt';    # both in the temporary directory,
my $ENDPOINT = 'endpoint';          # which all three work in

my ($role, $dir, $number) = @ARGV;
my %play = (server => \&server, client => \&client);
!@ARGV || $play{$role} && defined $dir && -d $dir
    or die "usage: demo.pl (it starts its own server and client)\n";

$| = 1;
$role = 'demo' if !@ARGV;
$SIG{ALRM} = sub { die "$role: no answer within 30 seconds\n" };
alarm 30;
exit(@ARGV ? $play{$role}->() : direct());

sub say_who { printf "%-6s  %s\n", $role, join '', @_ }

# Starts the two programs; the exit status is 0 if both did their part.
sub direct {
    $SIG{$_} = sub { exit 1 } for qw(HUP INT PIPE TERM);
    my $tmp = File::Temp->newdir('fdpasser-XXXXXX', TMPDIR => 1);
    chmod 0711, $tmp or die "$tmp: $!\n";
    say_who("Two programs meet in $tmp.");

    pipe my $listening, my $tell or die "pipe: $!\n";
    my $server = start('server', $tmp, $tell);
    close $tell;
    my $ok = defined readline($listening) && ended_well(start('client', $tmp));
    kill TERM => $server if !$ok;
    $ok = ended_well($server) && $ok;
    undef $tmp;    # removes the directory
    say_who($ok ? 'Done, and cleaned up.' : 'That went wrong.');
    return !$ok;
}

# A new process running a new program. It inherits STDIN, STDOUT, STDERR and
# at most one handle, whose number it is told.
sub start {
    my ($name, $tmp, $handle) = @_;
    defined(my $pid = fork) or die "fork: $!\n";
    return $pid if $pid;

    fcntl $handle, F_SETFD, 0 or die "fcntl: $!\n" if $handle;
    local $ENV{PERL5LIB} = join ':', grep { !ref } @INC;
    exec $^X, $0, $name, $tmp, $handle ? fileno $handle : ()
        or die "$^X: $!\n";
}

sub ended_well { waitpid $_[0], 0; return $? == 0 }

sub server {
    chdir $dir or die "$dir: $!\n";
    say_who("I am process $$, uid $>.");
    my $file = hidden_file();

    umask 0;
    my $listener = endp_create($ENDPOINT, mode => 0666)
        or die "server: endp_create: $!\n";
    say_who("I listen at $ENDPOINT, where every user may connect.");
    open my $tell, '>&=', $number or die "server: $number: $!\n";
    print $tell "listening\n";
    close $tell;

    my $conn = serv_accept_fh($listener, my $uid)
        or die "server: serv_accept_fh: $!\n";
    say_who("Uid $uid has connected. I send it my handle: ",
        'send_file($conn, $file).');
    send_file($conn, $file) or die "server: send_file: $!\n";
    return 0;
}

# A handle, for reading, on a file that nobody can open any more.
sub hidden_file {
    mkdir 'private', 0700 or die "server: mkdir: $!\n";
    open my $out, '>', $FILE or die "server: $FILE: $!\n";
    print $out "$_\n" for '2 Jan   seed potatoes   -12.50',
        '9 Jan   a spade         -31.00', '7 Sep   potatoes        +90.25';
    close $out or die "server: $FILE: $!\n";
    say_who("I write $FILE; only uid $> may enter that directory.");

    open my $file, '<', $FILE or die "server: $FILE: $!\n";
    unlink $FILE or die "server: unlink: $!\n";
    say_who('I open it as descriptor ', fileno $file,
        ' and remove its name: no path leads to it now.');
    return $file;
}

sub client {
    chdir $dir or die "$dir: $!\n";
    become_nobody() if $> == 0;
    say_who("I am process $$, uid $>, not a fork of the server.");

    open my $mine, '<', $FILE and die "client: $FILE can be opened\n";
    say_who("I try to open $FILE: $!.");

    say_who("I connect to $ENDPOINT.");
    my $conn = endp_connect($ENDPOINT) or die "client: endp_connect: $!\n";
    my $fh   = recv_fh($conn)          or die "client: recv_fh: $!\n";
    say_who('recv_fh($conn) gives me a handle, descriptor ', fileno $fh,
        ', mode ', get_fopen_mode(fileno $fh), '. It reads:');
    my $lines = 0;
    while (my $line = <$fh>) {
        chomp $line;
        say_who("    $line");
        $lines++;
    }
    return $lines == 0;
}

# For good: real, effective and saved ids, and no other groups.
sub become_nobody {
    my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
    ($uid, $gid) = (65534, 65534) if !defined $uid;
    $) = "$gid $gid";
    setgid($gid) && setuid($uid) && !setuid(0)
        or die "client: can't become nobody: $!\n";
}
