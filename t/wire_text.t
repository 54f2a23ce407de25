# Text before the zero byte is for a person: it goes to on_text or to STDERR,
# as it comes, and then the call goes on to what it was made for.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser;
use File::Temp ();
use POSIX      ();

my $dir = workdir();

# The text that reaches on_text while CODE runs, and CODE's value.
sub heard (&) {
    my ($code) = @_;
    my @pieces;
    local $File::FDpasser::on_text = sub { push @pieces, @_ };
    my $value = $code->();
    return (join('', @pieces), $value);
}

# What descriptor 2 writes while CODE runs, and CODE's value. STDERR is closed
# and opened again, so that no layer of an earlier situation stays.
sub printed (&) {
    my ($code) = @_;
    my $file = "$dir/stderr";
    open my $saved, '>&', \*STDERR or die "dup: $!";
    close STDERR;
    open STDERR, '>', $file or die "$file: $!";
    my $value = eval { $code->() };
    close STDERR;
    open STDERR, '>&', $saved or die "dup: $!";
    STDERR->autoflush;
    die $@ if $@;
    open my $written, '<:raw', $file or die "$file: $!";
    local $/;
    return (scalar <$written>, $value);
}

for my $size (1, 2, 3, 4_095, 4_096, 4_097, 65_536, 1_000_000) {
    my ($us, $peer) = pair();
    my $text  = substr 'A text, not too short. ' x ($size / 20 + 1), 0, $size;
    my $child = in_child {
        my $rest = "$text\0\0";
        my $file = tagged('after the text');
        while (length $rest > 2) {
            my $part = substr $rest, 0, length($rest) - 2;
            substr $rest, 0, syswrite($peer, $part), '';
        }
        send_raw($peer, $rest, $file);
        return;
    };
    close $peer;
    my ($heard, $fh) = heard { recv_fh($us) };
    ok $heard eq $text, "$size bytes of text are handed on";
    is tag_of($fh), 'after the text', "and the descriptor after $size bytes";
    undef $fh;
    $child->result;
}
no_leak('none left over after long texts');

{
    my ($us, $peer) = pair();
    my $file = tagged('in pieces');
    my $go   = gate();
    my $child = in_child {
        for my $piece (split //, "one\ntwo\n") {
            syswrite $peer, $piece;
            $go->wait;
        }
        send_raw($peer, "\0\0", $file);
        return;
    };
    my @pieces;
    local $File::FDpasser::on_text
        = sub { push @pieces, @_; $go->open for 1 .. length $_[0] };
    my $fh = recv_fh($us);
    is_deeply \@pieces, [ split //, "one\ntwo\n" ],
        'each piece is handed on before the next is sent';
    is tag_of($fh), 'in pieces', 'and then the descriptor';
    $child->result;
}

{
    my ($us, $peer) = pair();
    my $file = tagged('one go');
    my $fh;

    send_raw($peer, "text in one go\0\0", $file);
    (my $heard, $fh) = heard { recv_fh($us) };
    is $heard, 'text in one go', 'text and descriptor in one write: the text';
    is tag_of($fh), 'one go', 'and the descriptor';

    syswrite $peer, 'text apart';
    send_raw($peer, "\0\0", $file);
    ($heard, my $number) = heard { recv_fd($us) };
    is $heard, 'text apart', 'recv_fd: the text';
    is tag_of($number), 'one go', 'and the descriptor';
    POSIX::close($number);

    syswrite $peer, 'text of the low level';
    send_raw($peer, "\0\0", $file);
    ($heard, $number)
        = heard { File::FDpasser::my_recv_fd(fileno $us) };
    is $heard, 'text of the low level', 'my_recv_fd: the text';
    is tag_of($number), 'one go', 'and the descriptor';
    POSIX::close($number);

    syswrite $peer, "not allowed\0\x0d";
    ($heard) = heard {
        fails { recv_fh($us) } undef, 'EACCES', 'text, then a status';
    };
    is $heard, 'not allowed', 'and its text';

    syswrite $peer, "no descriptor\0\0";
    heard { fails { recv_fh($us) } undef, 'EPROTO', 'text, then no descriptor' };

    syswrite $peer, 'not a word more';
    close $peer;
    ($heard) = heard {
        fails { recv_fh($us) } undef, 'ENOTCONN', 'text, then the end';
    };
    is $heard, 'not a word more', 'and its text';
}

{
    my ($us, $peer) = pair();
    my $file  = tagged('bytes');
    my $bytes = join '', map { chr } 1 .. 255;
    syswrite $peer, $bytes;
    send_raw($peer, "\0\0", $file);
    my ($heard, $fh) = heard { recv_fh($us) };
    is $heard, $bytes, 'every byte but zero is text, and stays as it is';
    ok !utf8::is_utf8($heard), 'on_text gets bytes';
}

# on_text may do what any Perl code does, use the module included.
{
    my ($us, $peer)       = pair();
    my ($other, $another) = pair();
    my ($file, $second)   = (tagged('outer'), tagged('inner'));
    send_raw($another, "\0\0", $second);
    syswrite $peer, 'text';
    send_raw($peer, "\0\0", $file);
    my $inner;
    local $File::FDpasser::on_text = sub {
        $inner ||= recv_fh($other);
        $! = 9;
        $_ = 'changed';
        'another' =~ /(.*)/;
        eval { die 'inside' };
        return (1) x 1000;
    };
    local $_ = 'topic';
    local $@ = 'an exception';
    'match' =~ /(.*)/;
    $! = 7;
    my $fh = recv_fh($us);
    is $! + 0, 7, 'a success leaves $! alone, whatever on_text did to it';
    is $1, 'match', 'and $1';
    is tag_of($fh),    'outer', 'the call that had text has its descriptor';
    is tag_of($inner), 'inner', 'and so has the call inside on_text';
}

{
    my ($us, $peer) = pair();
    my $file = tagged('limited');
    local $File::FDpasser::max_text = 10;

    syswrite $peer, 'x' x 10;
    send_raw($peer, "\0\0", $file);
    my ($heard, $fh) = heard { recv_fh($us) };
    is $heard, 'x' x 10, 'as much text as max_text says is handed on';
    is tag_of($fh), 'limited', 'and the descriptor';

    send_raw($peer, 'x' x 11 . "\0\0", $file);
    ($heard) = heard {
        fails { recv_fh($us) } undef, 'EPROTO', 'one byte more: EPROTO';
    };
    cmp_ok length $heard, '<=', 11, 'no more than that is handed on';
}
{
    my ($us, $peer) = pair();
    my $file = tagged('no text');
    local $File::FDpasser::max_text = 0;
    send_raw($peer, "\0\0", $file);
    is tag_of(scalar recv_fh($us)), 'no text', 'max_text 0: no text, no matter';
    send_raw($peer, "t\0\0", $file);
    my ($heard) = heard { fails { recv_fh($us) } undef, 'EPROTO', 'any is' };
    is $heard, '', 'and is not handed on';
}
is $File::FDpasser::max_text, 16 * 1024 * 1024, 'max_text is 16 MiB';
no_leak('none left over where the text was too long');

# A text that never ends comes to an end. The limit holds for one call.
{
    my ($us, $peer) = pair();
    my $child = in_child {
        close $us;
        $SIG{PIPE} = 'IGNORE';
        1 while syswrite $peer, 'endless ' x 8192;
        return;
    };
    close $peer;
    local $File::FDpasser::max_text = 1_000_000;
    my $total = 0;
    local $File::FDpasser::on_text = sub { $total += length $_[0] };
    fails { recv_fd($us) } undef, 'EPROTO', 'a text without an end';
    cmp_ok $total, '<=', 1_000_001, 'was cut at max_text';
    close $us;
    ok defined $child->status, 'and its writer was told';
}

{
    my ($us, $peer) = pair();
    my $file = tagged('to stderr');
    my ($text, $tag) = printed {
        local ($,, $\) = ('-', "!\n");
        syswrite $peer, "warning: \xc3\xa9\e[1m\n";
        send_raw($peer, "\0\0", $file);
        return tag_of(scalar recv_fh($us));
    };
    is $text, "warning: \xc3\xa9\e[1m\n",
        'without on_text STDERR gets the text as it is';
    is $tag, 'to stderr', 'and the caller its descriptor';

    ($text) = printed {
        binmode STDERR, ':utf8';
        send_raw($peer, "\xc3\xa9\0\0", $file);
        return tag_of(scalar recv_fh($us));
    };
    is $text, "\xc3\xa9", 'also where STDERR has a layer';

    ($text) = printed {
        print STDERR 'first ';
        send_raw($peer, "second\0\0", $file);
        recv_fh($us);
        print STDERR ' third';
        return;
    };
    is $text, 'first second third', 'in order with what the program prints';
}

# Nothing that STDERR is or does is a failure of the call.
{
    my ($us, $peer) = pair();
    my $file = tagged('all the same');

    my %stderr = (
        'closed' => sub { close STDERR },
        'read-only' => sub {
            close STDERR;
            open STDERR, '<', '/dev/null' or die "/dev/null: $!";
        },
        'a full device' => sub {
            close STDERR;
            open STDERR, '>', '/dev/full' or die "/dev/full: $!";
        },
        'a pipe that nobody reads' => sub {
            $SIG{PIPE} = 'IGNORE';
            pipe my $reader, my $writer or die "pipe: $!";
            close $reader;
            open STDERR, '>&', $writer or die "dup: $!";
        },
        'tied' => sub { tie *STDERR, 'Tied::Quiet' },
        'tied, and dies' => sub { tie *STDERR, 'Tied::Angry' },
        'undefined' => sub { undef *STDERR },
    );
    for my $name (sort keys %stderr) {
        my ($us, $peer) = pair();
        send_raw($peer, "text\0\0", $file);
        my $child = in_child {
            my $handler = 0;
            $stderr{$name}->();
            local $SIG{__WARN__} = sub { $handler++ };
            $! = 7;
            my $fh = recv_fh($us);
            return (tag_of($fh), $! + 0, $handler);
        };
        if ($name eq 'tied, and dies') {
            like eval { ($child->result)[0] } || $@, qr/\A(?:all|in child: no\n)/,
                'STDERR is tied, and dies: an exception like any other';
            next;
        }
        my ($tag, $errno, $warnings) = $child->result;
        is $tag, 'all the same', "STDERR is $name: the descriptor arrives";
        is $errno, 7, "STDERR is $name: \$! is left alone";
        is $warnings, 0, "STDERR is $name: no warning";
    }

    send_raw($peer, "in memory\0\0", $file);
    my $child = in_child {
        close STDERR;
        open STDERR, '>', \my $memory or die "in memory: $!";
        recv_fh($us);
        return $memory;
    };
    is $child->result, 'in memory', 'STDERR is a string: it has the text';
}

# Text that comes with a descriptor is taken to its end before a callback runs, which
# finds nothing of that message.
{
    my ($us, $peer) = pair();
    $us->blocking(0);
    my $file = tagged('behind much text');
    my @inner;
    local $File::FDpasser::on_text = sub {
        my @none = recv_fh($us);
        push @inner, errno_name($!);
    };
    send_raw($peer, 'x' x 5000 . "\0\0", $file);
    is tag_of(scalar recv_fh($us)), 'behind much text', '5,000 bytes with a descriptor';
    is_deeply \@inner, ['EAGAIN'], '... and a callback that receives';
}

# Nor does it change which signals the program holds back, and which have come.
{
    my $child = in_child {
        my ($us, $peer) = pair();
        pipe my $reader, my $writer or die "pipe: $!";
        open STDERR, '>&', $writer or die "dup: $!";
        close $_ for $reader, $writer;
        my @seen;
        $SIG{$_} = sub { push @seen, @_ } for qw(PIPE USR1);
        for my $held ([ POSIX::SIGUSR1() ], [ POSIX::SIGUSR1(), POSIX::SIGPIPE() ]) {
            my $signals = POSIX::SigSet->new(@$held);
            POSIX::sigprocmask(POSIX::SIG_BLOCK(), $signals);
            kill $_ => $$ for @$held;
            syswrite $peer, "text\0\x0d";
            recv_fh($us);
            push @seen, errno_name($!);
            POSIX::sigprocmask(POSIX::SIG_UNBLOCK(), $signals);
            open STDERR, '>', '/dev/null' or die "/dev/null: $!";
        }
        return "@seen[ 0 .. 2 ] @{[ sort @seen[ 3 .. $#seen ] ]}";
    };
    is $child->result, 'EACCES USR1 EACCES PIPE USR1', 'signals that are held back meanwhile';
}

{
    package Tied::Quiet;
    sub TIEHANDLE { return bless [], shift }
    sub PRINT  { return 1 }
    sub WRITE  { return 1 }
    sub PRINTF { return 1 }

    package Tied::Angry;
    sub TIEHANDLE { return bless [], shift }
    sub PRINT  { die "no\n" }
    sub WRITE  { die "no\n" }
    sub PRINTF { die "no\n" }
}

SKIP: {
    my ($screen, $terminal) = terminal();
    skip 'no pseudo-terminal here', 7 if !$terminal;
    my ($us, $peer) = pair();
    my $file = tagged('shown');
    my $text = "caf\xc3\xa9\t"
        . join('', map { chr } 1 .. 8, 11 .. 31, 127) . "\n";
    syswrite $peer, $text;
    send_raw($peer, "\0\0", $file);
    my $child = in_child {
        open STDERR, '>&', $terminal or die "dup: $!";
        return tag_of(scalar recv_fh($us));
    };
    my $shown = line_of($screen);
    is $child->result, 'shown', 'STDERR is a terminal: the descriptor arrives';
    like $shown, qr/\Acaf\xc3\xa9\t/, 'what can be read is shown as it is';
    (my $rest = $shown) =~ s/\r?\n\z//;
    is $rest =~ tr/\0-\x08\x0a-\x1f\x7f//, 0,
        'control characters but newline and tab are escaped';

    # Characters of several bytes that come in two pieces.
    for my $accents ("x\xc3", "\xc3", "\xe2\x82") {
        my $last = $accents =~ /\xe2/ ? "\xac" : "\xa9";
        $child = in_child {
            open STDERR, '>&', $terminal or die "dup: $!";
            return tag_of(scalar recv_fh($us));
        };
        syswrite $peer, $accents;
        1 while defined queued($us);    # until the child has taken it
        syswrite $peer, "$last\n";
        send_raw($peer, "\0\0", $file);
        $shown = line_of($screen);
        $shown =~ s/\r?\n\z//;
        is $shown, $accents . $last, 'a character in two pieces';
        $child->result;
    }
    syswrite $peer, 'x' . "\xc3\xa9" x 5000 . "\n";
    send_raw($peer, "\0\0", $file);
    $child = in_child {
        open STDERR, '>&', $terminal or die "dup: $!";
        return tag_of(scalar recv_fh($us));
    };
    $shown = line_of($screen);
    $shown =~ s/\r?\n\z//;
    ok $shown eq 'x' . "\xc3\xa9" x 5000, 'a long text of such characters';
    $child->result;
}

sub line_of {
    my ($screen) = @_;
    my $shown = '';
    until ($shown =~ /\n/) {
        sysread $screen, $shown, 4096, length $shown or die "terminal: $!";
    }
    return $shown;
}

# A pseudo-terminal that passes on every byte, both ends; empty where there is
# none. The numbers are Linux's TIOCSPTLCK and TIOCGPTN.
sub terminal {
    open my $screen, '+<', '/dev/ptmx' or return;
    my $unlock = pack 'i', 0;
    ioctl $screen, 0x40045431, $unlock or return;
    my $number = pack 'I', 0;
    ioctl $screen, 0x80045430, $number or return;
    my $name = '/dev/pts/' . unpack 'I', $number;
    sysopen my $terminal, $name, POSIX::O_RDWR() | POSIX::O_NOCTTY()
        or return;
    my $settings = POSIX::Termios->new;
    $settings->getattr(fileno $terminal);
    $settings->setoflag(0);
    $settings->setlflag(0);
    $settings->setattr(fileno $terminal, POSIX::TCSANOW());
    return ($screen, $terminal);
}

no_leak();
done_testing;
