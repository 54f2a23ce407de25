# ithreads: each with a pair of its own, all at once, with nothing shared.

use strict;
use warnings;

use Config;

BEGIN {
    if (!$Config{useithreads}) {
        require Test::More;
        Test::More::plan(skip_all => 'this perl has no threads');
    }
}
use threads;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser;
use POSIX ();

watchdog(60);    # some of it takes long beside other work

my $THREADS = 4;
my $PASSES  = 10_000;

# Passes descriptors of its own files, which are told apart by their inodes;
# how many came back wrong.
sub passes {
    my ($count) = @_;
    my ($one, $two) = spipe();
    my @files  = map { tagged("file $_") } 1 .. 7;
    my @inodes = map { (stat $_)[1] } @files;
    my $wrong  = 0;
    for my $pass (1 .. $count) {
        my $which = $pass % @files;
        send_file($one, $files[$which]) or return "send_file: $!";
        my $inode;
        if ($pass % 2) {
            my $got = recv_fh($two) or return "recv_fh: $!";
            $inode = (stat $got)[1];
        }
        else {
            my $got = recv_fd($two);
            return "recv_fd: $!" if !defined $got;
            $inode = (POSIX::fstat($got))[1];
            POSIX::close($got);
        }
        $wrong++ if $inode != $inodes[$which];
    }
    return $wrong;
}

{
    my @threads = map { threads->create(\&passes, $PASSES) } 1 .. $THREADS;
    is $_->join, 0, "a thread: each of $PASSES descriptors is the right one"
        for @threads;
}
no_leak('none left over by threads');

# Endpoints that were made before a thread was are the thread's as well.
{
    my ($one, $two) = spipe();
    my $file   = tagged('of the parent');
    my $thread = threads->create(sub { tag_of(scalar recv_fh($two)) });
    send_file($one, $file);
    is $thread->join, 'of the parent', 'an endpoint of the parent thread';
    send_file($one, $file);
    is tag_of(scalar recv_fh($two)), 'of the parent', 'and still its own';
}
no_leak('none left over by clones');

# on_text, max_text and $! belong to each thread.
{
    my @threads = map {
        my $name = "thread $_";
        threads->create(sub {
            my ($one, $two) = spipe();
            my $heard = '';
            local $File::FDpasser::on_text = sub { $heard .= $_[0] };
            my $file = tagged($name);
            for my $pass (1 .. 200) {
                syswrite $one, "$name\n";
                send_file($one, $file);
                return 'wrong descriptor'
                    if tag_of(scalar recv_fh($two)) ne $name;
                syswrite $one, "\0" . chr threads->tid;
                recv_fh($two) and return 'no status';
                return 'wrong errno' if $! != threads->tid;
            }
            return $heard eq "$name\n" x 200 ? 'right' : 'wrong text';
        });
    } 1 .. $THREADS;
    is $_->join, 'right', 'a thread: its own text and $!' for @threads;
}

# An exception in one thread is nothing to the others.
{
    my $thread = threads->create(sub {
        my ($one, $two) = spipe();
        local $File::FDpasser::on_text = sub { die "left\n" };
        my $file = tagged('x');
        send_raw($one, "text\0\0", $file);
        return eval { recv_fh($two); 1 } ? 'returned' : $@;
    });
    is passes(500), 0, 'passes beside a thread that dies';
    is $thread->join, "left\n", 'which dies for itself';
}

# A thread that ends with endpoints open, and one made inside a thread.
{
    my $thread = threads->create(sub {
        return threads->create(\&passes, 100)->join + passes(100);
    });
    is $thread->join, 0, 'a thread in a thread';
}

no_leak();
done_testing;
