use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Errno qw(EACCES EADDRINUSE ENOENT);
use File::Spec ();
use Files;
use Identity;
use Situation;

use File::FDpasser;

# examples/lend.pl and examples/borrow.pl: who may have the file has it.

my $dir    = workdir();
my $socket = "$dir/socket";
my $file   = "$dir/file";
write_file($file, "for your eyes only\n");
chmod 0600, $file or die "chmod: $!";
chmod 0755, $dir  or die "chmod: $!";
$ENV{LC_ALL}   = 'C';
$ENV{PERL5LIB} = join ':', map { File::Spec->rel2abs($_) } grep { !ref } @INC;

sub text { local $! = shift; return "$!" }

# A program and what it prints, on STDOUT and STDERR
sub started {
    my ($program, @arguments) = @_;
    my $pid = open my $out, '-|';
    die "fork: $!" if !defined $pid;
    if (!$pid) {
        open STDERR, '>&', \*STDOUT or die $!;
        alarm 50;
        exec $^X, "examples/$program", @arguments or POSIX::_exit(127);
    }
    return ($pid, $out);
}

sub run {
    my ($pid, $out) = started(@_);
    return join '', readline $out;
}

sub borrows { my ($uid) = @_; return as_user($uid, sub { run('borrow.pl', $socket) }) }

# ---- what goes wrong at once

like run($_), qr/\Ausage: \Q$_\E /, "$_ without arguments" for qw(lend.pl borrow.pl);
is run('lend.pl', $socket, $file, 'no such user'),
    "lend.pl: no such user: no such user\n", 'a user that there is not';
is run('borrow.pl', $socket), "borrow.pl: $socket: " . text(ENOENT) . "\n",
    'a server that there is not';

# ---- for us

my ($pid, $out) = started('lend.pl', $socket, $file, $>);
is readline $out, "ready: $socket\n", 'the server listens';
is run('lend.pl', $socket, $file, $>),
    "lend.pl: $socket: " . text(EADDRINUSE) . "\n", '... there is but one';
is run('borrow.pl', $socket), "for your eyes only\n", 'who may have it has it';
is readline $out, "uid $>\n", '... and the server knows who it was';
is run('borrow.pl', $socket), "for your eyes only\n", '... from the start again';
unlink $file;
is run('borrow.pl', $socket), "borrow.pl: $socket: " . text(ENOENT) . "\n",
    'the file is gone: the borrower has the errno';
write_file($file, "anew\n");
chmod 0600, $file;
is run('borrow.pl', $socket), "anew\n", '... there is a new one';
kill TERM => $pid;
close $out;
is $?, 0, 'the server ends when told to';
ok !-e $socket, '... and its endpoint is gone';

# ---- for others

SKIP: {
    skip $Identity::WHY_NOT, 10 if $Identity::WHY_NOT;
    my $module = File::Spec->rel2abs($INC{'File/FDpasser.pm'});
    skip 'this directory is closed to other users', 10
        if !as_user($ALICE, sub { -r $module && -r 'examples/borrow.pl' });
    ($pid, $out) = started('lend.pl', $socket, $file, $ALICE, $NOBODY);
    readline $out;
    is borrows($ALICE), "anew\n", 'Alice may have it, whom the file is closed to';
    is readline $out, "uid $ALICE\n", '... and the server knows who it was';
    is borrows($BOB), "borrow.pl: $socket: " . text(EACCES) . "\n",
        'Bob may not';
    is readline $out, "uid $BOB, refused\n", '... and the server knows who it was';
    is run('borrow.pl', $socket), "borrow.pl: $socket: " . text(EACCES) . "\n",
        'nor may root, who was not named';
    is borrows($NOBODY), "anew\n", 'nobody may';
    chmod 0660, $socket;
    is borrows($ALICE), "borrow.pl: $socket: " . text(EACCES) . "\n",
        'permissions keep Alice out before she is asked who she is';
    kill TERM => $pid;
    close $out;
    is $?, 0, 'the server ends when told to';

    # Bob's, where everybody can write
    chmod 01777, $dir;
    my ($listens, $end) = (gate(), gate());
    my $trap = in_child {
        become($BOB);
        umask 0;
        my $listener = endp_create($socket) or die "endp_create: $!\n";
        $listens->open;
        my $trapped = serv_accept_fh($listener);
        $end->wait;
        return 1;
    };
    $listens->wait;
    is borrows($ALICE), "borrow.pl: $socket: not a server that we trust\n",
        'a trap: Alice does not take what Bob sends';
    is run('lend.pl', $socket, $file, $ALICE),
        "lend.pl: $socket: " . text(EADDRINUSE) . "\n", '... nor does root start there';
    $end->open;
    $trap->result;
}

no_leak();
done_testing;
