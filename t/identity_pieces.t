use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Identity;
use Peer;
use Situation;

use File::FDpasser qw(:all);

# Processes that share one end of a connection and send pieces that only
# together are a message: nobody may answer for the descriptor of another.

plan skip_all => $Identity::WHY_NOT if $Identity::WHY_NOT;

my $mine   = tagged('mine');
my $theirs = tagged('theirs');
Situation::new_baseline();
my $text = '';
$File::FDpasser::on_text = sub { $text .= $_[0] };

sub noting_pair {
    my ($us, $peer) = pair();
    ask_sender($us);
    return ($us, $peer);
}

# Sent by another user; its process id.
sub other_sends {
    my @message = @_;
    return (in_child {
        become($ALICE);
        send_raw(@message);
        return $$;
    })->result;
}

my %receive = (
    recv_fh  => sub { recv_fh($_[0], $_[1]) },
    recv_fhs => sub { recv_fhs($_[0], undef, $_[1]) },
);
for my $name (sort keys %receive) {
    my $receive = $receive{$name};

    # The end of a message is said by another than the one who sent the
    # descriptor.
    my ($us, $peer) = noting_pair();
    my $pid = other_sends($peer, 'text', $theirs);
    send_raw($peer, "\0\0");
    my @got = $receive->($us, my $sender);
    is tag_of($got[0]), 'theirs', "$name: a descriptor, its end from another";
    is_deeply $sender,
        { pid => $pid, uid => $ALICE, gid => $ALICE, from => 'message' },
        '... its sender is who sent the descriptor';

    ($us, $peer) = noting_pair();
    send_raw($peer, 'text', $mine);
    other_sends($peer, "\0\0");
    @got = $receive->($us, $sender);
    is tag_of($got[0]), 'mine', '... and the other way round';
    is_deeply $sender, { pid => $$, uid => 0, gid => 0, from => 'message' },
        '... its sender is who sent the descriptor';

    # Both send one: a message of two users' descriptors there is not.
    ($us, $peer) = noting_pair();
    $sender = 'before';
    $text   = '';
    $pid    = other_sends($peer, 'text', $theirs);
    send_raw($peer, "\0\0", $mine);
    @got = grep {defined} $receive->($us, $sender);
    is_deeply [ map { tag_of($_) } @got ], ['theirs'],
        "$name: descriptors of two users: one ends where the other comes";
    is_deeply $sender,
        { pid => $pid, uid => $ALICE, gid => $ALICE, from => 'message' },
        '... its sender is who sent it';
    is $text, 'text', '... with its text';
    @got = $receive->($us, $sender);
    is_deeply [ map { tag_of($_) } @got ], ['mine'], '... the next message is whole';
    is_deeply $sender, { pid => $$, uid => 0, gid => 0, from => 'message' },
        '... and its sender is known';

    # Pieces of text by both, before and behind the descriptor.
    ($us, $peer) = noting_pair();
    $text = '';
    syswrite $peer, 'mine, ';
    $pid = other_sends($peer, 'theirs, ', $theirs);
    syswrite $peer, 'and mine again';
    send_raw($peer, "\0\0", $mine);
    @got = $receive->($us, $sender);
    is_deeply [ $text, map { tag_of($_) } @got ],
        [ 'mine, theirs, and mine again', 'theirs' ], "$name: text of two users";
    is $sender->{pid}, $pid, '... its sender is who sent the descriptor';
    @got = $receive->($us, $sender);
    is tag_of($got[0]), 'mine', '... the next message is whole';
    is $sender->{pid}, $$, '... and its sender is known';

    # A single byte with a descriptor is a message of its own.
    ($us, $peer) = noting_pair();
    $pid = other_sends($peer, "\0", $theirs);
    send_raw($peer, "\0\0", $mine);
    @got = $receive->($us, $sender);
    is tag_of($got[0]), 'theirs', "$name: a single byte with a descriptor";
    is $sender->{pid}, $pid, '... is of who sent it';
    @got = $receive->($us, $sender);
    is tag_of($got[0]), 'mine', '... the next message';
    is $sender->{pid}, $$, '... is of who sent that';
    @got = ();
}

# read_fd takes what one of them has sent, and no more.
{
    my ($us, $peer) = noting_pair();
    my $pid = other_sends($peer, 'theirs', $theirs);
    send_raw($peer, 'mine', $mine);
    my ($bytes, @got) = read_fd($us, 100, 10, my $sender);
    is $bytes, 'theirs', 'read_fd: what one has sent';
    is join(' ', map { tag_of($_) } @got), 'theirs', '... with its descriptor';
    is $sender->{pid}, $pid, '... and its sender';
    other_sends($peer, 'more');
    ($bytes, @got) = read_fd($us, 100, 10, $sender);
    is "$bytes $sender->{pid}", "mine $$", '... then what another has sent';
    ($bytes, @got) = read_fd($us, 100, 10, $sender);
    is "$bytes $sender->{uid}", "more $ALICE", '... and the rest';
}

undef $_ for $mine, $theirs;
no_leak();
done_testing;
