use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Meeting;
use Situation;

use POSIX ();

use File::FDpasser;

# Who the client is: its effective uid, from the kernel.

plan skip_all => 'only root can become somebody else' if $> != 0;

my $dir  = workdir();
my $path = "$dir/server";
chmod 0755, $dir or die "chmod: $!";
umask 0;

# Connects as whoever $become makes of it; the server accepts with $accept.
sub uid_seen {
    my ($become, $accept) = @_;
    my $listener = endp_create($path) or die "endp_create: $!";
    my $done     = gate();
    my $child    = in_child {
        $become->();
        my $conn = endp_connect($path) or die "endp_connect: $!\n";
        $done->wait;
        return 'connected';
    };
    my $uid  = 'before';
    my $conn = $accept->($listener, $uid);
    $done->open;
    $child->result;
    POSIX::close($conn) if defined $conn && !ref $conn;
    return $uid;
}

sub becomes {
    my ($uid) = @_;
    return sub {
        POSIX::setgid($uid);
        POSIX::setuid($uid);
        $> == $uid && $< == $uid or die "still $< and $>\n";
    };
}

my %accept = (
    serv_accept_fh => sub { serv_accept_fh($_[0], $_[1]) },
    serv_accept_fd => sub { serv_accept_fd($_[0], $_[1]) },
    my_serv_accept =>
        sub { File::FDpasser::my_serv_accept(fileno $_[0], $_[1]) },
);
for my $name (sort keys %accept) {
    my $accept = $accept{$name};
    is uid_seen(sub { }, $accept), 0, "$name: a client that is root";
    is uid_seen(becomes(65534), $accept), 65534, '... that is uid 65534';
    is uid_seen(becomes(12345), $accept), 12345, '... that is uid 12345';
    is uid_seen(sub { $> = 65534 }, $accept), 65534,
        '... whose effective uid is 65534';
    is uid_seen(becomes(2**32 - 2), $accept), 2**32 - 2, '... a very large one'
        if $^O eq 'linux';
}

# Not who it is when it is accepted, but who it was when it connected.
SKIP: {
    skip 'on streams who connects waits, and does nothing else', 1
        if File::FDpasser::transport() ne 'socket';
    my $listener  = endp_create($path);
    my $connected = gate();
    my $done      = gate();
    my $child     = in_child {
        $> = 65534;
        my $conn = endp_connect($path) or die "endp_connect: $!\n";
        $> = 0;
        $connected->open;
        $done->wait;
        return 1;
    };
    $connected->wait;
    my $conn = serv_accept_fh($listener, my $uid);
    $done->open;
    $child->result;
    is $uid, 65534, 'a client that changed its uid after connecting';
}

# A client that has gone before it is accepted
{
    my $listener = endp_create($path);
    (in_child {
        becomes(65534)->();
        return answers($path) || die "endp_connect: $!\n";
    })->result;
    my $conn = serv_accept_fh($listener, my $uid);
    ok $conn, 'a client that has gone is accepted';
    is $uid, 65534, '... with its uid';
    fails { recv_fh($conn) } undef, 'ENOTCONN', '... and is gone';
}

# File permissions keep clients out.
{
    my $listener = endp_create($path, mode => 0600);
    my $error    = (in_child {
        becomes(65534)->();
        my $conn = endp_connect($path);
        return $conn ? 'connected' : errno_name($!);
    })->result;
    is $error, 'EACCES', 'a client that may not write to the node';
    $error = (in_child {
        becomes(65534)->();
        my $conn = cli_conn($path);
        return $conn >= 0 ? 'connected' : errno_name($!);
    })->result;
    is $error, 'EACCES', '... as a number';
}

# What it is all for: a file that the client may not open.
{
    my $secret = "$dir/secret";
    open my $fh, '>', $secret or die "$secret: $!";
    print {$fh} "for your eyes only\n";
    close $fh;
    chmod 0600, $secret;
    my $listener = endp_create($path);
    my $child    = in_child {
        becomes(65534)->();
        open my $mine, '<', $secret and die "$secret can be opened\n";
        my $conn = endp_connect($path) or die "endp_connect: $!\n";
        my $got  = recv_fh($conn)      or die "recv_fh: $!\n";
        return scalar <$got>;
    };
    my $conn = serv_accept_fh($listener, my $uid);
    open $fh, '<', $secret or die "$secret: $!";
    send_file($conn, $fh) if $uid == 65534;
    is $child->result, "for your eyes only\n",
        'the client reads what it may not open';
}

no_leak();
done_testing;
