# More descriptors than were asked for, or with a message that has none:
# nobody's descriptor is left over, and a warning says so to those who want it.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser;
use POSIX ();
use Socket;

# A caller that says nothing about warnings.
BEGIN {
    package Caller;
    no strict;
    eval 'BEGIN { ${^WARNING_BITS} = undef }
        sub receive { main::recv_fh(shift) } 1' or die $@;
}

my $file    = tagged('first');
my $surplus = tagged('surplus');
Situation::new_baseline();

my @warnings;
$SIG{__WARN__} = sub { push @warnings, @_ };

sub receive_as {
    my ($how, $socket) = @_;
    return recv_fh($socket) if $how eq 'recv_fh';
    return recv_fd($socket) if $how eq 'recv_fd';
    return File::FDpasser::my_recv_fd(fileno $socket);
}

for my $how (qw(recv_fh recv_fd my_recv_fd)) {
    for my $count (2, 3, 16, 253) {
        my ($us, $peer) = pair();
        @warnings = ();
        send_raw($peer, "\0\0", $file, ($surplus) x ($count - 1));
        syswrite $peer, "\0\x0d";
        $! = 0;
        my $got = receive_as($how, $us);
        is tag_of($got), 'first', "$how: the first of $count descriptors";
        is $! + 0, 0, "$how: \$! of a success with $count";
        is @warnings, 1, "$how: one warning about $count";
        is queued($us), "\0\x0d", "$how: the next message stays, after $count";
        POSIX::close($got) if !ref $got;
    }
    no_leak("$how: none left over");
}
like $warnings[0], qr/ at \Q$0\E line \d+/, 'the warning names the caller';

# Two SCM_RIGHTS in one message, and a control message of another kind.
{
    my ($us, $peer) = pair();
    my @mine = (credentials($$, $<, $( + 0));
    my @controls = (
        [ rights($file), rights($surplus) ],
        [ @mine, rights($file) ],
        [ rights($file), @mine ],
        [ rights($file, $surplus), @mine, rights(($surplus) x 20) ],
    );
    for my $control (@controls) {
        send_control($peer, "\0\0", @$control);
        is tag_of(scalar recv_fh($us)), 'first', 'several control messages';
        send_control($peer, "\0\x0d", @$control);
        fails { recv_fh($us) } undef, 'EACCES', 'the same with a status';
    }
    send_control($peer, "\0\0", @mine);
    fails { recv_fh($us) } undef, 'EPROTO', 'credentials and no descriptor';
}
no_leak('several control messages: none left over');

# Who sees the warning.
{
    my ($us, $peer) = pair();
    my %seen = (
        'use warnings' => [ 1, sub { use warnings; recv_fh($us) } ],
        'its category' =>
            [ 1, sub { no warnings; use warnings 'File::FDpasser';
                recv_fh($us) } ],
        'no warnings' => [ 0, sub { no warnings; recv_fh($us) } ],
        'its category off' =>
            [ 0, sub { no warnings 'File::FDpasser'; recv_fh($us) } ],
        '&-call, no warnings' => [ 0, sub { no warnings; &recv_fh($us) } ],
    );
    for my $name (sort keys %seen) {
        my ($count, $receive) = @{ $seen{$name} };
        @warnings = ();
        send_raw($peer, "\0\0", $file, $surplus);
        is tag_of(scalar $receive->()), 'first', "$name: the descriptor";
        is @warnings, $count, "$name: warnings";
    }

    for my $switch (1, 0) {
        local $^W = $switch;
        @warnings = ();
        send_raw($peer, "\0\0", $file, $surplus);
        is tag_of(scalar Caller::receive($us)), 'first', "-w $switch";
        is @warnings, $switch, "-w $switch: warnings";
    }

    send_raw($peer, "\0\0", $file, $surplus);
    my $got = eval { use warnings FATAL => 'File::FDpasser'; recv_fd($us) };
    like $@, qr/ at \Q$0\E line \d+/, 'a fatal warning is an exception';
}
no_leak('and leaves none over');

# Descriptors with an error status, with a malformed message, with text, with
# each byte of a message.
for my $count (1, 2, 16, 253) {
    my ($us, $peer) = pair();
    my $text = '';
    local $File::FDpasser::on_text = sub { $text .= $_[0] };
    no warnings 'File::FDpasser';

    for my $status (1, 13, 255) {
        send_raw($peer, "\0" . chr $status, ($surplus) x $count);
        $! = 0;
        my $got = recv_fh($us);
        is_deeply [ $got, $! + 0 ], [ undef, $status ],
            "status $status with $count descriptors";
    }

    send_raw($peer, "text\0\x0d", ($surplus) x $count);
    fails { recv_fd($us) } undef, 'EACCES',
        "text and a status with $count descriptors";

    send_raw($peer, "text\0\0", $file, ($surplus) x ($count - 1));
    is tag_of(scalar recv_fh($us)), 'first', "text with $count descriptors";

    # The second half with a descriptor makes a whole message.
    syswrite $peer, "\0";
    send_raw($peer, "\0", $file, ($surplus) x ($count - 1));
    is tag_of(scalar recv_fh($us)), 'first',
        "a second half with $count descriptors";
    syswrite $peer, "\0";
    send_raw($peer, "\x0d", ($surplus) x $count);
    fails { recv_fh($us) } undef, 'EACCES',
        "a second half with a status and $count descriptors";

    is $text, 'texttext', 'the texts';
    close $_ for $us, $peer;
    no_leak("none left over with $count");
}

# Descriptors on several pieces of one text: each piece is a message, of which
# the first is taken and the rest is closed.
{
    my ($us, $peer) = pair();
    my $text = '';
    local $File::FDpasser::on_text = sub { $text .= $_[0] };
    my @piece = ([ 'text', 3 ], [ ' in ', 253 ], [ 'pieces', 1 ], [ "\0\0", 2 ]);
    send_raw($peer, $_->[0], $file, ($surplus) x ($_->[1] - 1)) for @piece;
    send_raw($peer, "\0\x0d");
    for (@piece) {
        my ($bytes, $count) = @$_;
        @warnings = ();
        $text     = '';
        is tag_of(scalar recv_fh($us)), 'first', 'a piece of text with descriptors';
        is $text, $bytes =~ /\0/ ? '' : $bytes, '... and its text';
        is @warnings, $count > 1 ? 1 : 0, "... and a warning if there are more: $count";
    }
    fails { recv_fh($us) } undef, 'EACCES', 'and the next message is whole';
}
no_leak('descriptors on every piece of a text: none left over');

# The connection ends where the end of the message could be: it is one.
for my $bytes ('text without an end', "text\0", "\0", 'x') {
    my ($us, $peer) = pair();
    my $text = '';
    local $File::FDpasser::on_text = sub { $text .= $_[0] };
    no warnings 'File::FDpasser';
    send_raw($peer, $bytes, $file, $surplus);
    close $peer;
    is tag_of(scalar recv_fh($us)), 'first', 'a text with descriptors that never ends';
    (my $said = $bytes) =~ tr/\0//d;
    is $text, $said, '... and its text';
    fails { recv_fh($us) } undef, 'ENOTCONN', '... then there is only the end';
}
no_leak('and leaves none over');

# max_text is reached with a descriptor in hand.
{
    my ($us, $peer) = pair();
    local $File::FDpasser::max_text = 100;
    local $File::FDpasser::on_text = sub { };
    send_raw($peer, 'x' x 5000, $surplus, $surplus);
    fails { recv_fh($us) } undef, 'EPROTO', 'too much text with descriptors';

    ($us, $peer) = pair();
    send_raw($peer, 'x' x 100, $file);
    is tag_of(scalar recv_fh($us)), 'first', 'as much text as may be';
    send_raw($peer, 'x' x 100, $file);
    syswrite $peer, 'x';
    fails { recv_fh($us) } undef, 'EPROTO', 'too much of it behind the descriptor';
}
no_leak('and none left over');

# Descriptors of every kind can come, the receiver's own connection included.
{
    my ($us, $peer) = pair();
    opendir my $dir, '.' or die "opendir: $!";
    pipe my $reader, my $writer or die "pipe: $!";
    sysopen my $path, '.', 0x20_0000 or die "O_PATH: $!";
    my @odd = ($us, $peer, $dir, $reader, $writer, $path);
    for my $fh (grep { defined fileno $_ } @odd) {    # perl 5.16 knows no directory's
        send_raw($peer, "\0\0", fileno $fh);
        my $number = recv_fd($us);
        is identity($number), identity($fh), 'the right descriptor';
        POSIX::close($number);

        send_raw($peer, "\0\0", fileno $fh);
        my $handle = recv_fh($us);
        is identity($handle), identity($fh), 'the right handle';
    }
    closedir $dir;
}

# O_WRONLY|O_RDWR, which only ioctl can use, is neither for reading nor for
# writing.
{
    my ($us, $peer) = pair();
    sysopen my $neither, '/dev/null', 3 or die "mode 3: $!";
    send_raw($peer, "\0\0", $neither);
    my $got = recv_fh($us);
}
no_leak('access mode 3: none left over');

undef $_ for $file, $surplus;
no_leak();
done_testing;
