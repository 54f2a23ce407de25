# The recipes that open files for others: who may have the file has it.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Errno qw(EACCES EADDRINUSE ENOENT);
use File::Spec ();
use Cookbook;
use Files;
use Identity;
use Program;
use Situation;

use File::FDpasser;

my $dir  = workdir();
my $path = "$dir/endpoint";
my $file = "$dir/file";
chmod 0755, $dir or die "chmod: $!";
umask 0 if !-d '/proc/self/fd';    # as the recipe says
write_file($file, "for your eyes only\n");
chmod 0600, $file or die "chmod: $!";
my ($lender, $borrower) = recipe('Open files for others', $dir);
my ($group_lender) = recipe('Open files for a group', $dir);

sub text { local $! = shift; return "$!" }

sub borrows {
    my $got = run($^X, $borrower, $path);
    return $got->{err} . $got->{out};
}

sub lends {
    my $server = start($^X, @_);
    is $server->line, "ready\n", 'the server listens';
    return $server;
}

# ---- for us

is borrows(), "$path: " . text(ENOENT) . "\n", 'a server that there is not';
like run($^X, $lender, $path, $file, 'no such user')->{err},
    qr/^no such user: who\?$/, 'a user that there is not';
like run($^X, $group_lender, $path, $file, 'no such group')->{err},
    qr/^no such group: no such group$/, 'a group that there is not';

my $server = lends($lender, $path, $file, $>);
is run($^X, $lender, $path, $file, $>)->{err}, "$path: " . text(EADDRINUSE) . "\n", '... there is but one';
is borrows(), "for your eyes only\n", 'who may have it has it';
is borrows(), "for your eyes only\n", '... from the start again';
unlink $file;
is borrows(), "$path: " . text(ENOENT) . "\n", 'the file is gone: the borrower has the errno';
write_file($file, "anew\n");
chmod 0600, $file;
is borrows(), "anew\n", '... there is a new one';
is $server->end('TERM')->{err}, '', 'the server had nothing to complain of';

my $other = $> + 1;
$server = lends($lender, $path, $file, $other);
is borrows(), "not on the list\n$path: " . text(EACCES) . "\n", 'who is not named has nothing';
$server->end('TERM');

$server = lends($group_lender, $path, $file, $) + 0);
is borrows(), "anew\n", 'a file for our own group';
$server->end('TERM');

# ---- for others

SKIP: {
    skip $Identity::WHY_NOT, 10 if $Identity::WHY_NOT;
    my $module = File::Spec->rel2abs($INC{'File/FDpasser.pm'});
    skip 'this directory is closed to other users', 10
        if !as_user($ALICE, sub { -r $module && -r $borrower });
    my $refused = "not on the list\n$path: " . text(EACCES) . "\n";

    umask 077 if -d '/proc/self/fd';
    $server = lends($lender, $path, $file, $ALICE, $NOBODY);
    is as_user($ALICE, \&borrows), "anew\n", 'Alice may have it, whom the file is closed to';
    is as_user($BOB, \&borrows), $refused, 'Bob may not';
    is borrows(), $refused, 'nor may root, who was not named';
    chmod 0660, $path;
    is as_user($ALICE, \&borrows), "$path: " . text(EACCES) . "\n",
        'permissions keep Alice out before she is asked who she is';
    $server->end('TERM');

    $server = lends($group_lender, $path, $file, $BOB);
    is as_user($BOB, \&borrows), "anew\n", q{Bob's effective group is Bob's};
    is as_user($ALICE, $BOB, \&borrows), "anew\n", '... and so is that of Alice, running in it';
    my $not_member = "not in $BOB\n$path: " . text(EACCES) . "\n";
    is as_user($ALICE, \&borrows), $not_member, '... but not otherwise';
    is borrows_as_member($ALICE, $BOB), "anew\n", '... unless she is a member of it';
    $server->end('TERM');

    # Bob's, where everybody can write
    unlink $path;
    chmod 01777, $dir;
    my ($listens, $end) = (gate(), gate());
    my $trap = in_child {
        become($BOB);
        my $listener = endp_create($path, mode => 0777) or die "endp_create: $!\n";
        $listens->open;
        my $trapped = serv_accept_fh($listener);
        $end->wait;
        return 1;
    };
    $listens->wait;
    is as_user($ALICE, \&borrows), "$path: not a server that we trust\n",
        'a trap: Alice does not take what Bob sends';
    $end->open;
    $trap->result;
}

# In a group of her own, and a member of another.
sub borrows_as_member {
    my ($uid, $group) = @_;
    return (in_child {
        $) = "$uid $uid $group";
        POSIX::setgid($uid);
        POSIX::setuid($uid);
        return borrows();
    })->result;
}

no_leak();
done_testing;
