# Half a message is remembered by the process, for the connection, whichever
# handle or number names it: never by a handle, a number or an interpreter, and
# not by its children.

use strict;
use warnings;

use Config;
use if $Config{useithreads}, 'threads';

use lib 't/lib';
use Test::More;
use Situation;
use Message;
use Peer;
use Signals;

use File::FDpasser qw(:all);
use POSIX ();
use Socket;

watchdog(60);    # some of it takes long beside other work

my $file = tagged('the other half');
my $text = '';
$File::FDpasser::on_text = sub { $text .= $_[0] };
Situation::new_baseline();

my %receive = (
    recv_fh  => sub { scalar recv_fh($_[0]) },
    recv_fd  => sub { recv_fd($_[0]) },
    recv_fhs => sub { (recv_fhs($_[0]))[0] },
    recv_fds => sub { (recv_fds($_[0]))[0] },
    my_recv_fd => sub {
        my $got = File::FDpasser::my_recv_fd(ref $_[0] ? fileno $_[0] : $_[0]);
        return $got if $got >= 0;
        $! = -$got if $got < -1;
        return;
    },
);

# The tag of what comes, else why nothing does.
sub outcome {
    my ($name, $conn) = @_;
    $! = 0;
    my $got = $receive{$name}->($conn);
    return errno_name($!) if !defined $got;
    my $tag = tag_of($got);
    POSIX::close($got) if !ref $got;
    return $tag;
}

sub half_read_pair {
    my ($us, $peer) = pair();
    $us->blocking(0);
    syswrite $peer, "text\0";
    fails { recv_fh($us) } undef, 'EAGAIN', 'half a message';
    return ($us, $peer);
}

# Each call begins one, each goes on with it.
for my $first (sort keys %receive) {
    for my $second (sort keys %receive) {
        my ($us, $peer) = pair();
        $us->blocking(0);
        syswrite $peer, "\0";
        my @seen = map { outcome($first, $us) } 1, 2;
        send_raw($peer, "\0", $file);
        push @seen, outcome($second, $us);
        syswrite $peer, "\0";
        push @seen, outcome($second, $us);
        syswrite $peer, "\x0d";
        push @seen, outcome($first, $us);
        is_deeply \@seen, [qw(EAGAIN EAGAIN), 'the other half', qw(EAGAIN EACCES)],
            "$first and $second";
    }
}

# Handles and numbers of one socket.
{
    my ($us, $peer) = half_read_pair();
    open my $dup, '+<&', $us or die "dup: $!";
    open my $alias, '+<&=', $us or die "alias: $!";
    my $number = POSIX::dup(fileno $us);
    my @names = ($us, $dup, $number, fileno $us, $alias, "$number");
    for my $one (@names) {
        for my $other (@names) {
            send_raw($peer, "\0", $file);
            is outcome('recv_fd', $one), 'the other half', 'by whichever name';
            syswrite $peer, "\0";
            is outcome('recv_fh', $other), 'EAGAIN', '... and half of the next';
        }
    }
    # The name that half of it came by is closed.
    close $us;
    syswrite $peer, "\x0d";
    is outcome('recv_fh', $dup), 'EACCES', 'after its name was closed';
    POSIX::close($number);
}

# The connection itself passed: it comes back under another number.
{
    my ($us, $peer) = half_read_pair();
    my ($one, $other) = pair();
    send_file($one, $us);
    close $us;
    $us = recv_fh($other);
    syswrite $peer, "\x0d";
    is outcome('recv_fh', $us), 'EACCES', 'a connection that was passed';
}

# Another connection gets the number.
for my $receive (sort keys %receive) {
    my ($us, $peer) = half_read_pair();
    my $number = fileno $us;
    my ($next, $next_peer) = pair();
    POSIX::dup2(fileno $next, $number) or die "dup2: $!";
    send_raw($next_peer, "\0\0", $file);
    is outcome($receive, $number), 'the other half',
        "$receive: another connection has the number: nothing of the old one";
    syswrite $next_peer, "\0\x0d";
    is outcome($receive, $number), 'EACCES', '... and its own messages are whole';
}

# Nothing has it any more.
{
    my ($us, $peer) = half_read_pair();
    my ($gone, $gone_peer) = pair();
    my $number = fileno $gone;
    fails { $gone->blocking(0); recv_fd($number) } undef, 'EAGAIN', 'a number';
    close $gone;
    is outcome($_, $number), 'EBADF', "$_: ... that nothing has any more" for sort keys %receive;
    syswrite $peer, "\x0d";
    is outcome('recv_fh', $us), 'EACCES', '... nothing of another connection';
}

# A callback goes on with what its call has begun, which then begins anew.
for my $name (sort keys %receive) {
    my ($us, $peer) = pair();
    $us->blocking(0);
    my @seen;
    local $File::FDpasser::on_text = sub {
        syswrite $peer, "\x0d";
        push @seen, outcome($name, $us);
        syswrite $peer, "\0\x02";
    };
    syswrite $peer, "a\0";
    push @seen, outcome($name, $us);
    is_deeply \@seen, [ 'EACCES', 'ENOENT' ], "$name: within on_text";
}

# The two ends are two connections.
{
    my ($us, $peer) = half_read_pair();
    $peer->blocking(0);
    send_raw($us, "\0\0", $file);
    is outcome('recv_fh', $peer), 'the other half', 'the other end knows nothing of it';
    syswrite $peer, "\x0d";
    is outcome('recv_fh', $us), 'EACCES', 'and this one still does';
}

# What a process remembers its children do not, and the other way round.
{
    my ($us, $peer) = half_read_pair();
    my $child = in_child {
        syswrite $peer, "\0\x0d";
        my @seen = outcome('recv_fh', $us);
        syswrite $peer, "\0";
        return (@seen, outcome('recv_fh', $us));
    };
    is_deeply [ $child->result ], [qw(EACCES EAGAIN)], 'a child begins anew';
    syswrite $peer, "\x0d";
    is outcome('recv_fh', $us), 'EACCES', '... and its parent does not';
    syswrite $peer, "\0\x02";
    is outcome('recv_fh', $us), 'ENOENT', '... nor knows what its child has read';

    $child = in_child {
        syswrite $peer, "\0";
        my @seen = outcome('recv_fh', $us);
        my $grandchild = in_child { syswrite $peer, "\0\x02"; outcome('recv_fh', $us) };
        push @seen, $grandchild->result;
        syswrite $peer, "\x0d";
        return (@seen, outcome('recv_fh', $us));
    };
    is_deeply [ $child->result ], [qw(EAGAIN ENOENT EACCES)], 'and so on';
}

# Threads are one process.
SKIP: {
    skip 'this perl has no threads', 3 if !$Config{useithreads};
    my ($us, $peer) = half_read_pair();
    my $number = fileno $us;
    my $in_thread = sub { threads->create({ context => 'scalar' }, @_)->join };
    syswrite $peer, "\x0d";
    is $in_thread->(sub { outcome('recv_fd', $number) }), 'EACCES', 'a thread goes on';
    syswrite $peer, "\0";
    is $in_thread->(sub { outcome('recv_fd', $number) }), 'EAGAIN', '... and begins';
    syswrite $peer, "\x0d";
    is outcome('recv_fh', $us), 'EACCES', '... what another goes on with';
}
SKIP: {
    skip 'this perl has no threads', 8 if !$Config{useithreads};
    my @threads = map {
        threads->create({ context => 'scalar' }, sub {
            my ($us, $peer) = pair();
            $us->blocking(0);
            my $wrong = 0;
            for my $round (1 .. 500) {
                syswrite $peer, "\0";
                $wrong++ if outcome('recv_fh', $us) ne 'EAGAIN';
                syswrite $peer, "\x0d";
                $wrong++ if outcome('recv_fd', $us) ne 'EACCES';
            }
            return $wrong;
        })
    } 1 .. 8;
    is $_->join, 0, 'threads that each read halves of their own' for @threads;
}

# Many connections. The oldest are forgotten where they are more than 1,024, and
# one that is gone is no trouble to whoever gets its place.
SKIP: {
    my $limit = descriptor_limit();
    skip 'too few descriptors may be open', 5
        if !eval { descriptor_limit(2400); 1 };
    for my $count (1000, 1100) {
        my @pairs = map { [ pair() ] } 1 .. $count;
        my %seen;
        for (@pairs) {
            my ($us, $peer) = @$_;
            $us->blocking(0);
            syswrite $peer, "\0";
            $seen{ outcome('recv_fh', $us) }++;
        }
        is_deeply \%seen, { EAGAIN => $count }, "$count connections, half read";
        %seen = ();
        for (reverse @pairs[ $count - 1000 .. $count - 1 ]) {
            my ($us, $peer) = @$_;
            syswrite $peer, "\x0d";
            $seen{ outcome('recv_fh', $us) }++;
        }
        is_deeply \%seen, { EACCES => 1000 }, '... and the others of 1000';
    }
    my ($us, $peer) = pair();
    $us->blocking(0);
    for (1 .. 1100) {
        my ($gone, $sender) = pair();
        $gone->blocking(0);
        syswrite $sender, "\0";
        recv_fh($gone);
    }
    syswrite $peer, "\0";
    recv_fh($us);
    syswrite $peer, "\x0d";
    is outcome('recv_fh', $us), 'EACCES', 'behind 1,100 that are gone';
    descriptor_limit($limit);
}

# The sockets of new connections get numbers that others had in the kernel: none
# of 3,000 that were closed half read is taken for one of the next.
{
    my %seen;
    for (1 .. 3000) {
        my ($us, $peer) = pair();
        $us->blocking(0);
        syswrite $peer, "\0\x0d\0";
        $seen{ outcome('recv_fh', $us) }++ for 1, 2;
    }
    is_deeply \%seen, { EACCES => 3000, EAGAIN => 3000 }, 'new connections begin anew';
}

# read_fd on a connection of which recv_fh has read half a message: the zero byte
# comes first, once, and then what is there.
{
    my ($us, $peer) = half_read_pair();
    send_raw($peer, "\0and more", $file);
    my ($bytes, @fh) = read_all($us, 10, 1);
    is $bytes, "\0\0and more", 'read_fd: the zero byte comes first';
    is_deeply [ map { tag_of($_) } @fh ], ['the other half'], '... then the descriptor';
    fails_empty { read_fd($us, 100, 1) } 'EAGAIN', '... once';
    syswrite $peer, "\0\x0d";
    is outcome('recv_fh', $us), 'EACCES', '... and recv_fh knows of it no more';

    for my $size (1, 2, 3) {
        ($us, $peer) = half_read_pair();
        syswrite $peer, "\0\x0d\0\x02";
        my @pieces = map { scalar read_fd($us, $size, 1) } 1 .. 5;
        is join('', map { defined() ? $_ : '' } @pieces), substr("\0\0\x0d\0\x02", 0, 5 * $size),
            "read_fd: $size at a time";
    }

    ($us, $peer) = half_read_pair();
    close $peer;
    is_deeply [ map { scalar read_fd($us, 10, 1) } 1, 2 ], [ "\0", '' ],
        'read_fd: the zero byte, then the end';
}

# The socket's own timeout: half a message that is queued, or read, does not put
# it off.
for my $half ("\0", "text\0", 'text', '') {
    for my $name (sort keys %receive) {
        my ($us, $peer) = pair();
        setsockopt $us, SOL_SOCKET, SO_RCVTIMEO, pack 'l! l!', 0, 20_000
            or die "SO_RCVTIMEO: $!";
        syswrite $peer, $half;
        my @seen = map { outcome($name, $us) } 1, 2;
        send_raw($peer, $half =~ /\0/ ? "\0" : "\0\0", $file);
        is_deeply [ @seen, outcome($name, $us) ], [qw(EAGAIN EAGAIN), 'the other half'],
            "$name: a timeout with " . length($half) . ' bytes of a message there';
    }
}

# A signal while the other half is waited for.
for my $kind (kinds()) {
    my ($us, $peer) = half_read_pair();
    $us->blocking(1);
    is_deeply [ interrupted($kind, sub { recv_fh($us) }) ], [ undef, 'EINTR', 1 ],
        "$kind: the wait for the other half";
    send_raw($peer, "\0", $file);
    is outcome('recv_fh', $us), 'the other half', '... and then it comes';
}

# The end, within and without.
for my $name (sort keys %receive) {
    my ($us, $peer) = half_read_pair();
    close $peer;
    is_deeply [ map { outcome($name, $us) } 1 .. 3 ], [qw(EPROTO ENOTCONN ENOTCONN)],
        "$name: the end within a message, then the end";
}

# A full table: the second half stays queued, the first is remembered.
for my $name (sort keys %receive) {
    my ($us, $peer) = half_read_pair();
    send_raw($peer, "\0", $file);
    my @seen = with_free 0, sub { map { outcome($name, $us) } 1, 2 };
    is_deeply [ @seen, outcome($name, $us) ], [qw(EMFILE EMFILE), 'the other half'],
        "$name: a full table between the halves";

    # An error status, whose descriptor counts for nothing; and what looks like one.
    ($us, $peer) = half_read_pair();
    send_raw($peer, "\x0d", $file);
    @seen = with_free 0, sub { outcome($name, $us) };
    is_deeply \@seen, ['EACCES'], "$name: a full table, and the half is an error";
    ($us, $peer) = half_read_pair();
    send_raw($peer, "\0", $file);
    syswrite $peer, "\x0d\0\x02";
    $text = '';
    @seen = with_free 0, sub { outcome($name, $us) };
    is_deeply [ @seen, map { outcome($name, $us) } 1, 2 ], [ 'EMFILE', 'the other half', 'ENOENT' ],
        '... and the half and what follows look like one';
    is $text, "\x0d", '... which is text';
}

undef $file;
no_leak();
done_testing;
