package Interop;

# Programs in other languages, from t/lib/interop, at the other end of a
# connection, and what each of them has to be able to do with us.
#
#     use Interop;
#
#     needs('Ruby', 'ruby', '-rsocket', '-e', '0');    # else it is skipped
#     my $program = compiled('messages.c');
#     messages('C', [$program]);           # bytes and descriptors
#     handles('Ruby', [ 'ruby', program('send_io.rb') ], "\0");
#
#     my $peer = Interop->start([@command], SOCK_STREAM);
#     $peer->conn;                         # our end
#     $peer->line;                         # the next of its STDOUT
#     is $peer->end, 0, 'it went well';    # closes our end; the wait status
#
# Such a program has the connection as its STDIN. It is called as
#
#     PROGRAM send FILE PATH...            # FILE's bytes, with all of PATH...
#     PROGRAM receive LENGTH FILE          # so many bytes, into FILE
#
# where it speaks of messages, and where it speaks of one handle at a time as
#
#     PROGRAM send PATH...
#     PROGRAM receive COUNT
#
# and prints a line, the content, of each file that it has received.

use strict;
use warnings;

use Config;
use Exporter 'import';
use File::FDpasser qw(:all);
use File::Spec ();
use POSIX      ();
use Socket;

use Message;
use Peer;
use Situation;
use Test::More ();

our @EXPORT = qw(needs compiled program messages handles);

# Interpreters start slowly, and there are many starts.
INIT { watchdog(240) }

my $dir = workdir();
my %run = map { $_ => "$dir/$_" } qw(bytes received);

# ---- programs

sub program { return File::Spec->rel2abs("t/lib/interop/$_[0]") }

# needs($what, @command): skips the whole test where the command fails.
sub needs {
    my ($what, @command) = @_;
    Test::More::plan(skip_all => "there is no $what here") if !runs(@command);
}

sub runs {
    my @command = @_;
    my $child = in_child {
        open STDOUT, '>',  '/dev/null' or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT   or POSIX::_exit(126);
        no warnings 'exec';
        exec { $command[0] } @command or POSIX::_exit(127);
    };
    return $child->status == 0;
}

# The program, compiled by the compiler that perl was compiled by.
sub compiled {
    my ($source) = @_;
    my $program = "$dir/$source.out";
    my @cc      = split ' ', $Config{cc};
    needs("C compiler ($Config{cc})", @cc, '--version');
    system(@cc, '-o', $program, program($source)) == 0 or die "$source: $?";
    return $program;
}

# A process with a connection as its STDIN.
sub start {
    my ($class, $command, $type) = @_;
    my ($us, $peer) = pair(defined $type ? $type : SOCK_STREAM);
    setsockopt $_, SOL_SOCKET, SO_SNDBUF, 400_000 or die "SO_SNDBUF: $!"
        for $us, $peer;
    pipe my $out, my $writer or die "pipe: $!";
    my $child = in_child {
        open STDIN,  '<&', $peer   or die "STDIN: $!";
        open STDOUT, '>&', $writer or die "STDOUT: $!";
        alarm 50;
        exec { $command->[0] } @$command or POSIX::_exit(127);
    };
    return bless { child => $child, conn => $us, out => $out }, $class;
}

sub conn { return $_[0]{conn} }

sub line {
    my ($self) = @_;
    my $line = readline $self->{out};
    chomp $line if defined $line;
    return $line;
}

sub lines { my ($self) = @_; chomp(my @lines = readline $self->{out}); return @lines }

sub end {
    my ($self) = @_;
    delete $self->{conn};
    return (delete $self->{child})->status;
}

# ---- files to send

my @tags;

# So many files that say which they are, as paths and open.
sub files {
    my ($count) = @_;
    while (@tags < $count) {
        my $number = @tags + 1;
        push @tags, "$dir/$number";
        open my $fh, '>', $tags[-1] or die "$tags[-1]: $!";
        print {$fh} "file $number";
        close $fh or die "$tags[-1]: $!";
    }
    return @tags[ 0 .. $count - 1 ];
}

sub opened {
    return map { open my $fh, '<', $_ or die "$_: $!"; $fh } files(@_);
}

sub named { my ($count) = @_; return [ map {"file $_"} 1 .. $count ] }

sub content {
    my ($path) = @_;
    open my $fh, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar readline $fh;
}

# ---- bytes and descriptors in one message: write_fd and read_fd

sub messages {
    my ($name, $command) = @_;
    my @ways = (
        [ 'blocking',     SOCK_STREAM,    1 ],
        [ 'non-blocking', SOCK_STREAM,    0 ],
        [ 'in packets',   SOCK_SEQPACKET, 1 ],
    );
    for (@ways) {
        my ($how, $type, $blocking) = @$_;
        for my $length (1, 4096, 200_000) {
            for my $count (0, 1, 2, 253) {
                my $title = "$length bytes, $count descriptors, $how";
                my @message = ($type, $blocking, $length, $count);
                to_it("to $name: $title", $command, @message);
                from_it("from $name: $title", $command, @message);
            }
        }
    }
}

sub to_it {
    my ($title, $command, $type, $blocking, $length, $count) = @_;
    my $peer = Interop->start([ @$command, 'receive', $length, $run{received} ], $type);
    $peer->conn->blocking($blocking);
    write_all($peer->conn, pattern($length), opened($count));
    Test::More::is_deeply([ $peer->lines ], named($count), $title);
    my $status = $peer->end;
    Test::More::ok($status == 0 && content($run{received}) eq pattern($length),
        "$title: its bytes");
}

sub from_it {
    my ($title, $command, $type, $blocking, $length, $count) = @_;
    open my $bytes, '>:raw', $run{bytes} or die "$run{bytes}: $!";
    print {$bytes} pattern($length);
    close $bytes or die "$run{bytes}: $!";
    my $peer = Interop->start([ @$command, 'send', $run{bytes}, files($count) ], $type);
    $peer->conn->blocking($blocking);
    my ($got, @fh) = read_all($peer->conn, $length, 253);
    Test::More::is_deeply([ map { tag_of($_) } @fh ], named($count), $title);
    Test::More::is_deeply([ read_all($peer->conn, 1, 0) ], [''], "$title: the end");
    my $status = $peer->end;
    Test::More::ok($status == 0 && $got eq pattern($length), "$title: its bytes");
}

# ---- one handle after the other

# handles($name, $command, $byte): the byte that it wants to see with each.
my %receive = (
    recv_fh  => sub { recv_fh($_[0]) },
    recv_fd  => sub { recv_fd($_[0]) },
    recv_fhs => sub { recv_fhs($_[0]) },
    recv_fds => sub { recv_fds($_[0]) },
    read_fd  => sub { (read_fd($_[0], 1, 1))[1] },
);

sub handles {
    my ($name, $command, $byte) = @_;
    my $count = 5;
    my @files = opened($count);

    if ($byte eq "\0") {
        my $peer = Interop->start([ @$command, 'receive', 1 ]);
        send_file($peer->conn, $files[0]);
        Test::More::is_deeply([ $peer->lines ], named(1),
            "to $name: one send_file");
        $peer->end;
    }

    for my $blocking (1, 0) {
        my $title = $blocking ? 'blocking' : 'non-blocking';
        my $peer = Interop->start([ @$command, 'receive', $count ]);
        $peer->conn->blocking($blocking);
        write_all($peer->conn, $byte, $_) for @files;
        Test::More::is_deeply([ $peer->lines ], named($count),
            "to $name: write_fd, $title");
        Test::More::is($peer->end, 0, "to $name: and it succeeds");

        for my $how (sort keys %receive) {
            $peer = Interop->start([ @$command, 'send', files($count) ]);
            $peer->conn->blocking($blocking);
            my @tags;
            while (@tags < $count) {
                can_read($peer->conn) if !$blocking;
                my $got = $receive{$how}->($peer->conn);
                defined $got or last;
                push @tags, tag_of($got);
                POSIX::close($got) if !ref $got;
            }
            Test::More::is_deeply(\@tags, named($count), "from $name: $how, $title");
            can_read($peer->conn);
            fails { recv_fh($peer->conn) } undef, 'ENOTCONN',
                "from $name: $how, $title: and no byte more";
            Test::More::is($peer->end, 0, "from $name: and it succeeds");
        }
    }
}

1;
