# Descriptors over streams, through the module.
#
#      4 effective ids                         14 a full table
#      5 ids are those of the sending          29 the protocol

BEGIN { $ENV{FDPASSER_TRANSPORT} = 'streams' }

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use File::FDpasser qw(:all);
use POSIX ();

use Peer;
use Socket qw(MSG_PEEK SOCK_STREAM);
use Situation;

my $file = tagged('over streams');

sub receives {
    my ($from, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $got = recv_fh($from) or return fail("$name: $!");
    return is tag_of($got), 'over streams', $name;
}

# 4, 5, whichever end it is
for my $turned (0, 1) {
    SKIP: {
        skip 'only root can be somebody else', 3 if $> != 0;
        my ($here, $there) = $turned ? reverse spipe() : spipe();
        my $child = in_child {
            undef $there;
            $) = "4712 4712";
            $> = 4711;
            patiently { send_file($here, $file) };
            $> = 0;
            send_file($here, $file);
            return $$;
        };
        undef $here;
        recv_fh($there, my $first);
        recv_fh($there, my $second);
        my $pid = $child->result;
        is_deeply $first, { pid => $pid, uid => 4711, gid => 4712, from => 'message' },
            'the effective ids at the time';
        is_deeply $second, { pid => $pid, uid => 0, gid => 4712, from => 'message' },
            'other ones later';
    }
}
{
    my ($here, $there) = spipe();
    send_file($here, $file);
    POSIX::close(recv_fd($there, my $own));
    is $own->{pid}, $$, 'our own pid';
}

# 14
for my $receive (\&recv_fh, sub { recv_fd(@_) }, sub { (recv_fhs(@_))[0] }) {
    my ($here, $there) = spipe();
    send_file($here, $file);
    my $limit  = descriptor_limit(64);
    my @filler = fill_table();
    for (1 .. 2) {
        $! = 0;
        my $got = $receive->($there);
        is_deeply [ defined $got, errno_name($!) ], [ '', 'EMFILE' ],
            'a full table';
    }
SKIP: {
        skip 'streams of the system cannot be looked into', 1
            if transport() !~ /emulated/;
        recv $there, my $first, 10, MSG_PEEK;
        is $first, "\0\0", '... what announces it stays, for other readers of the stream';
    }
    empty_table(@filler);
    descriptor_limit($limit);
    my $got = $receive->($there);
    is tag_of($got), 'over streams', '... the same descriptor arrives later';
    POSIX::close($got) if !ref $got;
}

# 29
{
    my ($here, $there) = spipe();
    is send_file($here, $file), 1, 'a descriptor';
    receives($there, '... arrives');
    my @number = map { fileno $_ } $here, $there;
    for ([ -5, -5 ], [ -256, -1 ], [ -257, -1 ], [ -255, -255 ]) {
        my ($sent, $received) = @$_;
        is File::FDpasser::my_send_fd($number[0], $sent), 0, "status $sent";
        is File::FDpasser::my_recv_fd($number[1]), $received, '... arrives';
    }
}
{
    my ($here, $there) = spipe();
    my $text = '';
    local $File::FDpasser::on_text = sub { $text .= $_[0] };
    syswrite $here, "some ";
    syswrite $here, "text\n\0\0";
    send_file($here, $file);
    receives($there, 'text and a descriptor');
    is $text, "some text\n", '... with the text';
    $text = '';
    send_err($here, 2, 'x' x 10_000);
    fails { recv_fh($there) } undef, 'ENOENT', 'a long text and a status';
    is length $text, 10_000, '... with all of the text';
    local $File::FDpasser::max_text = 10;
    send_err($here, 2, 'x' x 11);
    fails { recv_fh($there) } undef, 'EPROTO', 'more than is wanted';
}
{
    my ($here, $there) = spipe();
    for my $message ("\0", "\0\0\0\0", "\0ab", "text\0", "text\0\0more") {
        syswrite $here, $message;
        fails { recv_fh($there) } undef, 'EPROTO', 'malformed';
    }
    syswrite $here, "\0\0";
    syswrite $here, "\0\5";
    fails { recv_fh($there) } undef, 'EIO', 'a status in its place is that status';
    syswrite $here, "\0\0";
    send_file($here, $file);
    receives($there, 'announced twice');
    syswrite $here, "\0\0";
    close $here;
    fails { recv_fh($there) } undef, 'EPROTO', 'nor before the end';
    fails { recv_fh($there) } undef, 'ENOTCONN', 'the end';
}
{
    my ($here, $there) = spipe();
    $there->blocking(0);
    fails { recv_fh($there) } undef, 'EAGAIN', 'nothing yet';
    syswrite $here, "\0\0";
    fails { recv_fh($there) } undef, 'EAGAIN', 'announced, and not there'
        for 1 .. 2;
    # The rest of the message; a descriptor alone is one too.
    send_control($here, "\0", rights($file), credentials($$, $>, $) + 0));
    receives($there, 'the announced one');
    syswrite $here, "\0\0";
    fails { recv_fh($there) } undef, 'EAGAIN', 'announced again';
    send_err($here, 13, "why not\n");
    {
        my $text = '';
        local $File::FDpasser::on_text = sub { $text .= $_[0] };
        fails { recv_fh($there) } undef, 'EACCES', 'and why it does not come';
        is $text, "why not\n", '... in words';
    }
    fails { recv_fh($there) } undef, 'EAGAIN', 'that was all';
    send_control($here, "\0", rights($file), credentials($$, $>, $) + 0));
    receives($there, 'a descriptor that nothing announced');
}

# A dead peer
{
    my ($here, $there) = spipe();
    send_file($here, $file);
    close $here;
    receives($there, 'what was sent before the end');
    fails { recv_fh($there) } undef, 'ENOTCONN', 'the end';
    fails { serv_accept_fh($there) } undef, 'ENOTCONN', '... for who takes it for a server, too';
    my $raised = 0;
    local $SIG{PIPE} = sub { $raised++ };
    fails { send_file($there, $file) } undef, 'EPIPE', 'nobody takes it';
    is $raised, 1, '... with SIGPIPE';
    fails { send_file($there, 1000) } undef, 'EBADF',
        'a bad descriptor comes first';
}

# One of several that is not open: nothing has gone, the announcement neither.
{
    my ($here, $there) = spipe();
    $there->blocking(0);
    for my $bytes ("\0\0", 'x') {
        fails { write_fd($here, $bytes, $file, 1000) } undef, 'EBADF', 'one is not open: write_fd';
        fails { recv_fh($there) } undef, 'EAGAIN', '... nothing has gone';
    }
    fails { send_files($here, $file, 1000) } undef, 'EBADF', 'one is not open: send_files';
    fails { recv_fh($there) } undef, 'EAGAIN', '... nothing has gone';
}

# Several, and bytes
{
    my ($here, $there) = spipe();
    is send_files($here, ($file) x 3), 3, 'three descriptors';
    is tag_of((recv_fhs($there))[0]), 'over streams', '... come one by one'
        for 1 .. 3;
    $! = 0;
    send_file($here, $file);
    is_deeply [ recv_fhs($there, 0) ], [], 'none wanted';
    is errno_name($!), 'EMSGSIZE', '... says so';
    receives($there, '... and it stays');
    is write_fd($here, 'hello', $file, $file), 5, 'bytes and descriptors';
    my ($bytes, @handles) = read_fd($there, 100, 10);
    is_deeply [ $bytes, map { tag_of($_) } @handles ],
        [ 'hello', ('over streams') x 2 ], '... come together';
    write_fd($here, "\0\0", $file);
    receives($there, 'a message of status 0 by hand');
    send_file($here, $file);
    ($bytes, @handles) = read_fd($there, 100, 10);
    is_deeply [ $bytes, scalar @handles ], [ "\0\0", 1 ], '... both ways';
    close $here;
    is_deeply [ read_fd($there, 100, 10) ], [''], 'the end';
}

# Sockets are served as sockets.
{
    my ($us, $peer) = pair(SOCK_STREAM);
    is File::FDpasser::my_isastream(fileno $us), 0, 'a socket is no stream';
    send_raw($peer, "\0\0", $file);
    receives($us, '... and served as one');
    send_file($us, $file);
    my ($bytes, $number) = recv_raw($peer, 100);
    is $bytes, "\0\0", '... both ways';
    is tag_of($number), 'over streams', '... in one message';
    POSIX::close($number);
    my ($here) = spipe();
    is File::FDpasser::my_isastream(fileno $here), 1, 'a stream is one';
}

close $file;
no_leak();
done_testing;
