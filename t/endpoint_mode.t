use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Fcntl qw(:mode);
use Identity;
use Meeting;
use Situation;
use Syscall;

# What the permissions of a node mean for those who connect.

use File::FDpasser;

my $dir  = workdir();
my $path = "$dir/server";

sub octal { return sprintf '%04o', $_[0] }

sub connects {
    return as_user(@_,
        sub { answers($path) ? 'connects' : errno_name($!) });
}

SKIP: {
    skip $Identity::WHY_NOT, 16 if $Identity::WHY_NOT;
    my ($owner, $group, $other) = ($ALICE, $BOB, $NOBODY);
    chmod 0755, $dir or die "chmod: $!";
    umask 0;
    for my $case (
        [ 0600, 1, 0, 0 ], [ 0660, 1, 1, 0 ], [ 0666, 1, 1, 1 ],
        [ 0200, 1, 0, 0 ], [ 0020, 0, 1, 0 ], [ 0002, 0, 0, 1 ],
        [ 0444, 0, 0, 0 ],
        )
    {
        my ($mode, @may) = @$case;
        my $listener = endp_create($path, mode => $mode);
        chown $owner, $group, $path or die "chown: $!";
        my @who = ([ $owner, $other ], [ $other, $group ], [ $other, $other ]);
        is_deeply [ map { connects(@$_) } @who ],
            [ map { $_ ? 'connects' : 'EACCES' } @may ],
            'mode ' . octal($mode) . ': owner, group, others';
        is connects(0, 0), 'connects', '... root does';
        unlink $path;
    }
    my $listener = endp_create($path, mode => 0666);
    chmod 0700, $dir or die "chmod: $!";
    is connects($other, $other), 'EACCES', 'a directory that may not be searched';
    chmod 0711, $dir or die "chmod: $!";
    is connects($other, $other), 'connects', '... one that may not be read';
    unlink $path;
    umask 022;
}

# An access list that every new node in the directory inherits; acl(5)
SKIP: {
    skip $Identity::WHY_NOT, 3 if $Identity::WHY_NOT;
    skip 'no setxattr', 3 if !has_system_call('setxattr');
    # Version 2; owner, a user, group, mask, others: all may do everything.
    my $list = pack 'V (v v V)*', 2, map { ($_->[0], 7, $_->[1]) } [ 1, 0xFFFF_FFFF ],
        [ 2, $ALICE ], map { [ $_, 0xFFFF_FFFF ] } 4, 16, 32;
    my $name = 'system.posix_acl_default';
    skip "no access lists here: $!", 3
        if !defined system_call('setxattr', "$dir", $name, $list, length $list, 0);
    chmod 0755, $dir or die "chmod: $!";
    umask 0;
    my $listener = endp_create($path, mode => 0600);
    is octal(S_IMODE((lstat $path)[2])), '0600', 'a directory with an access list';
    is connects($ALICE, $ALICE), 'EACCES', '... does not make the node wider';
    is connects($NOBODY, $NOBODY), 'EACCES', '... for nobody';
    unlink $path;
    umask 022;
}

no_leak();
done_testing;
