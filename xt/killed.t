use strict;
use warnings;

# SIGKILL at any point: strace kills a sender, a reader, a server that takes a
# name over and a client at one system call after the other.
#
# Run from the top of the distribution, after make: prove -bv xt/killed.t

use lib 't/lib';
use Test::More;
use Files;
use Situation;
use Peer;
use Script;

use File::FDpasser qw(:all);
use POSIX ();
use Fcntl qw(F_SETFD);
use Socket;

plan skip_all => 'there is no strace'
    if system('strace -o /dev/null true >/dev/null 2>&1') != 0;
watchdog(1200);

# Runs the program, with arguments, in a child that gets SIGKILL when it makes
# that system call for the $number-th time; its wait status, later.
sub killed_at {
    my ($call, $number, $program, @arguments) = @_;
    my $pid = fork;
    die "fork: $!" if !defined $pid;
    return sub { waitpid $pid, 0; return $? & 127 } if $pid;
    no warnings 'exec';
    exec 'strace', '-qq', '-o', '/dev/null', '-f',
        '-e', "trace=$call", '-e', "inject=$call:signal=SIGKILL:when=$number",
        $^X, (map {"-I$_"} @INC), $program, @arguments
        or POSIX::_exit(127);
}

# More often no program makes a call; perl looks for modules in each of @INC.
my $MOST = 5000;

# Passes numbers of the calls to $code until it says that nothing was killed.
sub at_each {
    my ($call, $code) = @_;
    my $number = 1;
    $number++ while $number < $MOST && $code->($number);
    ok $number > 1 && $number < $MOST, "$call: " . ($number - 1) . ' times';
}

my $dir = workdir();
my @tags = map { "file $_" } 1 .. 9;
my %file = map { $_ => tagged($_) } @tags;
my $text = '';
$File::FDpasser::on_text = sub { $text .= $_[0] };

# A program and the sockets it inherits.
sub program {
    my ($name, $source) = @_;
    write_file("$dir/$name", "use strict;\nuse warnings;\n$source");
    return "$dir/$name";
}

sub inherited {
    my @sockets = @_;
    fcntl $_, F_SETFD, 0 or die "F_SETFD: $!" for @sockets;
    return map { fileno $_ } @sockets;
}

# What a reader gets until the end: tags and errnos.
sub read_to_the_end {
    my ($socket) = @_;
    my @seen;
    while (@seen < 1000) {
        my ($got) = recv_fh($socket);
        push @seen, $got ? tag_of($got) : errno_name($!);
        last if !$got && $seen[-1] eq 'ENOTCONN';
    }
    return @seen;
}

# A sender: what came is what it sent up to some point, and half a message at
# most behind that.
{
    my $sender = program('sender.pl', <<'END');
use File::FDpasser qw(:all);
my ($us, @files) = @ARGV;
open my $out, '>&=', $us or die $!;
for my $file (@files) {
    send_file($us, $file);
    send_err($us, 13, 'sorry');
    syswrite $out, "\0";
    syswrite $out, "\5";
    write_fd($us, "text\0\0", $file);
}
END
    my @expected = map { ($_, 'EACCES', 'EIO', $_) } @tags[ 0 .. 2 ];
    for my $call (qw(sendmsg write close exit_group)) {
        at_each($call, sub {
            my ($us, $peer) = pair();
            my $status = killed_at($call, $_[0], $sender,
                inherited($peer, @file{ @tags[ 0 .. 2 ] }));
            close $peer;
            my @seen   = read_to_the_end($us);
            my $killed = $status->();
            pop @seen;
            pop @seen if @seen && $seen[-1] eq 'EPROTO';
            my @should = @expected[ 0 .. $#seen ];
            is_deeply \@seen, \@should, "$call $_[0]: " . @seen . ' messages'
                if "@seen" ne "@should";
            return $killed;
        });
    }
    like $text, qr/\A(?:sorry|text)+\z/, 'texts';
}
no_leak_but_files('senders');

# A reader, of two: it takes with it what it had in hand, no more.
{
    my $reader = program('reader.pl', <<'END');
use File::FDpasser qw(:all);
my ($us, $out) = @ARGV;
open my $report, '>&=', $out or die $!;
while (my $got = recv_fh($us)) {
    sysread $got, my $tag, 100;
    syswrite $report, "$tag\n";
}
END
    for my $call (qw(recvmsg fcntl ioctl close read write)) {
        at_each($call, sub {
            my ($us, $peer) = pair();
            for my $tag (@tags) {
                sysseek $file{$tag}, 0, 0;
                send_file($peer, $file{$tag}) or die "send_file: $!";
            }
            close $peer;
            pipe my $reports, my $report or die "pipe: $!";
            my $status = killed_at($call, $_[0], $reader, inherited($us, $report));
            close $report;
            my @reported = readline $reports;
            chomp @reported;
            my $killed = $status->();
            my @rest   = read_to_the_end($us);
            my $end    = pop @rest;
            my $lost   = @tags - @reported - @rest;
            my @in_hand = @tags[ @reported .. $#reported + $lost ];
            my $right = $lost >= 0 && $lost <= 1 && $end eq 'ENOTCONN'
                && "@tags" eq join ' ', @reported, @in_hand, @rest;
            ok $right, "$call $_[0]: @reported, then @rest, then $end"
                if !$right;
            return $killed;
        });
    }
}
no_leak_but_files('readers');

# A server that takes a name over: whatever the moment, somebody has the name,
# and the next server can have it.
{
    my $path   = "$dir/endpoint";
    my $server = program('server.pl', <<'END');
use File::FDpasser qw(:all);
endp_create($ARGV[0]) or die "endp_create: $!";
END
    for my $call (qw(socket setsockopt bind listen renameat2 unlinkat newfstatat openat)) {
        my ($missing, $left) = (0, 0);
        at_each($call, sub {
            my $old = endp_create($path) or die "endp_create: $!";
            my $killed = killed_at($call, $_[0], $server, $path)->();
            $missing++ if !-S $path;
            my $beside = () = names($dir) =~ /(?:\A| )\.fdp-\S+/g;
            $left = $beside if $beside > $left;
            unlink glob "$dir/.fdp-*";
            return $killed;
        });
        is $missing, 0, "$call: the name is there whenever a new server is killed";
        cmp_ok $left, '<=', 1, "$call: beside it at most what the manual says";
        my $next = endp_create($path);
        ok endp_connect($path), "$call: the next server has it";
    }
}

# A client: whatever the moment, the server meets the end of its connection, or
# what it had sent, and serves the next.
{
    my $path   = "$dir/service";
    my $client = program('client.pl', <<'END');
use File::FDpasser qw(:all);
my $conn = endp_connect($ARGV[0]) or die "endp_connect: $!";
send_file($conn, 0) or die "send_file: $!";
END
    my $listener = endp_create($path) or die "endp_create: $!";
    $listener->blocking(0);
    for my $call (qw(socket connect sendmsg exit_group)) {
        my %seen;
        at_each($call, sub {
            my $killed = killed_at($call, $_[0], $client, $path)->();
            while (my $conn = serv_accept_fh($listener)) {
                $seen{ recv_fh($conn) ? 'file' : errno_name($!) }++;
            }
            $seen{ errno_name($!) }++;
            return $killed;
        });
        is join(' ', grep { !/\A(?:file|ENOTCONN|EAGAIN)\z/ } sort keys %seen), '',
            "$call: the server sees the end, or what was sent";
        ok $seen{file}, "$call: and serves the client that nobody kills";
    }
}

sub no_leak_but_files {
    my ($name) = @_;
    is scalar(leaked()), scalar(@tags), "$name: no descriptor is left over";
}
undef %file;
no_leak();
done_testing;
