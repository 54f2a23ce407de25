# Names, lines and single bytes that bring a descriptor and no status: what
# runc, IO::FDPass, Ruby and Python send. Each is a message of status 0 by
# itself where nothing more is there or the next byte brings another descriptor.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Outside;
use Peer;
use Signals;
use Situation;

use File::FDpasser qw(:all);
use POSIX ();

my %file = map { $_ => tagged($_) } 'a' .. 'e';
Situation::new_baseline();

our $text;
$File::FDpasser::on_text = sub { $text .= $_[0] };

my %receive = (
    recv_fh    => sub { answered(scalar recv_fh($_[0])) },
    recv_fd    => sub { answered(scalar recv_fd($_[0])) },
    recv_fhs   => sub { answered((recv_fhs($_[0]))[0]) },
    'recv_fhs with a number' => sub { answered((recv_fhs($_[0], 1))[0]) },
    recv_fds   => sub { answered((recv_fds($_[0]))[0]) },
    my_recv_fd => sub {
        my $got = File::FDpasser::my_recv_fd(fileno $_[0]);
        return $got < -1 ? errno_name(-$got) : answered($got == -1 ? undef : $got);
    },
);

# [ bytes, tags of descriptors ] of each write; then what the calls give; then
# the text.
my @situations = (
    'runc, which sends the name of the terminal and stays' =>
        [ [ '/dev/ptmx', 'a' ] ] => [qw(a EAGAIN)] => '/dev/ptmx',
    'runc, which closes then' =>
        [ [ '/dev/ptmx', 'a' ], 'end' ] => [qw(a ENOTCONN)] => '/dev/ptmx',
    'a line' => [ [ "line\n", 'a' ] ] => [qw(a EAGAIN)] => "line\n",
    'IO::FDPass, several times' =>
        [ [ "\0", 'a' ], [ "\0", 'b' ], [ "\0", 'c' ] ] => [qw(a b c EAGAIN)] => '',
    'Ruby, several times' =>
        [ [ 'x', 'a' ], [ 'x', 'b' ], [ 'x', 'c' ] ]
        => [qw(a b c EAGAIN)] => qr/\Ax*\z/,
    'names, one behind the other' =>
        [ [ 'first', 'a' ], [ 'second', 'b' ], [ 't', 'c' ] ]
        => [qw(a b c EAGAIN)] => qr/\Afirstsecondt?\z/,
    'a name, and an ordinary message' =>
        [ [ 'name', 'a' ], [ "\0\0", 'b' ] ] => [qw(a b EAGAIN)] => 'name',
    'a name, and a message with text of its own' =>
        [ [ 'name', 'a' ], [ "text\0\0", 'b' ] ] => [qw(a b EAGAIN)] => 'nametext',
    'a name in one write, the rest in another' =>
        [ [ 'na', 'a' ], ['me'], [ "\0\0" ], [ "\0\0", 'b' ] ]
        => [qw(a b EAGAIN)] => 'name',
    'a name and an error status' =>
        [ [ 'name', 'a' ], ["\0\x0d"], [ "\0\0", 'b' ] ]
        => [qw(EACCES b EAGAIN)] => 'name',
    'text in front of a name' =>
        [ ['text '], [ 'name', 'a' ] ] => [qw(a EAGAIN)] => 'text name',
    'a zero byte in front' =>
        [ ["\0"], [ "\0", 'a' ] ] => [qw(a EAGAIN)] => '',
    'IO::FDPass, and a zero byte, which is the status of the last' =>
        [ [ "\0", 'a' ], [ "\0", 'b' ], ["\0"], ["\0\x0d"] ]
        => [qw(a b EACCES EAGAIN)] => '',
    'a long name' =>
        [ [ 'n' x 5000, 'a' ] ] => [qw(a EAGAIN)] => 'n' x 5000,
    'a long name, then the end' =>
        [ [ 'n' x 5000, 'a' ], 'end' ] => [qw(a ENOTCONN)] => 'n' x 5000,
    'long names' =>
        [ [ 'n' x 9000, 'a' ], [ 'm' x 9000, 'b' ] ]
        => [qw(a b EAGAIN)] => 'n' x 9000 . 'm' x 9000,
    'text and zero byte with a descriptor' =>
        [ [ "text\0", 'a' ] ] => [qw(a EAGAIN)] => 'text',
    'text and zero byte with a descriptor, then the end' =>
        [ [ "text\0", 'a' ], 'end' ] => [qw(a ENOTCONN)] => 'text',
);

sub act {
    my ($peer, $act) = @_;
    return close $peer if !ref $act;
    my ($bytes, @tags) = @$act;
    return send_raw($peer, $bytes, map { $file{$_} } @tags);
}

for my $name (sort keys %receive) {
    my @left = @situations;
    while (my ($title, $acts, $expected, $said) = splice @left, 0, 4) {
        my @seen = returns {
            my ($us, $peer) = pair();
            $us->blocking(0);
            $text = '';
            act($peer, $_) for @$acts;
            my @answers = map { $receive{$name}->($us) } @$expected;
            close $_ for $us, $peer;
            return [@answers], $text, leaked();
        };
        my $heard = splice @seen, 1, 1;
        is_deeply \@seen, [$expected], "$name: $title";
        ref $said ? like $heard, $said, '... with its text'
            : is $heard, $said, '... with its text';
    }
}

# What such a sender writes later is a message without a descriptor.
{
    my ($us, $peer) = pair();
    $us->blocking(0);
    $text = '';
    send_raw($peer, 'name', $file{a});
    my @seen = answered(scalar recv_fh($us));
    syswrite $peer, "\0\0";
    push @seen, answered(scalar recv_fh($us));
    send_raw($peer, "\0\0", $file{b});
    push @seen, answered(scalar recv_fh($us));
    is "@seen", 'a EPROTO b', 'a late zero byte and status';
}

# It does not wait in a blocking call either, however the bytes come.
for my $name (sort keys %receive) {
    my ($us, $peer) = pair();
    my $child = in_child { watchdog(10); $receive{$name}->($us) };
    1 until is_blocked($child->pid);
    send_raw($peer, '/dev/ptmx', $file{a});
    is eval { $child->result } || 'hangs', 'a', "$name waits, and a name comes";
}

# Never is a descriptor held while a call waits: one of a pipe would keep the
# pipe open.
for my $bytes ('text', "text\0", "\0", 't') {
    my ($us, $peer) = pair();
    pipe my $reader, my $writer or die "pipe: $!";
    my $child = in_child {
        watchdog(10);
        close $_ for $writer, $peer;
        local $File::FDpasser::on_text = sub { };
        my @seen = answered(scalar recv_fh($us));
        return @seen, answered(scalar recv_fh($us));
    };
    send_raw($peer, $bytes, $writer);
    close $writer;
    $reader->blocking(1);
    my $left = eval {
        local $SIG{ALRM} = sub { die "held\n" };
        alarm 5;
        sysread $reader, my $byte, 1;
    };
    watchdog();
    is $left, 0, "not held: " . ($bytes =~ s/\0/\\0/gr);
    close $peer;
    eval { $child->result };
}

undef %file;
no_leak();
done_testing;
