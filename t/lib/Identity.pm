package Identity;

# Other users: children of root that become them.
#
#     use Identity;
#
#     skip $Identity::WHY_NOT, 3 if $Identity::WHY_NOT;
#     my $seen = as_user(12345, 12346, sub { endp_connect($path) ? ... });
#     become(65534);                       # for good; in a child
#
# The ids need not be those of any user; 65534 is mostly nobody's.

use strict;
use warnings;

use Exporter 'import';
use POSIX ();
use Situation;

our @EXPORT = qw(become as_user $ALICE $BOB $NOBODY);

our ($ALICE, $BOB, $NOBODY) = (12345, 12346, 65534);

# Why no other users can be had; undef if they can.
our $WHY_NOT = $> != 0 ? 'only root can become somebody else'
    : grep({ !can_become($_) } $ALICE, $BOB, $NOBODY)
    ? 'this user namespace has too few ids' : undef;

sub can_become {
    my ($uid) = @_;
    my $pid = fork;
    die "fork: $!" if !defined $pid;
    POSIX::_exit(eval { become($uid); 1 } ? 0 : 1) if !$pid;
    waitpid $pid, 0;
    return $? == 0;
}

# become($uid), become($uid, $gid): real, effective and saved; no other groups.
sub become {
    my ($uid, $gid) = @_;
    $gid = $uid if !defined $gid;
    local $!;
    $) = "$gid $gid";
    POSIX::setgid($gid);
    POSIX::setuid($uid);
    "$< $> $( $)" eq "$uid $uid $gid $gid $gid $gid"
        or die "not uid $uid and gid $gid, but $< $> $( $)\n";
    return;
}

# as_user($uid, CODE), as_user($uid, $gid, CODE): what CODE returns in a child.
sub as_user {
    my $code = pop;
    my @ids  = @_;
    return (in_child { become(@ids); return $code->() })->result;
}

1;
