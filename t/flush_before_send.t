use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Situation;

use Fcntl qw(:seek);
use IO::File;
use IO::Handle;
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);

use PerlIO::via;
use File::FDpasser qw(:all);

# Bytes that are still in a buffer when a descriptor is sent. (binmode is for
# those who run this with PERL_UNICODE set: sysread refuses :utf8 handles.)

{
    package Fails;
    our $flush = -1;
    sub PUSHED { return bless [], shift }
    sub WRITE  { return length $_[1] }
    sub FLUSH  { $! = 0; return $flush }
}
{ package GlobByOverloading; use overload '*{}' => sub { $_[0]->() } }

my $dir  = workdir();
my $path = "$dir/file";

# Pending output of the handle

# Perl has :stdio unless it was built without.
my @layers = ('', (eval { open my $fh, '<:stdio', $0 } ? ':stdio' : ()));

for my $mode (map { my $layer = $_; map { "$_$layer" } '>', '>>', '+<', '+>', '+>>' } @layers) {
    write_file($path, '');
    my ($here, $there) = spipe();
    open my $fh, $mode, $path or die "$path: $!";
    print {$fh} 'sender ';
    is content($path), '', "a handle opened with $mode has output pending";
    is send_file($here, $fh), 1, '... is sent';
    is content($path), 'sender ', '... with its output written first';
    my $got = recv_fh($there);
    print {$got} 'receiver ';
    close $got;
    close $fh;
    is content($path), 'sender receiver ', '... so both come in order, once';
}
{
    my ($here, $there) = spipe();
    pipe my $reader, my $writer or die "pipe: $!";
    binmode $_ for $reader, $writer;
    print {$writer} 'one ';
    send_file($here, $writer);
    my $got = recv_fh($there);
    syswrite $got, 'two ';
    print {$writer} 'three';
    close $_ for $writer, $got;
    is join('', <$reader>), 'one two three', 'a pipe';
}
{
    my ($here, $there) = spipe();
    my ($end, $peer) = spipe();
    $peer->blocking(0);
    print {$end} 'pending';
    send_file($here, $end);
    sysread $peer, my $read, 100;
    is $read, 'pending',
        'a socket handle, whose output has a buffer of its own';
}
{
    my ($here, $there) = spipe();
    write_file($path, '');
    my %form = (
        'an IO object'     => sub { *OUT{IO} },
        'a glob'           => sub { *OUT },
        'a glob reference' => sub { \*OUT },
    );
    for my $what (sort keys %form) {
        open OUT, '>', $path or die "$path: $!";
        print OUT 'pending';
        send_file($here, $form{$what}->());
        is content($path), 'pending', "$what is flushed";
        close OUT;
    }
    my $file = IO::File->new($path, '>');
    $file->print('again');
    send_file($here, $file);
    is content($path), 'again', 'an IO::File is flushed';
    close $file;
    open my $inner, '>', $path or die "$path: $!";
    print {$inner} 'inside';
    send_file($here, bless sub { $inner }, 'GlobByOverloading');
    is content($path), 'inside', 'an object that is a glob by overloading';
    close $inner;
    open my $wide, '>:utf8', $path or die "$path: $!";
    print {$wide} "\x{263a}";
    send_file($here, $wide);
    is content($path), "\xe2\x98\xba", 'through its layers';
}

# Pending output of the connection

sub sockets {
    socketpair my $one, my $two, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die $!;
    binmode $_ for $one, $two;
    return ($one, $two);
}

for my $end (
    [ 'an endpoint' => sub { spipe() } ],
    [ 'a lexical socket' => \&sockets ],
    map {
        my $mode = $_;
        [ "a socket opened with $mode" => sub {
            my ($one, $two) = sockets();
            open my $copy, $mode, $one or die "$mode: $!";
            return ($copy, $two);
        } ]
    } map { my $layer = $_; map { "$_$layer" } '>&', '+<&', '+>&' } @layers) {
    my ($what, $make) = @$end;
    my ($here, $there) = $make->();
    print {$here} 'a header';
    is send_file($here, \*STDIN), 1, "$what with output pending";
    sysread $there, my $read, 8;
    is $read, 'a header', '... which comes first';
    is identity(recv_fh($there)), identity(\*STDIN), '... then the descriptor';
    print {$here} 'a footer';
    $here->flush;
    sysread $there, $read, 100;
    is $read, 'a footer', '... then what is printed later';
}
{
    my ($here, $there) = spipe();
    write_file($path, '');
    open my $fh, '>', $path or die "$path: $!";
    print {$here} 'conn';
    print {$fh} 'file';
    send_file($here, $fh);
    sysread $there, my $read, 4;
    is "$read " . content($path), 'conn file', 'both have output pending';
}

# What has been read ahead stays, and moves nothing.

for my $mode (map { ("<$_", "+<$_") } @layers) {
    write_file($path, "one\ntwo\nthree\n");
    my ($here, $there) = spipe();
    open my $fh, $mode, $path or die "$path: $!";
    is scalar <$fh>, "one\n", "a handle opened with $mode has read ahead";
    my $kernel = sysseek $fh, 0, SEEK_CUR;
    is $kernel, 14, '... all of the file';
    is send_file($here, $fh), 1, '... is sent';
    is sysseek($fh, 0, SEEK_CUR), 14, '... unmoved';
    is tell($fh), 4, '... where it was';
    my $got = recv_fh($there);
    ok !defined(scalar <$got>), '... the receiver starts where the kernel is';
    is scalar <$fh>, "two\n", '... the sender reads on';
}
{
    write_file($path, "one\ntwo\n");
    my ($here, $there) = spipe();
    open my $fh, '<', $path or die "$path: $!";
    <$fh>;
    sysseek $fh, tell($fh), SEEK_SET;
    send_file($here, $fh);
    my $got = recv_fh($there);
    is scalar <$got>, "two\n", 'sysseek first, and the receiver reads on';
}
{
    my ($here, $there) = spipe();
    pipe my $reader, my $writer or die "pipe: $!";
    binmode $_ for $reader, $writer;
    syswrite $writer, "one\ntwo\n";
    my $first = <$reader>;
    is send_file($here, $reader), 1, 'a pipe that was read ahead is sent';
    is scalar <$reader>, "two\n", '... what was read stays with the sender';
}
{
    my ($here, $there) = spipe();
    my ($end, $peer) = spipe();
    syswrite $peer, "one\ntwo\n";
    my $first = <$end>;
    no warnings 'File::FDpasser';    # of the input
    print {$end} 'answer';
    is send_file($here, $end), 1, 'a socket with both, read ahead and pending';
    sysread $peer, my $read, 100;
    is $read, 'answer', '... the output is written';
    is scalar <$end>, "two\n", '... the input stays';
}

# A flush that fails is the call's failure.

SKIP: {
    skip 'no /dev/full here', 4 if !-c '/dev/full';
    my ($here, $there) = spipe();
    $there->blocking(0);
    open my $full, '>', '/dev/full' or die "/dev/full: $!";
    print {$full} 'pending';
    fails { send_file($here, $full) } undef, 'ENOSPC',
        'a handle on a full device';
    fails { recv_fh($there) } undef, 'EAGAIN', '... is not sent';
    { no warnings 'io'; close $full }

    open my $conn, '>', '/dev/full' or die "/dev/full: $!";
    print {$conn} 'pending';
    fails { send_file($conn, \*STDIN) } undef, 'ENOSPC',
        'a connection whose pending output can not be written';
    { no warnings 'io'; close $conn }
    is send_file($here, \*STDIN), 1, 'the connection works on';
}
{
    local $SIG{PIPE} = 'IGNORE';
    my ($here, $there) = spipe();
    close $there;
    print {$here} 'pending';
    fails { send_file($here, \*STDIN) } undef, 'EPIPE',
        'output for a vanished peer';
    no warnings 'io';
    close $here;
}
{
    local $SIG{PIPE} = 'IGNORE';
    my ($here, $there) = spipe();
    my ($other, $peer) = spipe();
    $there->blocking(0);
    close $peer;
    print {$other} 'pending';
    fails { send_file($here, $other) } undef, 'EPIPE', '... of the handle';
    fails { recv_fh($there) } undef, 'EAGAIN', '... which is not sent';
    no warnings 'io';
    close $other;
}

# Where :stdio is what perl uses by itself.
SKIP: {
    skip 'no :stdio here', 1 if @layers == 1;
    local $ENV{PERLIO} = 'stdio';
    is run_perl('-e', <<'END', $path), "pending|kernel 15 15|two\n", 'with PERLIO=stdio';
        use File::FDpasser;
        my ($here, $there) = spipe();
        open my $fh, '+>', $ARGV[0] or die $!;
        print {$fh} 'pending';
        send_file($here, $fh) or die $!;
        open my $look, '<:unix', $ARGV[0] or die $!;
        sysread $look, my $written, 100;
        print "$written|";
        print {$fh} "\none\ntwo";
        seek $fh, 4, 0;
        my $line = <$fh>;
        print 'kernel ', sysseek($fh, 0, 1) + 0, ' ';
        send_file($here, $fh) or die $!;
        print sysseek($fh, 0, 1) + 0, '|';
        <$fh>;
        print <$fh>, "\n";
END
}

# $! is restored after a flush that went well.
{
    my ($here, $there) = spipe();
    open my $fh, '>', $path or die "$path: $!";
    print {$fh} 'pending';
    $! = 7;
    send_file($here, $fh);
    is $! + 0, 7, 'a flush leaves $! as it was';
}

# A layer of the program's own that fails and does not say why.
{
    my ($here, $there) = spipe();
    $there->blocking(0);
    open my $fh, '>:via(Fails)', $path or die "$path: $!";
    print {$fh} 'pending';
    fails { send_file($here, $fh) } undef, 'EIO', 'a flush that fails without an errno';
    fails { recv_fh($there) } undef, 'EAGAIN', '... and nothing is sent';
    $Fails::flush = 0;
}

# What the code of a later argument prints.
{
    my ($here, $there) = spipe();
    my $object = bless sub { print {$here} 'late'; \*STDIN }, 'GlobByOverloading';
    is send_file($here, $object), 1, 'an argument that prints to the connection';
    sysread $there, my $bytes, 4;
    is $bytes, 'late', '... that goes first';
    is identity(recv_fh($there)), identity(\*STDIN), '... then what it is';
}

# Each of several.
for my $send (sub { send_files(@_) }, sub { my $conn = shift; write_fd($conn, 'x', @_) }) {
    my ($here, $there) = spipe();
    my @fh = map { open my $fh, '>', "$dir/$_" or die "$dir/$_: $!"; print {$fh} 'pending'; $fh } 1 .. 3;
    $send->($here, @fh);
    is join(' ', map { content("$dir/$_") } 1 .. 3), 'pending pending pending', 'each of three is flushed';
}

# What has no buffer needs no room.
{
    my ($here, $there) = spipe();
    pipe my $reader, my $writer or die "pipe: $!";
    $writer->blocking(0);
    1 while syswrite $writer, 'x' x 4096;
    open my $unbuffered, '>&:unix', $writer or die "open: $!";
    # Perl code that runs has buffers looked at.
    my $object = bless sub {$here}, 'GlobByOverloading';
    is send_file($object, $unbuffered), 1, 'a full pipe without a buffer is sent';
    is identity(recv_fh($there)), identity($writer), '... as it is';
}

no_leak();
done_testing;
