# Whether a client may open a named stream is asked of the node before anything
# is connected: of no other node, and so that nothing notices.

BEGIN { $ENV{FDPASSER_TRANSPORT} = 'streams' }

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Outside;
use Signals;
use Situation;
use Stepped;

use File::FDpasser;
use POSIX ();

my $dir  = workdir();
my $path = "$dir/server";
my $fifo = "$dir/fifo";

# A reader of a fifo waits in open(2) until anybody opens that for writing.
sub waiting_reader {
    POSIX::mkfifo($fifo, 0600) or die "mkfifo: $!";
    my $opens = gate();
    my $child = in_child {
        $opens->open;
        open my $reader, '<', $fifo or die "$fifo: $!";
        sysread $reader, my $bytes, 100;
        return $bytes;
    };
    $opens->wait;
    1 until is_blocked($child->pid);
    return $child;
}

sub noticed_nothing {
    my ($child, $name) = @_;
    1 until is_blocked($child->pid);
    my $writer;
    sysopen $writer, $fifo, POSIX::O_WRONLY() | POSIX::O_NONBLOCK()
        and syswrite $writer, 'ours' or kill KILL => $child->pid;
    is eval { ($child->result)[0] }, 'ours', $name;
    return;
}

{
    my $reader = waiting_reader();
    rename $fifo, $path or die "rename: $!";
    fails { endp_connect($path) } undef, 'ECONNREFUSED', 'a fifo is no server';
    rename $path, $fifo or die "rename: $!";
    noticed_nothing($reader, '... nor is it opened');
    unlink $fifo;
}
{
    my $server  = endp_create($path);
    my $reader  = waiting_reader();
    my $program = Stepped->new;
    my $opens   = 0;
    my $got     = $program->endp_connect($path, timeout => 1, sub {
        my ($call) = @_;
        rename $fifo, $path or die "rename: $!" if $call eq 'open' && ++$opens == 2;
        return 0;
    });
    is $opens, 2, 'the node is opened as what was looked at';
    is $got->{errno}, 'ECONNREFUSED', '... a fifo is there by then: it is no server';
    rename $path, $fifo or die "rename: $!";
    noticed_nothing($reader, '... nor is it opened');
    $program->end;
    unlink $fifo;
}
SKIP: {
    skip 'only root can be somebody else', 6 if $> != 0;
    chmod 0755, $dir or die "chmod: $!";
    my $server = endp_create($path);
    symlink $path, "$dir/link" or die "symlink: $!";
    my %expected = (0622 => 'EACCES', 0644 => 'EACCES', 0600 => 'EACCES', 0666 => 'ETIMEDOUT');
    for my $mode (sort keys %expected) {
        chmod $mode, $path or die "chmod: $!";
        my @got = returns {
            $> = 65534;
            return map {
                $! = 0;
                my $stream = endp_connect($_, timeout => 0);
                defined $stream ? 'connected' : errno_name($!);
            } $path, "$dir/link";
        };
        is "@got", "$expected{$mode} $expected{$mode}",
            sprintf 'a server of mode %04o, also through a link', $mode;
        ok !is_ready($server), '... is not disturbed' if $expected{$mode} eq 'EACCES';
    }
    unlink $path, "$dir/link";
}

no_leak();
done_testing;
