# A peer that sends half a message and stops: the process remembers it for the
# connection, nothing stays queued for it, nothing is given away, no processor
# time is burnt, and the other half may still come.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;
use Signals qw(is_blocked);

use File::FDpasser;
use POSIX ();

my $file = tagged('late');
Situation::new_baseline();

{
    my ($us, $peer) = pair();
    $us->blocking(0);
    syswrite $peer, "\0";
    fails { recv_fh($us) } undef, 'EAGAIN', 'a lone zero byte: EAGAIN'
        for 1 .. 3;
    fails { recv_fd($us) } undef, 'EAGAIN', 'also for recv_fd';
    fails { File::FDpasser::my_recv_fd(fileno $us) } -1, 'EAGAIN',
        'also for my_recv_fd';
    is queued($us), undef, 'nothing stays queued';
    syswrite $peer, "\x0d\0\x02";
    fails { recv_fh($us) } undef, 'EACCES', 'the other half is a status';
    fails { recv_fh($us) } undef, 'ENOENT', '... and the next message is whole';

    syswrite $peer, "\0";
    fails { recv_fh($us) } undef, 'EAGAIN', 'another one';
    send_raw($peer, "\0", $file);
    is tag_of(scalar recv_fh($us)), 'late', 'its half has a descriptor';

    syswrite $peer, "\0";
    fails { recv_fh($us) } undef, 'EAGAIN', 'another one';
    syswrite $peer, "\0";
    fails { recv_fh($us) } undef, 'EPROTO', 'its half has none';

    syswrite $peer, "\0";
    fails { recv_fh($us) } undef, 'EAGAIN', 'another one';
    close $peer;
    fails { recv_fh($us) } undef, 'EPROTO', 'its half never comes';
    fails { recv_fh($us) } undef, 'ENOTCONN', 'then there is only the end';
}

# Text is handed on, once; the half message behind it is remembered.
{
    my ($us, $peer) = pair();
    my $text = '';
    local $File::FDpasser::on_text = sub { $text .= $_[0] };
    $us->blocking(0);
    syswrite $peer, "text\0";
    fails { recv_fh($us) } undef, 'EAGAIN', 'text and a lone zero byte';
    is $text, 'text', 'the text is handed on';
    is queued($us), undef, 'nothing stays queued';
    fails { recv_fh($us) } undef, 'EAGAIN', 'as often as one asks';
    send_raw($peer, "\0", $file);
    is tag_of(scalar recv_fh($us)), 'late', 'and then it is a message';
    is $text, 'text', 'the text came once';
}

# A descriptor came with the first bytes and the end of its message did not: it
# is a message by itself, and nobody holds it while anybody waits.
for my $bytes ('text in', "text in\0", 't', "\0") {
    my ($us, $peer) = pair();
    my $text = '';
    local $File::FDpasser::on_text = sub { $text .= $_[0] };
    $us->blocking(0);
    send_raw($peer, $bytes, $file);
    is tag_of(scalar recv_fh($us)), 'late', 'a descriptor, but no end: a message';
    fails { recv_fh($us) } undef, 'EAGAIN', '... of which nothing is left';
    syswrite $peer, " two writes\0\0";
    fails { recv_fh($us) } undef, 'EPROTO', 'its end comes too late';
    (my $said = $bytes) =~ tr/\0//d;
    is $text, "$said two writes", 'the text is handed on';
    send_raw($peer, "\0\0", $file);
    is tag_of(scalar recv_fh($us)), 'late', 'the next message is whole';
}
no_leak('none left over');

# A child that waits for what never comes until a handler dies. Its result is
# the exception, the seconds of processor time that it took, and what it left
# open.
sub waits_until_a_handler_dies {
    my ($receive) = @_;
    return in_child {
        my @before = times;
        eval {
            local $SIG{ALRM} = sub { die "enough\n" };
            alarm 1;
            $receive->();
        };
        my $exception = $@;
        my @after = times;
        watchdog();
        my $burnt = $after[0] + $after[1] - $before[0] - $before[1];
        return ($exception, $burnt, leaked());
    };
}

my %half = (
    'nothing at all'                => sub { 1 },
    'a lone zero byte'              => sub { syswrite $_[0], "\0" },
    'text'                          => sub { syswrite $_[0], 'text' },
    'text and a lone zero byte'     => sub { syswrite $_[0], "text\0" },
    'a message taken, text'         => sub {
        send_raw($_[0], 'text', $file);
        syswrite $_[0], 'more';
    },
    'a message taken, then half of one' => sub {
        send_raw($_[0], "text\0\0", $file);
        syswrite $_[0], "\0";
    },
);

# A descriptor has come, so that there is no waiting.
my %whole = (
    'text with a descriptor' => sub { send_raw($_[0], 'text', $file) },
    'text and a zero with a descriptor' =>
        sub { send_raw($_[0], "text\0", $file) },
    'a zero byte with a descriptor' => sub { send_raw($_[0], "\0", $file) },
);
for my $name (sort keys %whole) {
    for my $noted (0, 1) {
        my ($us, $peer) = pair();
        my $title = $noted ? "$name, SO_PASSCRED" : $name;
        note_credentials($us) if $noted;
        $whole{$name}->($peer);
        local $File::FDpasser::on_text = sub { };
        my $child = waits_until_a_handler_dies(
            sub { die tag_of(scalar recv_fh($us)), "\n" });
        my ($exception, undef, @leaked) = $child->result;
        is $exception, "late\n", "$title: a blocking call does not wait";
        is_deeply \@leaked, [], "$title: none left over";
    }
}

# Each waits, once whatever message is there has been taken.
my %waiting;
for my $name (keys %half) {
    for my $noted (0, 1) {
        my ($us, $peer) = pair();
        my $title = $noted ? "$name, SO_PASSCRED" : $name;
        note_credentials($us) if $noted;
        $half{$name}->($peer);
        local $File::FDpasser::on_text = sub { };
        my $child = waits_until_a_handler_dies(sub {
            recv_fh($us) if $name =~ /taken/;
            recv_fh($us);
        });
        $waiting{$title} = [ $child, $us, $peer ];
    }
}
for my $title (sort keys %waiting) {
    my ($exception, $seconds, @leaked) = $waiting{$title}[0]->result;
    is $exception, "enough\n", "$title: waited until the handler died";
    cmp_ok $seconds, '<', 0.25, "$title: took no processor time";
    is_deeply \@leaked, [], "$title: none left over";
}
%waiting = ();

# The same wait, and the other half comes: at once, however long it was.
{
    my ($us, $peer) = pair();
    my $this  = $$;
    my $child = in_child {
        syswrite $peer, "\0";
        1 until is_blocked($this);
        return send_raw($peer, "\0", $file);
    };
    is tag_of(scalar recv_fh($us)), 'late', 'the half that was waited for';
    is $child->result, 1, 'was sent';

    for my $half ("\x0d", '') {
        syswrite $peer, "\0";
        my $waiting = in_child {
            close $peer;
            $! = 0;
            my $got = recv_fh($us);
            return ($got, errno_name($!));
        };
        1 until is_blocked($waiting->pid);
        $half eq '' ? close $peer : syswrite $peer, $half;
        is_deeply [ $waiting->result ],
            [ undef, $half eq '' ? 'EPROTO' : 'EACCES' ],
            $half eq '' ? 'the end instead of the half' : 'a status as the half';
    }
}

undef $file;
no_leak();
done_testing;
