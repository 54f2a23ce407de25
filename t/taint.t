#!perl -T
use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Situation;

use POSIX        ();
use Scalar::Util qw(tainted);

use File::FDpasser qw(:all);
use File::FDpasser::Channel;

# Taint mode: a tainted path is refused before anything is touched; numbers
# may be tainted, as they come from the command line of an exec'd helper.

plan skip_all => 'this perl has no taint mode' if !${^TAINT};

my $taint = substr $ENV{PATH} || $^X, 0, 0;
plan skip_all => 'nothing is tainted here' if !tainted($taint);

my $dir  = workdir();
my $path = "$dir/server";
ok !tainted($path), 'the directory is clean';

sub dies_of_taint {
    my ($code, $name) = @_;
    $! = 7;
    my @got = eval { $code->(); 'lived' };
    is "@got", '', "$name dies";
    like $@, qr/\AInsecure dependency in .* while running with -T switch/,
        '... as everything in Perl does';
    my $file = __FILE__;
    like $@, qr/at \Q$file\E line [0-9]+/, '... naming the caller';
}

# What is allowed: undef, and a complaint, where it dies all the same.
sub allowed (&) {
    my ($code) = @_;
    my $got = eval { $code->() };
    diag $@ if $@;
    return $got;
}

{
    my $tainted = $path . $taint;
    ok tainted($tainted), 'a tainted path';
    dies_of_taint(sub { endp_create($tainted) }, 'endp_create, free name,');
    is names($dir), '', '... and nothing was made';
    dies_of_taint(sub { endp_create($tainted, mode => 0600, exclusive => 1) },
        'endp_create with options');
    is names($dir), '', '... and nothing was made';

    my $listener = endp_create($path);
    ok $listener, 'a clean path';
    my @node = (stat $path)[ 0, 1 ];
    dies_of_taint(sub { endp_create($tainted) }, 'endp_create, name in use,');
    is_deeply [ (stat $path)[ 0, 1 ] ], \@node, '... and nothing was replaced';
    dies_of_taint(sub { endp_connect($tainted) }, 'endp_connect');
    dies_of_taint(sub { endp_connect($tainted, timeout => 1) },
        'endp_connect with a timeout');
    dies_of_taint(sub { cli_conn($tainted) }, 'cli_conn');
    $listener->blocking(0);
    fails { serv_accept_fh($listener) } undef, 'EAGAIN',
        '... and did not connect';

    dies_of_taint(sub { endp_connect("\0abstract$taint") }, 'an abstract name')
        if $^O eq 'linux';
    my $long = "$dir/" . 'l' x 200 . $taint;
    dies_of_taint(sub { endp_create($long) }, 'a long name');
    is names($dir), 'server', '... and nothing was made';

    my ($clean) = $tainted =~ /\A(.*)\z/s;
    ok allowed { endp_connect($clean) }, 'what a match has cleaned is clean';
    ok serv_accept_fh($listener), '... and connects';
    unlink $path;
}

# Numbers
{
    my ($here, $there) = spipe();
    my ($from, $to) = map { fileno($_) . $taint } $here, $there;
    my $file = 0 . $taint;
    ok tainted($_), 'a tainted number' for $from, $to, $file;
    is allowed { send_file($from, $file) }, 1, '... is a connection, and a handle';
    is identity(allowed { recv_fh($to) }), identity(\*STDIN), '... to receive from';
    allowed { send_file($from, $file) };
    my $number = allowed { recv_fd($to) };
    is identity($number), identity(\*STDIN), '... a number';
    is allowed { my_getfl($file) }, my_getfl(0), '... to ask for its flags';
    ok allowed { get_fopen_mode($file) }, '... and for its mode';
    is allowed { File::FDpasser::my_isastream($file) }, 0, '... and for its kind';
    is allowed { File::FDpasser::my_send_fd($from, $file) }, 0, '... to my_send_fd';
    my $second = allowed { File::FDpasser::my_recv_fd($to) };
    is identity($second), identity(\*STDIN), '... and my_recv_fd';
    POSIX::close($_) for grep {defined} $number, $second;

    my $listener = allowed {
        endp_create($path, mode => 0600 . $taint, backlog => 5 . $taint);
    };
    ok $listener, '... for options';
    my $client = allowed { endp_connect($path, timeout => 5 . $taint) };
    ok $client, '... of both';
    my $uid;
    my $conn = allowed { serv_accept_fd(fileno($listener || \*STDIN) . $taint, $uid) };
    is $uid, $>, '... for a listener';
    POSIX::close($conn) if defined $conn;
    unlink $path;
}

# What a peer says is tainted; what the module says itself is not.
{
    my ($here, $there) = spipe();
    write_fd($here, 'bytes');
    ok tainted(scalar read_fd($there, 10, 0)), 'the bytes of read_fd are tainted';
    my $text;
    local $File::FDpasser::on_text = sub { $text = $_[0] };
    send_err($here, 5, 'text');
    recv_fh($there);
    is $text, 'text', '... the text of an error reply';
    ok tainted($text), '... too';
    my ($writer, $reader) = map { File::FDpasser::Channel->new($_) } $here, $there;
    $writer->write("line\n");
    ok tainted($reader->read_line), '... a line of a channel';
    ok !tainted($_), '... but nothing of our own' for get_fopen_mode(0), File::FDpasser::transport();
}

# A script of 1999, with -T on its first line
is run_perl('-T', '-e', <<'SCRIPT', $dir), "ok\n", 'an old script under -T';
    use File::FDpasser;
    $ENV{PATH} = '/bin:/usr/bin';
    ($dir) = $ARGV[0] =~ /^(.*)$/;
    $LIN = endp_create("$dir/old") || die "endp_create: $!\n";
    if (!defined($pid = fork)) { die "fork: $!\n" }
    if (!$pid) {
        $conn = endp_connect("$dir/old") || die "endp_connect: $!\n";
        $fh = recv_fh($conn) || die "recv_fh: $!\n";
        print $fh "ok\n";
        exit 0;
    }
    $fh = serv_accept_fh($LIN, $uid) || die "serv_accept_fh: $!\n";
    send_file($fh, *STDOUT{IO}) || die "send_file: $!\n";
    waitpid($pid, 0);
    unlink "$dir/old";
SCRIPT

no_leak();
done_testing;
