use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Situation;

use Fcntl qw(F_GETFL O_NONBLOCK O_NOCTTY O_RDWR);
use IO::Handle;
use IO::Socket::INET;
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);

use File::FDpasser;

# The handle that recv_fh makes is what Perl's own open would have made:
# buffers, layers, methods.

my $dir = workdir();
my ($here, $there) = spipe();

sub passed {
    my ($fh) = @_;
    send_file($here, $fh) or die "send_file: $!";
    my $got = recv_fh($there) or die "recv_fh: $!";
    return $got;
}

# A socket is read and written through separate buffers: what has been read
# ahead survives a write.
sub keeps_read_ahead {
    my ($socket, $peer, $name) = @_;
    $peer->autoflush(1);
    my $got = passed($socket);
    print {$peer} "first\nsecond\nthird\n";
    is scalar <$got>, "first\n", "$name: a line is read, two read ahead";
    print {$got} "answer\n";
    $got->flush;
    is scalar <$peer>, "answer\n", '... a line is written';
    is scalar <$got>, "second\n", '... what was read ahead is still there';
    print {$got} "again\n";
    is scalar <$got>, "third\n", '... with output pending, too';
    close $got;
    is scalar <$peer>, "again\n", '... which close sends on its way';
}

{
    socketpair my $end, my $peer, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die $!;
    keeps_read_ahead($end, $peer, 'a socketpair');
}
{
    my ($end, $peer) = spipe();
    keeps_read_ahead($end, $peer, 'an endpoint');
}
SKIP: {
    my $server = IO::Socket::INET->new(
        Listen    => 1,
        LocalAddr => '127.0.0.1',
        Proto     => 'tcp',
    ) or skip "no TCP here: $@", 5;
    my $end = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1',
        PeerPort => $server->sockport,
        Proto    => 'tcp',
    ) or skip "TCP leads nowhere here: $@", 5;
    keeps_read_ahead($end, $server->accept, 'a TCP connection');
}
SKIP: {
    # The controlling side of a terminal echoes, line by line, what it is sent.
    sysopen my $terminal, '/dev/ptmx', O_RDWR | O_NOCTTY
        or skip "no terminal: $!", 4;
    skip '/dev/ptmx is no terminal here', 4 if !-t $terminal;
    binmode $terminal;    # whatever PERL_UNICODE says
    syswrite $terminal, "first\nsecond\n";
    my $got = passed($terminal);
    is scalar <$got>, "first\r\n", 'a terminal: a line is read';
    print {$got} "third\n";
    $got->flush;
    is scalar <$got>, "second\r\n", '... read-ahead survives a write';
    is scalar <$got>, "third\r\n",  '... the written line comes back';
    ok -t $got, '... it is a terminal';
}

# Layers: the default ones, whatever the receiver's program has switched on.
sub layers {
    my ($fh) = @_;
    return join ' ', PerlIO::get_layers($fh), 'and',
        PerlIO::get_layers($fh, output => 1);
}

my $path = "$dir/wide";
my $wide = "\xe2\x98\xba\r\n";
open my $out, '+>', $path or die "$path: $!";
binmode $out;
syswrite $out, $wide;
close $out;

for my $mode ('<', '+<', '>>', '+>>') {
    open my $fh, $mode, $path or die "$path: $!";
    binmode $fh;    # of what PERL_UNICODE may have put there
    my $plain = layers($fh);
    is layers(passed($fh)), $plain, "$mode: the default layers";
    binmode $fh, ':utf8';
    is layers(passed($fh)), $plain, "... the sender's layers are its own";
}
{
    socketpair my $end, my $other, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die $!;
    binmode $end;
    is layers(passed($here)), layers($end), 'a socket: the default layers';
}
{
    open my $fh, '<:raw', $path or die "$path: $!";
    my $plain = layers($fh);
    use open ':utf8';
    my $got = passed($fh);
    is layers($got), $plain, 'under "use open": the default layers';
    seek $got, 0, 0;
    is length(scalar <$got>), 5, '... bytes are bytes';
    ok binmode($got, ':utf8'), '... until the program says otherwise';
    seek $got, 0, 0;
    is length(scalar <$got>), 3, '... then characters are characters';
}
my @switches
    = ('-CSD', '-CSDA', '-Mopen=:utf8', '-Mopen=:std,:encoding(UTF-8)');
for my $switch (@switches) {
    my @command = ($switch, '-MFile::FDpasser', '-e', <<'SCRIPT', $path);
        ($here, $there) = spipe();
        for $mode ('<', '+<') {
            open my $fh, $mode, $ARGV[0] or die "$ARGV[0]: $!";
            send_file($here, $fh);
            $got = recv_fh($there);
            seek $got, 0, 0;
            push @length, length <$got>;
        }
        print "@length";
SCRIPT
    is run_perl(@command), '5 5', "$switch: bytes are bytes";
}

# What cannot seek has two buffers, also for appending: what is written does not lose
# what was read ahead.
{
    POSIX::mkfifo("$dir/fifo", 0600) or die "mkfifo: $!";
    sysopen my $fifo, "$dir/fifo", Fcntl::O_RDWR() | Fcntl::O_APPEND() or die "fifo: $!";
    my $got = passed($fifo);
    syswrite $fifo, "one\ntwo\n";
    my @lines = scalar <$got>;
    print {$got} "three\n";
    $got->flush;
    $fifo->blocking(0);
    push @lines, scalar <$got>;
    sysread $fifo, my $rest, 100;
    push @lines, $rest;
    is join('', @lines), "one\ntwo\nthree\n", 'a fifo for appending, read and written';
}

# Methods and operators
{
    pipe my $reader, my $writer or die "pipe: $!";
    my ($in, $out) = map { passed($_) } $reader, $writer;
    close $_ for $reader, $writer;
    isa_ok $in, 'IO::Handle';
    ok $in->opened, 'it is opened';
    cmp_ok $in->fileno, '>', 2, 'it has a number';
    is fileno $in, $in->fileno, '... for the operator, too';
    $out->autoflush(1);
    ok $out->print("one\n"), 'it prints';
    ok $out->printf("%s\n", 'two'), '... and printf';
    is syswrite($out, "three\n"), 6, '... and syswrite';
    is $in->getline, "one\n", 'it reads lines';
    is join('', map { scalar <$in> } 1 .. 2), "two\nthree\n",
        '... by the operator';
    syswrite $out, 'four';
    is sysread($in, my $rest, 100), 4, '... and bytes';
    $in->blocking(0);
    ok fcntl($in, F_GETFL, 0) & O_NONBLOCK, 'it can be made non-blocking';
    ok -p $in, 'file tests work';
    ok open(my $dup, '<&', $in), 'it can be duplicated';
    ok $in->close, 'it closes';
    ok !$in->opened, '... and is closed';
    ok !defined fileno $in, '... without a number';
}
{
    open my $fh, '<', $path or die "$path: $!";
    my $got = passed($fh);
    like "$got", qr/\AIO::Handle=GLOB\(0x[0-9a-f]+\)\z/,
        'it stringifies as ever';
    ok open(STDIN_COPY, '<&=' . fileno $got), 'open takes its number';
    close STDIN_COPY;
    my @many = map { passed($fh) } 1 .. 20;
    my %object = map { ( $_         => 1 ) } @many;
    my %number = map { ( fileno($_) => 1 ) } @many;
    is keys %object, 20, 'each is an object of its own';
    is keys %number, 20, '... with its own number';
}

# Names of received handles are left in no symbol table.
sub symbols {
    no strict 'refs';
    my @found;
    for my $package (qw(main:: File::FDpasser:: IO::Handle:: Symbol::)) {
        push @found, map {"$package$_"} keys %{$package};
    }
    return @found;
}
{
    my %before = map { ( $_ => 1 ) } symbols();
    { my @many = map { passed($here) } 1 .. 3 }
    my @new = grep { !$before{$_} } symbols();
    is "@new", '', 'nothing is left behind in a symbol table';
}

close $_ for $here, $there;
no_leak();
done_testing;
