use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Identity;
use Peer;
use Situation;

use File::FDpasser qw(:all);

# Credentials that a sender claims: the kernel lets nobody but root lie.

plan skip_all => $Identity::WHY_NOT if $Identity::WHY_NOT;

my $file = tagged('passed');
Situation::new_baseline();

# Sends a descriptor and claims to be somebody; errno's name, or ''.
sub claims {
    my ($peer, @claim) = @_;
    return '' if defined send_control($peer, "\0\0", credentials(@claim), rights($file));
    return errno_name($!);
}

my ($us, $peer) = pair();
ask_sender($us);
my $init = 1;

for my $claim (
    [ 'root'              => sub { ($$,    0,    0) } ],
    [ 'another user'      => sub { ($$,    $BOB, $ALICE) } ],
    [ 'another group'     => sub { ($$,    $ALICE, $BOB) } ],
    [ 'another process'   => sub { ($init, $ALICE, $ALICE) } ],
    [ 'no process at all' => sub { (0,     $ALICE, $ALICE) } ],
    [ 'everybody'         => sub { ($$,    2**32 - 1, 2**32 - 1) } ],
    )
{
    my ($what, $ids) = @$claim;
    like as_user($ALICE, sub { claims($peer, $ids->()) }), qr/\AE(?:PERM|INVAL)\z/,
        "a user who claims to be $what is refused";
}
is queued($us), undef, '... and nothing has come';

my ($errno, $pid) = (in_child {
    become($ALICE);
    return (claims($peer, $$, $ALICE, $ALICE), $$);
})->result;
is $errno, '', 'who says the truth is not';
ok recv_fh($us, my $sender), '... and a descriptor has come';
is_deeply $sender, { pid => $pid, uid => $ALICE, gid => $ALICE,
    from => 'message' }, '... with the truth';

# Who has several ids may choose among them.
($errno, $pid) = (in_child {
    $> = $ALICE;
    return (claims($peer, $$, $ALICE, 0), $$);
})->result;
is $errno, '', 'root that acts for a user may say so';
ok recv_fh($us, $sender), '... and it has come' or diag "recv_fh: $!";
is $sender->{uid}, $ALICE, '... instead of its real uid';

is claims($peer, $init, $BOB, $ALICE), '', 'root may claim anything';
ok recv_fh($us, $sender), '... and it has come' or diag "recv_fh: $!";
is_deeply $sender, { pid => $init, uid => $BOB, gid => $ALICE,
    from => 'message' }, '... and is believed';

# What was claimed does not reach who has not asked.
{
    my ($ours, $theirs) = pair();
    claims($theirs, $init, $BOB, $ALICE);
    ok recv_fh($ours, $sender), 'nobody asked: a descriptor has come';
    is_deeply $sender, { pid => $$, uid => 0, gid => 0, from => 'connection' },
        '... from who made the connection';
}

undef $_ for $us, $peer, $file;
no_leak();
done_testing;
