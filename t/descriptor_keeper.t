use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Situation;

use IO::Handle;

use File::FDpasser;

# A server that keeps open files for its clients, with a small protocol of its
# own on the connection that the descriptors come over: a command of three
# letters, then an argument or a descriptor, then an answer.

my $dir  = workdir();
my $path = "$dir/keeper";

# The server: every client is served in one select loop, by bytes that sysread
# takes exactly, so that descriptors behind them stay where they are.
sub serve {
    my ($listener) = @_;
    my (%kept, %client);
    my $id = 0;
    while (1) {
        my $readable = '';
        vec($readable, $_, 1) = 1 for fileno $listener, keys %client;
        select $readable, undef, undef, undef;
        for my $number (keys %client) {
            next if !vec $readable, $number, 1;
            my $conn = $client{$number};
            if (!sysread $conn, my $command, 3) {
                delete $client{$number};
            }
            elsif ($command eq 'put') {
                my $fh = recv_fh($conn) or die "recv_fh: $!\n";
                $kept{ ++$id } = $fh;
                print {$conn} "$id\n";
            }
            elsif ($command eq 'get') {
                sysread $conn, my $which, 1;
                print {$conn} $kept{$which} ? '+' : '-';
                send_file($conn, $kept{$which}) or die "send_file: $!\n"
                    if $kept{$which};
            }
            elsif ($command eq 'cnt') {
                print {$conn} scalar(keys %kept), "\n";
            }
            elsif ($command eq 'end') {
                return scalar keys %kept;
            }
        }
        if (vec $readable, fileno $listener, 1) {
            my $conn = serv_accept_fh($listener, my $uid)
                or die "serv_accept_fh: $!\n";
            die "not my client: $uid\n" if $uid != $>;
            $conn->autoflush(1);
            $client{ fileno $conn } = $conn;
        }
    }
}

sub line {
    my ($conn) = @_;
    my $line = '';
    while ($line !~ /\n\z/) {
        sysread $conn, $line, 1, length $line or die "sysread: $!";
    }
    chomp $line;
    return $line;
}

sub put {
    my ($conn, $fh) = @_;
    print {$conn} 'put';
    send_file($conn, $fh) or die "send_file: $!";
    return line($conn);
}

sub get {
    my ($conn, $id) = @_;
    print {$conn} "get$id";
    $conn->flush;
    sysread $conn, my $answer, 1;
    return $answer eq '+' ? recv_fh($conn) : undef;
}

sub count {
    my ($conn) = @_;
    syswrite $conn, 'cnt';
    return line($conn);
}

{
    my $listener = endp_create($path);
    my $child    = in_child { serve($listener) };
    close $listener;

    my ($one, $two) = map { endp_connect($path) } 1 .. 2;
    is count($one), 0, 'the keeper has nothing';

    write_file("$dir/a", "content of a\n");
    write_file("$dir/b", "content of b\n");
    open my $fh, '<', "$dir/a" or die $!;
    is put($one, $fh), 1, 'a client puts a file';
    close $fh;
    unlink "$dir/a";
    open $fh, '+<', "$dir/b" or die $!;
    is put($two, $fh), 2, 'another client puts another';
    is count($two), 2, 'the keeper has two';

    my $got = get($two, 1);
    is scalar <$got>, "content of a\n", 'the other gets what the first one put';
    $got = get($one, 2);
    is scalar <$got>, "content of b\n", '... and the other way round';
    seek $got, 0, 0;
    print {$got} 'CONTENT';
    close $got;
    seek $fh, 0, 0;
    is scalar <$fh>, "CONTENT of b\n", '... to write to';
    ok !get($one, 9), 'what nobody put nobody gets';

    close $one;
    my $three = endp_connect($path);
    is count($three), 2, 'a client leaves, another one comes';

    # Everything at once: the commands queue up with their descriptors.
    pipe my $reader, my $writer or die "pipe: $!";
    for my $kept ($reader, $writer) {
        syswrite $three, 'put';
        send_file($three, $kept);
    }
    syswrite $three, 'cnt';
    is_deeply [ map { line($three) } 1 .. 3 ], [ 3, 4, 4 ],
        'commands and descriptors queue up';
    syswrite $three, 'get3get4';
    my @pipe;
    for (1 .. 2) {
        sysread $three, my $answer, 1;
        push @pipe, recv_fh($three);
    }
    close $writer;
    syswrite $pipe[1], "through\n";
    is scalar <$reader>, "through\n", '... and so do the answers';

    syswrite $two, 'end';
    is $child->result, 4, 'the keeper ends';
    unlink $path;
}

no_leak();
done_testing;
