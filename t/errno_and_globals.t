use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Meeting;
use Situation;

use POSIX ();

use File::FDpasser;
use File::FDpasser::Channel;
use File::FDpasser::Queue;
no warnings 'File::FDpasser';

# What a call leaves alone: $! when it succeeds, $_ $1 $@ always; and what it
# does not depend on: $, $\ $/ $".

my $dir   = workdir();
my $made  = 0;
my $flush = "$dir/flushed";

sub fresh { return "$dir/server" . ++$made }

# A stale socket at a fresh path
sub stale {
    my $path = fresh();
    endp_create($path) or die "endp_create: $!";
    return $path;
}

sub listening {
    my $path = fresh();
    return ($path, endp_create($path) || die "endp_create: $!");
}

# A path, and the server there
sub accepting {
    my ($path, $listener) = listening();
    return ($path, elsewhere { serv_accept_fh($listener) });
}

# Each prepares a situation and returns the call to look at, then what has to
# stay open meanwhile.
my %succeeds = (
    'spipe'                    => sub { sub { spipe() } },
    'spipe, scalar'            => sub { sub { scalar spipe() } },
    'endp_create, a free name' =>
        sub { my $p = fresh(); sub { endp_create($p) } },
    'endp_create, over a stale socket' =>
        sub { my $p = stale(); sub { endp_create($p) } },
    'endp_create, over an empty file' => sub {
        my $p = fresh();
        open my $empty, '>', $p or die "$p: $!";
        return sub { endp_create($p) };
    },
    'endp_create, over a symbolic link' => sub {
        my $p = fresh();
        symlink 'nowhere', $p or die "$p: $!";
        return sub { endp_create($p) };
    },
    'endp_create, with options' => sub {
        my $p = stale();
        my @options = (mode => 0600, backlog => 3, exclusive => 1);
        return sub { endp_create($p, @options) };
    },
    'endp_connect' => sub {
        my ($p, $server) = accepting();
        return (sub { endp_connect($p) }, $server);
    },
    'endp_connect, timeout' => sub {
        my ($p, $server) = accepting();
        return (sub { endp_connect($p, timeout => 30) }, $server);
    },
    'cli_conn' => sub {
        my ($p, $server) = accepting();
        return (sub { POSIX::close(cli_conn($p)) }, $server);
    },
    'serv_accept_fh'       => sub { accepted(sub { serv_accept_fh($_[0]) }) },
    'serv_accept_fh, $uid' =>
        sub { accepted(sub { serv_accept_fh($_[0], my $uid) }) },
    'serv_accept_fd' =>
        sub { accepted(sub { POSIX::close(serv_accept_fd($_[0], my $uid)) }) },
    'my_serv_accept' => sub {
        accepted(sub {
            POSIX::close(File::FDpasser::my_serv_accept(fileno $_[0], my $uid));
        });
    },
    'send_file' => sub { sent(sub { send_file($_[0], \*STDIN) }) },
    'send_file, pending output' => sub {
        open my $fh, '>', $flush or die "$flush: $!";
        print {$fh} 'pending';
        sent(sub { print { $_[0] } 'pending'; send_file($_[0], $fh) });
    },
    'my_send_fd' =>
        sub { sent(sub { File::FDpasser::my_send_fd(fileno $_[0], 0) == 0 }) },
    'my_send_fd, a status' =>
        sub { sent(sub { File::FDpasser::my_send_fd(fileno $_[0], -5) == 0 }) },
    'recv_fh, a file'   => sub { received(\*DATA,       \&recv_fh) },
    'recv_fh, a socket' => sub { received((spipe())[0], \&recv_fh) },
    'recv_fh, a pipe'   =>
        sub { pipe my $r, my $w or die $!; received($r, \&recv_fh) },
    'recv_fh, an append handle' => sub {
        open my $fh, '>>', $flush or die "$flush: $!";
        received($fh, \&recv_fh);
    },
    'recv_fh, a directory' =>
        sub { opendir my $d, $dir or die $!; received($d, \&recv_fh) },
    'recv_fd' =>
        sub { received(\*STDIN, sub { POSIX::close(recv_fd($_[0])) }) },
    'my_recv_fd' => sub {
        received(\*STDIN,
            sub { POSIX::close(File::FDpasser::my_recv_fd(fileno $_[0])) });
    },
    'my_getfl'       => sub { sub { my_getfl(0) >= 0 } },
    'get_fopen_mode' => sub { sub { get_fopen_mode(0) } },
    'my_isastream'   => sub { sub { File::FDpasser::my_isastream(0) == 0 } },
    'a queue'               => sub { sent(sub { File::FDpasser::Queue->new($_[0]) }) },
    'a queue of a number'   => sub { sent(sub { File::FDpasser::Queue->new(fileno $_[0]) }) },
    'a channel'             => sub { sent(sub { File::FDpasser::Channel->new($_[0]) }) },
    'a channel of a number' => sub { sent(sub { File::FDpasser::Channel->new(fileno $_[0]) }) },
);

sub accepted {
    my ($accept) = @_;
    my ($p, $listener) = listening();
    my $client = elsewhere { endp_connect($p) };
    return (sub { $accept->($listener) }, $client);
}

sub sent {
    my ($send) = @_;
    my ($here, $there) = spipe();
    return (sub { $send->($here) }, $there);
}

sub received {
    my ($fh, $receive) = @_;
    my ($here, $there) = spipe();
    send_file($here, $fh) or die "send_file: $!";
    return (sub { $receive->($there) }, $here);
}

my %fails = (
    'send_file'      => [ undef, sub { send_file(2**33, 0) } ],
    'recv_fh'        => [ undef, sub { recv_fh(2**33) } ],
    'recv_fd'        => [ undef, sub { recv_fd('word') } ],
    'endp_create'    => [ undef, sub { endp_create("$dir/none/there") } ],
    'endp_connect'   => [ undef, sub { endp_connect("$dir/none") } ],
    'serv_accept_fh' => [ undef, sub { serv_accept_fh('word') } ],
    'serv_accept_fd' => [ undef, sub { serv_accept_fd('word') } ],
    'cli_conn'       => [ -1, sub { cli_conn("$dir/none") } ],
    'my_getfl'       => [ -1, sub { my_getfl(2**33) } ],
    'get_fopen_mode' => [ undef, sub { get_fopen_mode(2**33) } ],
    'my_send_fd'     => [ -1, sub { File::FDpasser::my_send_fd(2**33, 0) } ],
    'my_recv_fd'     => [ -1, sub { File::FDpasser::my_recv_fd(2**33) } ],
    'my_serv_accept' =>
        [ -1, sub { File::FDpasser::my_serv_accept(2**33, my $uid) } ],
    'bind_to_fs'   => [ 0, sub { File::FDpasser::bind_to_fs(0, "$dir/fs") } ],
    'my_isastream' => [ -1, sub { File::FDpasser::my_isastream(2**33) } ],
);

# Runs the call with peculiar globals; returns what it returned, and the
# names of those that it changed.
sub changed {
    my ($call) = @_;
    my (@changed, @warnings);
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    'matched' =~ /\A(m)/ or die;
    local $_ = 'topic';
    local ($,, $\, $/, $") = ("comma", "newline", \3, "quote");
    local $@ = 'an earlier error';
    $! = 7;
    my @got = $call->();
    push @changed, '$!' if $! != 7;
    push @changed, '$_' if $_ ne 'topic';
    push @changed, '$1' if $1 ne 'm';
    push @changed, '$@' if $@ ne 'an earlier error';
    push @changed, "a warning: @warnings" if @warnings;
    return (\@got, join ' ', @changed);
}

for my $name (sort keys %succeeds) {
    my ($call, @open) = $succeeds{$name}->();
    my ($got, $changed) = changed($call);
    ok @$got && defined $got->[0] && $got->[0], "$name succeeds";
    is $changed, '', '... and leaves $! $_ $1 $@ alone';
}
for my $name (sort keys %fails) {
    my ($value, $call) = @{ $fails{$name} };
    my ($got, $changed) = changed($call);
    is_deeply $got, [$value], "$name fails with its one value";
    is $changed, '$!', '... and sets nothing but $!';
}

# send_file dies of an argument: that is all it does to $@, and $! is free.
{
    local $_ = 'topic';
    'matched' =~ /\A(m)/;
    eval { send_file('word', 'word') };
    is "$_ $1", 'topic m', 'a death by argument leaves $_ and $1 alone';
}

# In list context, in a list, in an argument list: one element.
{
    my %answer = (before => 1, fh => recv_fh('word'), after => 2);
    is_deeply \%answer, { before => 1, fh => undef, after => 2 },
        'a failure keeps its place in a list';
}

# Nothing is printed, but for warnings to those who want them: not from C either.
is run_perl('-w', '-MFile::FDpasser', '-e', <<'SCRIPT', "$dir"), '',
    no warnings 'File::FDpasser';
    BEGIN { open STDERR, '>&', \*STDOUT or die "STDERR: $!"; }
    my $none = "$ARGV[0]/none/there";
    eval { send_file($_, 0) } for undef, 'word', -1, 1.5, [], 2**40;
    for my $no ($none, "$ARGV[0]/x\0y", '', undef, "$ARGV[0]/" . 'n' x 300) {
        endp_create($no);
        endp_connect($no, timeout => 1);
        cli_conn($no);
    }
    open my $file, '<', '/dev/null' or die $!;
    for my $no (undef, 'word', -1, 1.5, [], 2**40, fileno $file) {
        recv_fh($no);
        recv_fd($no);
        serv_accept_fh($no, my $uid);
        serv_accept_fd($no, $uid);
        my_getfl($no);
        get_fopen_mode($no);
        File::FDpasser::my_send_fd($no, $no);
        File::FDpasser::my_recv_fd($no);
        File::FDpasser::my_serv_accept($no, $uid);
        File::FDpasser::my_isastream($no);
    }
    my ($here, $there) = spipe();
    # On streams it waits for the descriptor that is missing.
    my @none = File::FDpasser::transport() eq 'socket' ? "\0\0" : ();
    syswrite $here, $_ and recv_fh($there) for "\0\5", @none, "\0\377";
    close $here;
    recv_fh($there);
    local $SIG{PIPE} = 'IGNORE';
    send_file($there, 0);
SCRIPT
    'nothing that fails prints anything';
is $?, 0, '... or ends the process';

# 0 is a descriptor, too.
{
    my ($here, $there) = spipe();
    $! = 7;
    ok send_file($here, 0), 'descriptor 0 is sent';
    is $! + 0, 7, '... and $! is as it was';
}

no_leak();
done_testing;
__DATA__
the file that is sent
