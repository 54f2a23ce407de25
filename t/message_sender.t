# Who has sent it: the optional last argument of read_fd, recv_fhs, recv_fds.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use Errno ();
use File::FDpasser qw(:all);
use POSIX ();

my $file = tagged('file');
Situation::new_baseline();
my ($gid) = split ' ', $);

my %receive = (
    read_fd  => sub { my @got = read_fd($_[0], 100, 10, $_[1]); shift @got; @got },
    recv_fhs => sub { recv_fhs($_[0], undef, $_[1]) },
    recv_fds => sub { recv_fds($_[0], 10, $_[1]) },
);

# Handles close themselves.
sub closed { ref $_ or POSIX::close($_) for @_ }

for my $name (sort keys %receive) {
    my $receive = $receive{$name};
    my ($us, $peer) = pair();
    $us->blocking(0);

    my $sender = 'untouched';
    is_deeply [ $receive->($us, $sender) ], [], "$name: nothing there";
    is $sender, 'untouched', 'a failure stores nothing';

    my $child = in_child { send_files($peer, $file, $file); return $$ };
    my $pid   = $child->result;
    my @got   = $receive->($us, $sender);
    is @got, 2, "$name: two descriptors";
    is_deeply $sender, { pid => $$, uid => $>, gid => $gid, from => 'connection' },
        'nobody has asked: who made the connection';
    closed(@got);

    is ask_sender($us), 1, 'we ask';
    $child = in_child { send_files($peer, $file, $file, $file); return $$ };
    $pid   = $child->result;
    @got   = $receive->($us, $sender);
    is @got, 3, "$name: three descriptors";
    is_deeply $sender, { pid => $pid, uid => $<, gid => $( + 0, from => 'message' },
        'who has sent this message';
    closed(@got);

    send_files($peer, $file);
    @got = $receive->($us, my $fresh);
    is $fresh->{pid}, $$, "$name: a variable of its own each time";
    is $sender->{pid}, $pid, 'the one before stays';
    closed(@got);

    $sender = 'untouched';
    fails_empty { $receive->($us, $sender) } 'EAGAIN', "$name: EAGAIN";
    is $sender, 'untouched', 'stores nothing';

    next if $name eq 'read_fd';    # for which a status is two bytes
    send_err($peer, Errno::EACCES());
    fails_empty { $receive->($us, $sender) } 'EACCES', "$name: an error status";
    is $sender, 'untouched', 'stores nothing';
}
no_leak('nothing left over');

# Where the variable's own code dies, what came is closed.
{
    package Dies;
    sub TIESCALAR { return bless [], shift }
    sub FETCH     { return 'tied' }
    sub STORE     { die "no storing\n" }
}
for my $name (sort keys %receive) {
    my ($us, $peer) = pair();
    tie my $sender, 'Dies';
    send_files($peer, ($file) x 10);
    ok !eval { $receive{$name}->($us, $sender); 1 }, "$name: a variable that dies";
    is $@, "no storing\n", 'is an exception';
}
no_leak('and leaves nothing over');

# At the end of the connection read_fd succeeds, with what the system knows.
{
    my ($us, $peer) = pair();
    close $peer;
    is_deeply [ read_fd($us, 1, 1, my $sender) ], [''], 'read_fd: the end';
    is $sender->{from}, 'connection', 'of whose connection';
}

undef $file;
no_leak();
done_testing;
