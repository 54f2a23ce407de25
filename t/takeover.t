use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Meeting;
use Situation;

use POSIX qw(mkfifo);
use Socket qw(AF_UNIX SOCK_STREAM SOCK_DGRAM pack_sockaddr_un);

use File::FDpasser;

watchdog(60);    # some of it takes long beside other work

# What endp_create does where something has the name already.

my $dir  = workdir();
my $path = "$dir/server";

# Device, inode, mode, links, owner, size: what must not change
sub node  { return join ' ', (lstat shift)[ 0 .. 5, 7 ] }
sub inode { return (lstat shift)[1] }

sub serves {
    my ($listener, $name) = @_;
    ok $listener, "$name: it is made" or return;
    ok -S $path, "$name: a socket is there";
    ok !-l $path, '... itself';
    my ($client, $conn) = meet($listener, $path);
    ok $client, '... which answers';
    return if !$client;
    send_file($client, \*STDIN);
    is identity(recv_fh($conn)), identity(\*STDIN), '... from our listener';
}

# It takes over

{
    my $listener = endp_create($path);
    close $listener;
    my $old = node($path);
    $listener = endp_create($path);
    ok $listener, 'a stale socket is taken over';
    isnt node($path), $old, '... replaced';
    serves($listener, 'after a stale socket');
    is names($dir), 'server', '... and nothing else is there';

    my $waiting = elsewhere { endp_connect($path) };
    $waiting->settle;
    my $newer   = endp_create($path);
    ok $newer, 'a living server is taken over';
    serves($newer, 'after a living server');
    ok serv_accept_fh($listener), '... the old one still has its clients';
    is names($dir), 'server', '... and nothing else is there';
    unlink $path;
}
{
    # A socket of another kind, and one that never listened
    for my $type (SOCK_DGRAM, SOCK_STREAM) {
        socket my $other, AF_UNIX, $type, 0 or die "socket: $!";
        bind $other, pack_sockaddr_un($path) or die "bind: $!";
        serves(scalar endp_create($path), "after a socket of type $type");
        is names($dir), 'server', '... and nothing else is there';
        unlink $path;
    }
}
{
    my $target = "$dir/target";
    write_file($target, 'precious');
    my $before = node($target);
    symlink $target, $path or die "symlink: $!";
    serves(scalar endp_create($path), 'after a link to a file');
    is node($target), $before, '... the file that it pointed to stays';
    is content($target), 'precious', '... with its content';
    unlink $target, $path;

    symlink "$dir/nowhere", $path or die "symlink: $!";
    serves(scalar endp_create($path), 'after a dangling link');
    is names($dir), 'server', '... what it pointed to was not made';
    unlink $path;

    symlink $dir, $path or die "symlink: $!";
    serves(scalar endp_create($path), 'after a link to a directory');
    is names($dir), 'server', '... and nothing was put into it';
    unlink $path;

    symlink $path, $path or die "symlink: $!";
    serves(scalar endp_create($path), 'after a link to itself');
    unlink $path;

    my $stale = endp_create($target);
    symlink $target, $path or die "symlink: $!";
    serves(scalar endp_create($path), 'after a link to a socket');
    ok answers($target), '... which is there still';
    unlink $target, $path;
}
{
    write_file($path, '');
    serves(scalar endp_create($path), 'after an empty file');
    is names($dir), 'server', '... and nothing else is there';
    unlink $path;

    write_file("$dir/other", '');
    link "$dir/other", $path or die "link: $!";
    serves(scalar endp_create($path), 'after an empty file with two names');
    ok -f "$dir/other", '... the other name stays';
    unlink $path, "$dir/other";
}

# It leaves alone

sub is_left_alone {
    my ($what, $check) = @_;
    my $before = node($path);
    for my $options ([], [ exclusive => 1 ], [ mode => 0600 ]) {
        fails { endp_create($path, @$options) } undef, 'EADDRINUSE',
            join ' ', $what, @$options;
        is node($path), $before, '... is left alone';
        is names($dir), 'server', '... and nothing else is there';
    }
}

write_file($path, 'precious');
is_left_alone('a file');
is content($path), 'precious', '... with its content';
unlink $path;

write_file($path, "\0");
is_left_alone('a file of one zero byte');
unlink $path;

{
    # One block of nothing
    open my $sparse, '>', $path or die "$path: $!";
    truncate $sparse, 4096;
    close $sparse;
    is_left_alone('a file with nothing but a hole');
    unlink $path;
}

mkdir $path or die "mkdir: $!";
is_left_alone('an empty directory');
write_file("$path/file", 'precious');
is_left_alone('a directory');
is content("$path/file"), 'precious', '... with what is in it';
unlink "$path/file";
rmdir $path;

mkfifo($path, 0600) or die "mkfifo: $!";
is_left_alone('a fifo');
unlink $path;

my @devices
    = ([ 'a character device', 'c', 1, 3 ], [ 'a block device', 'b', 7, 250 ]);
for my $device (@devices) {
    my ($what, @node) = @$device;
    SKIP: {
        skip "only root can make $what", 9 if $> != 0;
        system('mknod', $path, @node) == 0 or skip "can't make $what", 9;
        is_left_alone($what);
        unlink $path;
    }
}

# A failure leaves what was there.
{
    { my $stale = endp_create($path) }
    my $before = node($path);
    is run_perl('-e', <<'SCRIPT', $path), 'endp_create cli_conn endp_connect',
exec 'sh', '-c', 'ulimit -n 30; exec "$@"', 'sh', $^X, (map { "-I$_" } @INC),
    '-MErrno', '-MFile::FDpasser', '-e', <<'FULL', @ARGV;
    $path = shift;
    1 while open $full[@full], '<', '/dev/null';
    $! = 0; endp_create($path)  || $!{EMFILE} && print 'endp_create ';
    $! = 0; cli_conn($path) < 0 && $!{EMFILE} && print 'cli_conn ';
    $! = 0; endp_connect($path) || $!{EMFILE} && print 'endp_connect';
FULL
SCRIPT
        'no descriptor is free: each fails with EMFILE';
    is node($path), $before, '... the same node';
    is names($dir), 'server', '... and nothing else is there';
    unlink $path;
}
SKIP: {
    skip 'only root can become somebody else', 8 if $> != 0;
    my $listener = endp_create($path);
    my $before   = inode($path);
    chmod 0755, $dir;
    chmod 0777, $path;
    for my $what ('a living server', 'a stale socket') {
        my @seen = (in_child {
            POSIX::setgid(65534);
            POSIX::setuid(65534);
            my $got = endp_create($path);
            return (errno_name($!), defined $got);
        })->result;
        is_deeply \@seen, [ 'EACCES', '' ], "$what where we may not write";
        is names($dir), 'server', '... nothing else is there';
        ok answers($path), '... and it serves on' if $listener;
        undef $listener;
    }
    is inode($path), $before, '... the same node';
    unlink $path;
    my @seen = (in_child {
        POSIX::setgid(65534);
        POSIX::setuid(65534);
        my $got = endp_create($path);
        return (errno_name($!), defined $got);
    })->result;
    is_deeply \@seen, [ 'EACCES', '' ], 'a free name where we may not write';
    is names($dir), '', '... and nothing is there';
}

# There is no moment at which the name is missing. (The last old servers live on,
# half a table of them: a client may have found one and not connected yet.)
{
    my @listeners = scalar endp_create($path);
    my $looks     = gate();
    my $stop      = gate();
    my $child     = in_child {
        my ($count, %failed) = (0);
        $looks->open;
        until ($stop->is_open) {
            $failed{ errno_name($!) }++ if !answers($path);
            $count++;
        }
        return ($count, %failed);
    };
    $looks->wait;
    my $refused = 0;
    my $alive   = (POSIX::sysconf(POSIX::_SC_OPEN_MAX()) || 256) / 2;
    for (1 .. 1000) {
        my $listener = endp_create($path) or $refused++;
        push @listeners, $listener;
        shift @listeners if @listeners > $alive;
    }
    $stop->open;
    my ($count, @failed) = $child->result;
    is $refused, 0, 'a thousand times taken over';
    is "@failed", '', "... under $count connects that all succeed";
    is names($dir), 'server', '... and nothing else is there';
    unlink $path;
}

# In a directory that others can write to, a node may be a trap.
SKIP: {
    skip 'only root can make nodes for others', 36 if $> != 0;
    my $foreign = 65534;
    my %make    = (
        'a socket'      => sub { undef(my $listener = endp_create($path)) },
        'an empty file' => sub { write_file($path, '') },
        'a link'        => sub { symlink '/etc', $path },
    );
    for my $mode (0777, 01777, 0775, 0757) {
        chmod $mode, $dir or die "chmod: $!";
        for my $what (sort keys %make) {
            in_child_of($foreign, $mode, $make{$what});
            my $before = node($path);
            fails { endp_create($path) } undef, 'EADDRINUSE', sprintf
                "%s of somebody else's in a directory of mode %o",
                $what, $mode;
            is node($path), $before, '... is left alone';
            unlink $path;
        }
    }
    chmod 0755, $dir;
    in_child_of($foreign, 0755, $make{'a socket'});
    serves(scalar endp_create($path), 'where only we can write');
    unlink $path;
    chmod 01777, $dir;
    in_child_of($foreign, 01777, $make{'a socket'});
    chown $foreign, -1, $dir or die "chown: $!";
    serves(scalar endp_create($path), q{the node is the directory's owner's});
    unlink $path;
    chown 0, -1, $dir;

    # One of our own, in a directory of somebody else's.
    chmod 01777, $dir;
    my ($taken, $names) = (in_child {
        POSIX::setuid($foreign);
        my @made = map { scalar endp_create($path) } 1, 2;
        return ($made[1] ? 'taken over' : errno_name($!), names($dir));
    })->result;
    is $taken, 'taken over', q{the node is ours, the directory is somebody else's};
    is $names, 'server', '... and nothing else is there';
    unlink $path;
}

# Makes a node that belongs to $uid, in a directory of whatever mode.
sub in_child_of {
    my ($uid, $mode, $make) = @_;
    chmod 0777, $dir or die "chmod: $!";
    (in_child {
        POSIX::setgid($uid);
        POSIX::setuid($uid);
        $make->();
    })->result;
    chmod $mode, $dir or die "chmod: $!";
    (lstat $path)[4] == $uid or die "$path does not belong to $uid";
}

no_leak();
done_testing;
