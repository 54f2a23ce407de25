use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Identity;
use Situation;

# Whose node may be taken over in whose directory: where others can write, only
# our own and the directory's owner's, root or not.

use File::FDpasser;

plan skip_all => $Identity::WHY_NOT if $Identity::WHY_NOT;

my $workdir = workdir();
my $dir     = "$workdir/dir";
my $path    = "$dir/server";
mkdir $dir or die "mkdir: $!";
chmod 0755, $workdir or die "chmod: $!";

my %name = (0 => 'root', $ALICE => 'Alice', $BOB => 'Bob', $NOBODY => 'nobody');

# endp_create as $us, where there is a stale socket of $owner.
sub takes_over {
    my ($us, $directory, $mode, $owner) = @_;
    { my $stale = endp_create($path) }
    chown $owner,     -1, $path or die "chown: $!";
    chown $directory, -1, $dir  or die "chown: $!";
    chmod $mode, $dir or die "chmod: $!";
    my $inode = (lstat $path)[1];
    my $got   = as_user($us, sub {
        my $listener = endp_create($path);
        return $listener ? 'serves' : errno_name($!);
    });
    my $stays = (lstat $path)[1] == $inode ? 'stays' : 'goes';
    my $left  = names($dir);
    chown 0, -1, $dir or die "chown: $!";
    unlink map {"$dir/$_"} split ' ', $left;
    return join ' ', $got, $stays, $left eq 'server' ? () : $left;
}

# Who calls, whose directory with which mode, whose node
for my $case (
    [ 0, 0, 0755, $BOB, 'serves goes' ],
    [ 0, 0, 0775, $BOB, 'EADDRINUSE stays' ],
    [ 0, 0, 0757, $BOB, 'EADDRINUSE stays' ],
    [ 0, 0, 0770, $BOB, 'EADDRINUSE stays' ],
    [ 0, 0, 0777, $BOB, 'EADDRINUSE stays' ],
    [ 0, 0, 01777, $BOB, 'EADDRINUSE stays' ],
    [ 0, 0, 01755, $BOB, 'serves goes' ],
    [ 0, 0, 02775, $BOB, 'EADDRINUSE stays' ],
    [ 0, 0, 01777, 0,    'serves goes' ],
    [ 0, $ALICE, 0755,  $BOB,   'serves goes' ],
    [ 0, $ALICE, 01777, $BOB,   'EADDRINUSE stays' ],
    [ 0, $ALICE, 01777, $ALICE, 'serves goes' ],
    [ 0, $ALICE, 01777, 0,      'serves goes' ],
    [ $ALICE, 0, 0777,  $BOB,   'EADDRINUSE stays' ],
    [ $ALICE, 0, 01777, $BOB,   'EADDRINUSE stays' ],
    [ $ALICE, 0, 0777,  $ALICE, 'serves goes' ],
    [ $ALICE, 0, 01777, $ALICE, 'serves goes' ],
    [ $ALICE, 0, 0777,  0,      'serves goes' ],
    [ $ALICE, 0, 0755,  $ALICE, 'EACCES stays' ],
    [ $ALICE, $ALICE, 0700,  $BOB, 'serves goes' ],
    [ $ALICE, $ALICE, 01777, $BOB, 'EADDRINUSE stays' ],
    # The kernel does not let her, though the name could be taken over.
    [ $ALICE, 0, 01777, 0, 'EPERM stays' ],
    )
{
    my ($us, $directory, $mode, $owner, $expected) = @$case;
    is takes_over($us, $directory, $mode, $owner), $expected,
        sprintf q{%s, in %s's directory of mode %04o, %s's node: %s},
        $name{$us}, $name{$directory}, $mode, $name{$owner}, $expected;
}

no_leak();
done_testing;
