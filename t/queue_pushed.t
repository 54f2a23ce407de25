# What a File::FDpasser::Queue sends is what was open when it was pushed, whatever
# becomes of the handle or the number until it goes.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:all);
use File::FDpasser::Queue;
use POSIX ();

sub received { return join ' ', map { tag_of(scalar recv_fh($_[0])) } 1 .. $_[1] }

# Closed, reopened, a number that something else has got.
{
    my ($us, $peer) = pair();
    my $queue = File::FDpasser::Queue->new($us);
    my @sent;
    my $handle = tagged('first');
    $queue->push_send_fh($handle, sub { push @sent, shift });
    close $handle;
    open $handle, '<', '/dev/null' or die "/dev/null: $!";
    my $number = POSIX::dup(fileno tagged('second'));
    $queue->push_send_fh($number, sub { push @sent, shift });
    POSIX::dup2(fileno $handle, $number);
    $queue->push_send_fhs([ tagged('third'), tagged('fourth') ], sub { push @sent, shift });
    $queue->ready;
    is "@sent", '1 1 2', 'all were sent';
    is received($peer, 2), 'first second', '... what they were';
    is join(' ', map { tag_of($_) } recv_fhs($peer)), 'third fourth', '... the batch, too';
    POSIX::close($number);
}

# One variable, opened again and again.
{
    my ($us, $peer) = pair();
    my $queue = File::FDpasser::Queue->new($us);
    my $dir   = workdir();
    my $fh;
    for my $tag (1 .. 5) {
        open $fh, '+>', "$dir/$tag" or die "$dir/$tag: $!";
        syswrite $fh, $tag;
        $queue->push_send_fh($fh);
    }
    close $fh;
    $queue->ready;
    is received($peer, 5), '1 2 3 4 5', 'each file, not the last five times';
}

# A handle for appending is not moved by it.
{
    my ($us, $peer) = pair();
    my $queue = File::FDpasser::Queue->new($us);
    my $dir   = workdir();
    open my $file, '+>>', "$dir/appended" or die $!;
    syswrite $file, 'content';
    sysseek $file, 2, 0;
    $queue->push_send_fh($file);
    is sysseek($file, 0, 1), 2, 'an append handle stays where it stands';
    $queue->ready;
    recv_fh($peer);
}

# Many that are one take no more than one descriptor, in one push at least.
{
    my ($us, $peer) = pair();
    my $queue  = File::FDpasser::Queue->new($us);
    my $file   = tagged('many');
    my $before = descriptors();
    $queue->push_send_fhs([ ($file) x 5000 ]);
    is descriptors() - $before, 1, 'five thousand of one file take one descriptor';
    $queue->close;
    is descriptors() - $before, 0, '... which is closed with the queue';
}

# ... in many pushes where the system says that they are one.
SKIP: {
    my ($us, $peer) = pair();
    my $queue  = File::FDpasser::Queue->new($us);
    my $file   = tagged('many');
    skip 'F_DUPFD_QUERY is not known here', 1 if (fcntl($file, 1027, fileno $file) || 0) != 1;
    my $before = descriptors();
    $queue->push_send_fh($file) for 1 .. 50;
    is descriptors() - $before, 1, 'fifty pushes of one file, too';
}

# A table without room: now, or not at all.
{
    my ($us, $peer) = pair();
    my $queue = File::FDpasser::Queue->new($us);
    my ($one, $two) = map { tagged($_) } 1, 2;
    my @sent;
    my $note   = sub { push @sent, $_[0] || errno_name($!) };
    my @filler = fill_table();
    $queue->push_send_fh($_, $note) for $one, $two;
    close $one;
    is "@sent", '', 'no room for a duplicate: nothing is told at once';
    $queue->ready;
    is "@sent", '1 EMFILE', '... the first went, the one behind it not';
    empty_table(@filler);
    is received($peer, 1), '1', '... and it is the right one';
}

no_leak();
done_testing;
