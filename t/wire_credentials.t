# SO_PASSCRED on the receiving socket puts a second control message into
# everything that comes: nothing else changes.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser;
use POSIX ();
use Socket;

my $file = tagged('noted');
Situation::new_baseline();
my $text = '';
$File::FDpasser::on_text = sub { $text .= $_[0] };

sub noting_pair {
    my ($us, $peer) = pair(@_);
    note_credentials($us);
    return ($us, $peer);
}

{
    my ($us, $peer) = noting_pair();
    send_raw($peer, "\0\0", $file);
    is tag_of(scalar recv_fh($us)), 'noted', 'recv_fh';
    send_raw($peer, "\0\0", $file);
    my $number = recv_fd($us);
    is tag_of($number), 'noted', 'recv_fd';
    POSIX::close($number);
    send_raw($peer, 'x', $file);
    is tag_of(scalar recv_fh($us)), 'noted', 'a single byte';
    syswrite $peer, "\0\x0d";
    fails { recv_fh($us) } undef, 'EACCES', 'a status';
    syswrite $peer, "\0\0";
    fails { recv_fh($us) } undef, 'EPROTO', 'status 0 without a descriptor';

    syswrite $peer, 'text';
    send_raw($peer, "\0\0", $file);
    is tag_of(scalar recv_fh($us)), 'noted', 'text, then a descriptor';
    send_raw($peer, " and more\0\0", $file);
    is tag_of(scalar recv_fh($us)), 'noted', 'text and a descriptor at once';
    is $text, 'xtext and more', 'the text';

    send_raw($peer, 'a name', $file);
    syswrite $peer, ' goes on';
    send_raw($peer, 'b', $file);
    $text = '';
    is tag_of(scalar recv_fh($us)), 'noted',
        'a name goes on where bytes come without a descriptor';
    is $text, 'a name goes on', '... up to the next descriptor';
    is tag_of(scalar recv_fh($us)), 'noted', '... which is a message, too';
    is $text, 'a name goes onb', '... of its own text';
    send_raw($peer, 'a name', $file);
    syswrite $peer, "\0\x0d";
    fails { recv_fh($us) } undef, 'EACCES', 'an error status behind a name counts';

    $us->blocking(0);
    fails { recv_fh($us) } undef, 'EAGAIN', 'nothing there';
    send_file($peer, $file);
    is tag_of(scalar recv_fh($us)), 'noted', 'after EAGAIN';
    close $peer;
    fails { recv_fh($us) } undef, 'ENOTCONN', 'the end';
}
no_leak('none left over');

# Where several descriptors fit beside the credentials, the surplus is closed.
for my $count (2, 3, 9, 10, 16, 253) {
    my ($us, $peer) = noting_pair();
    no warnings;
    send_raw($peer, "\0\0", $file, (\*STDIN) x ($count - 1));
    is tag_of(scalar recv_fh($us)), 'noted', "the first of $count descriptors";
    send_raw($peer, "\0\x0d", ($file) x $count);
    fails { recv_fh($us) } undef, 'EACCES', "a status with $count descriptors";
    send_raw($peer, "text\0\0", $file, (\*STDIN) x ($count - 1));
    is tag_of(scalar recv_fh($us)), 'noted', "text with $count descriptors";
    close $_ for $us, $peer;
    no_leak("none of $count left over");
}

{
    my ($us, $peer) = noting_pair();
    send_control($peer, "\0\0", credentials($$, $<, $( + 0), rights($file));
    is tag_of(scalar recv_fh($us)), 'noted', 'credentials that were sent';
    send_control($peer, "\0\x0d", credentials($$, $<, $( + 0));
    fails { recv_fh($us) } undef, 'EACCES', 'the same with a status';
}

# The kernel ends a read where the sender changes, so a message of two senders
# never comes in one piece.
{
    my ($us, $peer) = noting_pair();
    syswrite $peer, 'from the parent, ';
    in_child { syswrite $peer, 'from a child'; return }->result;
    syswrite $peer, "\0";
    in_child { send_raw($peer, "\0", $file); return }->result;
    send_raw($peer, "\0\0", $file);
    $text = '';
    is tag_of(scalar recv_fh($us)), 'noted', 'a message of two processes';
    is $text, 'from the parent, from a child', 'and its text';
    is tag_of(scalar recv_fh($us)), 'noted', 'and the next message';

    in_child { syswrite $peer, "\0"; return }->result;
    syswrite $peer, "\x0d";
    fails { recv_fh($us) } undef, 'EACCES', 'a status of two processes';

    $us->blocking(0);
    in_child { syswrite $peer, "\0"; return }->result;
    fails { recv_fh($us) } undef, 'EAGAIN', 'half a message';
    is queued($us), undef, 'does not stay queued';
    in_child { syswrite $peer, "\x0d"; return }->result;
    fails { recv_fh($us) } undef, 'EACCES', 'and goes on with its status';
}

for my $type (SOCK_SEQPACKET, SOCK_DGRAM) {
    my ($us, $peer) = noting_pair($type);
    no warnings 'File::FDpasser';    # a surplus, over streams
    send_raw($peer, "\0\0", $file);
    is tag_of(scalar recv_fh($us)), 'noted', 'a packet';
    send_raw($peer, "\0\x0d");
    fails { recv_fh($us) } undef, 'EACCES', 'a packet with a status';
    send_raw($peer, "\0\0x", ($file) x 9);
    fails { recv_fh($us) } undef, 'EMSGSIZE', 'a packet that is too long';
    send_raw($peer, "\0\0", $file);
    is tag_of(scalar recv_fh($us)), 'noted', 'the one after it';
}
no_leak('none left over of packets');

# A full table, with credentials and without a free descriptor.
{
    my ($us, $peer) = noting_pair();
    my $limit = descriptor_limit(64);
    send_raw($peer, "\0\0", $file);
    send_raw($peer, "\0\x0d");
    my @filler = fill_table();
    my @got = map { my $got = recv_fd($us); [ $got, $! + 0 ] } 1 .. 3;
    empty_table(@filler);
    descriptor_limit($limit);
    is_deeply \@got, [ ([ undef, POSIX::EMFILE() ]) x 3 ],
        'a full table: EMFILE';
    is tag_of(scalar recv_fh($us)), 'noted', 'and the message is still there';
    fails { recv_fh($us) } undef, 'EACCES', 'as is the one behind it';
}

# Linux 6.5 has SO_PASSPIDFD: a descriptor that nobody asked for.
SKIP: {
    my ($us, $peer) = pair();
    my $SO_PASSPIDFD = 76;
    skip 'no SO_PASSPIDFD here', 4
        if !setsockopt $us, SOL_SOCKET, $SO_PASSPIDFD, 1;
    send_raw($peer, "\0\0", $file);
    is tag_of(scalar recv_fh($us)), 'noted', 'SO_PASSPIDFD: a descriptor';
    send_raw($peer, "\0\x0d");
    fails { recv_fh($us) } undef, 'EACCES', 'SO_PASSPIDFD: a status';
    send_raw($peer, "text\0\0", $file);
    is tag_of(scalar recv_fh($us)), 'noted', 'SO_PASSPIDFD: text';
    close $_ for $us, $peer;
    no_leak('SO_PASSPIDFD: none left over');
}

undef $file;
no_leak();
done_testing;
