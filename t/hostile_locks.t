# The locks of fcntl(2) belong to a process and a file, and go when it closes any
# descriptor of that file: a receive must not close one that nobody asked for.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Outside;
use Peer;
use Situation;

use Fcntl;
use File::FDpasser qw(:all);
use POSIX ();

my $dir  = workdir();
my $path = "$dir/locked";
{ open my $fh, '>', $path or die "$path: $!" }

# struct flock, by what the C library of this machine makes of it: l_type and
# l_whence are short and stand in front everywhere on Linux.
sub lock_of { return pack 's s x![q] q q i x![q]', $_[0], 0, 0, 0, 0 }

sub is_locked {
    my $child = in_child {
        open my $fh, '+<', $path or die "$path: $!";
        my $lock = lock_of(F_WRLCK);
        fcntl $fh, F_GETLK, $lock or die "F_GETLK: $!";
        return (unpack 's', $lock)[0] != F_UNLCK;
    };
    return $child->result;
}

# With the lock held: what came, and whether the lock is still there while all
# that was delivered is open.
sub keeps {
    my ($receive, @sent) = @_;
    return returns {
        no warnings 'File::FDpasser';
        local $File::FDpasser::on_text = sub { };
        my ($us, $peer) = pair();
        open my $file, '+<', $path or die "$path: $!";
        send_raw($peer, $$_[0], ($file) x $$_[1]) for @sent;
        my $lock = lock_of(F_WRLCK);
        fcntl $file, F_SETLK, $lock or die "F_SETLK: $!";
        $us->blocking(0);
        my @got = $receive->($us);
        return scalar(@got), !!is_locked();
    };
}

my %one = (
    recv_fh    => sub { recv_fh($_[0]) || () },
    recv_fd    => sub { my $got = recv_fd($_[0]); defined $got ? $got : () },
    my_recv_fd => sub { my $got = File::FDpasser::my_recv_fd(fileno $_[0]); $got < 0 ? () : $got },
    'recv_fh with its sender' => sub { recv_fh($_[0], my $sender) || () },
);
my %all = (
    recv_fhs => sub { recv_fhs($_[0]) },
    recv_fds => sub { recv_fds($_[0]) },
    read_fd  => sub { my ($bytes, @fh) = read_fd($_[0], 2); @fh },
);
for my $name (sort keys %one) {
    is_deeply [ keeps($one{$name}, [ "\0\0", 1 ]) ], [ 1, 1 ], "$name: a message";
    is_deeply [ keeps($one{$name}, [ "text\0\0", 1 ]) ], [ 1, 1 ], "$name: with text";
    is_deeply [ keeps($one{$name}, [ 'name', 1 ]) ], [ 1, 1 ], "$name: a name";
    is_deeply [ keeps($one{$name}, [ 'name', 1 ], [ "\0\0", 1 ]) ], [ 1, 1 ],
        "$name: a name, and another behind it";
    is_deeply [ keeps($one{$name}, [ "\0", 0 ], [ "\0", 1 ]) ], [ 1, 1 ],
        "$name: half and half";
}
for my $name (sort keys %all) {
    is_deeply [ keeps($all{$name}, [ "\0\0", $_ ]) ], [ $_, 1 ], "$name: $_ at once"
        for 1, 2, 28, 253;
}

# Nor is one closed while none is taken.
{
    my @got = keeps(sub { () }, [ "\0\0", 3 ]);
    is_deeply \@got, [ 0, 1 ], 'nobody receives';
}

no_leak();
done_testing;
