use strict;
use warnings;

# The program that xt/fault_injection.t runs under strace, which makes one of
# its system calls fail: it calls every function of the native layer, tries again
# what fails, and prints what should not be.
#
#     fault_injection.pl ENOBUFS     # the errno that failures may have

use lib 't/lib';
use Files;
use Peer;
use Situation;

use B            ();
use Errno        ();
use POSIX        ();
use Scalar::Util ();
use Socket;

sub is_xsub {
    my ($name) = @_;
    no strict 'refs';
    return if $name eq 'bootstrap' || !defined &{"File::FDpasser::$name"};
    my $code = B::svref_2object(\&{"File::FDpasser::$name"});
    return $code->XSUB && !($code->CvFLAGS & B::CVf_CONST())
        && $code->GV->STASH->NAME eq 'File::FDpasser';
}

# The module's XSUBs: how often each was called, but for that which perl calls in
# new threads. They are wrapped before their names are imported.
my %calls;
BEGIN {
    require File::FDpasser;
    no strict 'refs';
    no warnings qw(redefine prototype);
    for my $name (grep { is_xsub($_) } keys %File::FDpasser::) {
        my $xsub = \&{"File::FDpasser::$name"};
        $calls{$name} = 0;
        *{"File::FDpasser::$name"} = Scalar::Util::set_prototype(
            sub { $calls{$name}++; &$xsub }, prototype $xsub);
    }
    delete $calls{CLONE};
}

use File::FDpasser qw(:all);
use File::FDpasser::Channel;
use File::FDpasser::Loop qw(run);
use File::FDpasser::Queue;

my ($injected) = @ARGV;

my $dir      = workdir();
my $endpoint = "$dir/endpoint";
my $long     = "$dir/" . join '/', ('a' x 60) x 3;
my %file     = map { $_ => tagged($_) } 'a' .. 'j', map {"batch $_"} 1 .. 70;
my (@failed, @complaints);

my $has_pidfd = do {
    my ($us) = spipe();
    defined peer_pidfd($us);
};

sub complain { push @complaints, join ' ', @_ }

# Calls until it succeeds; what it returned. Failures are counted, and have to
# be the one that is injected.
sub persist {
    my ($what, $code) = @_;
    for my $attempt (1, 2) {
        $! = 0;
        my @got   = $code->();
        my $errno = errno_name($!);
        if (@got && defined $got[0] && $got[0] ne '-1') {
            complain("$what succeeded and left $errno in \$!") if $errno;
            return wantarray ? @got : $got[-1];
        }
        failed($what, $errno);
    }
    die "$what failed twice\n";
}

sub failed {
    my ($what, $errno) = @_;
    push @failed, "$what: $errno";
    complain("$what failed with $errno, not $injected")
        if $errno ne $injected && !($errno eq 'ENAMETOOLONG' && $what =~ /long path/);
    return;
}

# Calls until it fails in the way that it should.
sub refused {
    my ($what, $expected, $code) = @_;
    for my $attempt (1, 2) {
        $! = 0;
        my @got   = grep {defined} $code->();
        my $errno = errno_name($!);
        complain("$what did not fail"), return if @got && $got[0] > 0;
        return if $errno eq $expected;
        failed($what, $errno);
    }
    die "$what failed twice, not with $expected\n";
}

# Says which files came, closes numbers, and compares.
sub came {
    my ($what, $expected, @got) = @_;
    my $tags = join ' ', map { tag_of($_) } @got;
    complain("$what: '$tags' came, not '$expected'") if $tags ne $expected;
    POSIX::close($_) for grep { !ref } @got;
    return;
}

# True if it went.
sub sent_by_number {
    my ($socket, $number) = @_;
    return File::FDpasser::my_send_fd(fileno $socket, $number) == 0 || undef;
}

sub a_pair {
    return persist(
        spipe => sub {
            my @pair = eval { spipe() };
            complain("spipe died of $@") if $@ && $@ !~ /\Asocketpair: /;
            return @pair;
        });
}

# Fills the descriptor table but for so many numbers while $code runs.
sub with_room_for {
    my ($free, $code) = @_;
    my $limit = descriptor_limit(256);
    my @held  = fill_table();
    POSIX::close(pop @held) for 1 .. $free;
    $code->();
    empty_table(@held);
    descriptor_limit($limit);
    return;
}

sub timeouts {
    my ($socket) = @_;
    my $soon = pack 'l!l!', 0, 1000;
    for my $option (SO_RCVTIMEO, SO_SNDTIMEO) {
        persist(setsockopt => sub { setsockopt $socket, SOL_SOCKET, $option, $soon });
    }
    return $socket;
}

sub one_by_one {
    my ($us, $peer) = a_pair();
    persist(send_file => sub { send_file($peer, $file{$_}) }) for 'a' .. 'd';
    came('recv_fh', 'a', persist(recv_fh => sub { recv_fh($us) }));
    came('recv_fd', 'b', persist(recv_fd => sub { recv_fd($us) }));
    came('my_recv_fd', 'c',
        persist(my_recv_fd => sub { File::FDpasser::my_recv_fd(fileno $us) }));
    came('recv_fh with $sender', 'd',
        persist('recv_fh with $sender' => sub { recv_fh($us, my $sender) }));
    persist(my_send_fd => sub { sent_by_number($peer, fileno $file{e}) });
    came('recv_fh', 'e', persist(recv_fh => sub { recv_fh($us) }));
    return;
}

sub noted_senders {
    my ($us, $peer) = a_pair();
    persist(ask_sender => sub { ask_sender($us) });
    persist(send_file  => sub { send_file($peer, $file{f}) });
    my ($got, $sender) = persist('recv_fh of a noted sender' => sub {
        my $received = recv_fh($us, my $who);
        return ($received, $who);
    });
    came('recv_fh of a noted sender', 'f', $got);
    complain('the sender is not us') if $sender->{pid} != $$;
    return;
}

sub statuses {
    my ($us, $peer) = a_pair();
    my $text = '';
    local $File::FDpasser::on_text = sub { $text .= $_[0] };
    persist('send_err'             => sub { send_err($peer, 5) });
    persist('send_err with a text' => sub { send_err($peer, 30, 'too bad') });
    persist('my_send_fd of a status' => sub { sent_by_number($peer, -13) });
    refused('recv_fh of a status', 'EIO', sub { recv_fh($us) });
    refused('recv_fd of text and a status', 'EROFS', sub { recv_fd($us) });
    refused('my_recv_fd of a status', 'EACCES',
        sub { File::FDpasser::my_recv_fd(fileno $us) });
    complain("the text was '$text'") if $text ne 'too bad';
    return;
}

# The one documented exception: of text and a descriptor in one go, when a
# fault comes between them, the descriptor is closed and the rest is EPROTO.
sub text_and_descriptor {
    my ($us, $peer) = a_pair();
    local $File::FDpasser::on_text = sub { };
    persist(write_fd => sub { write_fd($peer, "text\0\0", $file{g}) });
    $! = 0;
    my $got = recv_fh($us);
    return came('text and a descriptor', 'g', $got) if $got;
    failed('recv_fh of text and a descriptor', errno_name($!));
    $got = recv_fh($us);
    return came('text and a descriptor', 'g', $got) if $got;
    complain('text, then ', errno_name($!)) if !$!{EPROTO};
    return;
}

sub batches {
    my ($us, $peer) = a_pair();
    my @files = map { $file{"batch $_"} } 1 .. 70;
    my $limit = descriptor_limit(256);    # a quarter of it goes in a message
    for (my $sent = 0; $sent < @files;) {
        $! = 0;
        my $more = send_files($peer, @files[ $sent .. $#files ]);
        $sent += $more if defined $more;
        failed('send_files', errno_name($!)) if $sent < @files;
    }
    descriptor_limit($limit);
    with_room_for(66, sub {
        came('recv_fds', join(' ', map {"batch $_"} 1 .. 64),
            persist(recv_fds => sub { recv_fds($us) }));
    });
    refused('recv_fhs of more than it takes', 'EMSGSIZE',
        sub { recv_fhs($us, 5) });
    came('recv_fhs', join(' ', map {"batch $_"} 65 .. 70),
        persist(recv_fhs => sub { recv_fhs($us, 6) }));
    return;
}

sub own_protocol {
    my ($us, $peer) = a_pair();
    my $written = persist(write_fd =>
            sub { write_fd($peer, 'bytes', @file{qw(h i)}) });
    complain("write_fd wrote $written bytes") if $written != 5;
    my ($bytes, @got) = persist(read_fd => sub { read_fd($us, 100, 2) });
    complain("read_fd read '$bytes'") if $bytes ne 'bytes';
    came('read_fd', 'h i', @got);
    return;
}

sub other_end {
    my ($us) = a_pair();
    persist(peer_cred   => sub { peer_cred($us) });
    persist(peer_groups => sub { defined peer_groups($us) || undef });
    persist(peer_pidfd  => sub { peer_pidfd($us) }) if $has_pidfd;
    persist(my_isastream => sub { File::FDpasser::my_isastream($us) });
    refused(bind_to_fs => 'ENOSYS',
        sub { File::FDpasser::bind_to_fs($us, "$dir/stream") });
    return;
}

sub files {
    persist(my_getfl => sub { my_getfl($file{a}) });
    my $mode = persist(get_fopen_mode => sub { get_fopen_mode($file{a}) });
    complain("the mode was '$mode'") if $mode ne 'w+';
    my $memory = persist(memfd => sub { memfd('name', 'bytes') });
    my $bytes  = readline $memory;
    complain("the memory has '$bytes'") if $bytes ne 'bytes';
    complain('transport is ', transport()) if transport() ne 'socket';
    return;
}

# What a queue's callback hears: a value, or undef and $!.
sub heard {
    my ($queue, $push) = @_;
    my ($value, $errno);
    $push->(sub { ($value, $errno) = (shift, $! + 0) });
    run($queue);
    $! = defined $value ? 0 : $errno;
    return $value;
}

sub queues {
    my ($receives, $sends) = map {
        my $end = $_;
        persist('a queue' => sub { File::FDpasser::Queue->new($end) });
    } a_pair();
    my $receive = sub { heard($receives, sub { $receives->push_recv_fh(@_) }) };
    persist(push_send_fh =>
            sub { heard($sends, sub { $sends->push_send_fh($file{a}, @_) }) });
    persist(push_send_err =>
            sub { heard($sends, sub { $sends->push_send_err(5, undef, @_) }) });
    came('push_recv_fh', 'a', persist(push_recv_fh => $receive));
    refused('push_recv_fh of a status', 'EIO', $receive);
    return;
}

sub channels {
    my ($reads, $writes) = map {
        my $end = $_;
        persist('a channel' => sub { File::FDpasser::Channel->new($end) });
    } a_pair();
    my $read_all = sub { $reads->read_exactly(60_000) };
    my $block = 'x' x 60_000;
    persist('write' => sub { $writes->write($block, $file{b}) });
    persist('read_exactly' => $read_all);
    came('take_fhs', 'b', $reads->take_fhs);

    $writes->blocking(0);
    my $written = 0;
    until ($writes->pending_bytes) {
        persist('write, perhaps later' => sub {
            my $taken = $writes->write($block, $file{c});
            $! = 0 if $taken;
            return $taken;
        });
        $written++;
    }
    for my $number (1 .. $written) {
        $writes->ready;
        persist('read_exactly' => $read_all);
        came('take_fhs', 'c', $reads->take_fhs(1));
    }
    return;
}

# What has to wait, and does so in vain.
sub waits {
    my ($us, $peer) = map { timeouts($_) } a_pair();
    refused('recv_fh that waits', 'EAGAIN', sub { recv_fh($us) });
    syswrite $peer, "\0";
    refused('recv_fh of half a message', 'EAGAIN', sub { recv_fh($us) });
    syswrite $peer, "\x05";
    refused('recv_fh of both halves', 'EIO', sub { recv_fh($us) });

    my $block = 'x' x 1024;
    1 while send $peer, $block, MSG_DONTWAIT;
    refused('send_file that waits', 'EAGAIN',
        sub { send_file($peer, $file{a}) });
    1 while defined recv $us, $block, 65536, MSG_DONTWAIT;
    persist(send_file => sub { send_file($peer, $file{a}) });
    came('recv_fh after all', 'a', persist(recv_fh => sub { recv_fh($us) }));
    close $peer;
    refused('recv_fh at the end', 'ENOTCONN', sub { recv_fh($us) });
    return;
}

sub full_table {
    my ($us, $peer) = a_pair();
    persist(send_file => sub { send_file($peer, $file{b}) });
    persist(send_files => sub { send_files($peer, @file{qw(c d e)}) });
    with_room_for(0, sub {
        refused('recv_fd with a full table', 'EMFILE', sub { recv_fd($us) });
        refused('recv_fds with a full table', 'EMFILE', sub { recv_fds($us) });
    });
    with_room_for(1, sub {
        came('recv_fd with room for one', 'b',
            persist('recv_fd with room for one' => sub { recv_fd($us) }));
    });
    with_room_for(3, sub {
        came('recv_fds with room for three', 'c d e',
            persist('recv_fds with room for three' => sub { recv_fds($us) }));
    });
    return;
}

# Creates an endpoint; a failure leaves the name and the directory as they were.
sub create {
    my ($what, $path, %option) = @_;
    my $before = state_of($path);
    return persist("endp_create, $what" => sub {
        my $listener = endp_create($path, %option);
        my $errno    = $! + 0;
        complain("endp_create, $what, failed: $before before and ",
            state_of($path), 'after')
            if !$listener && state_of($path) ne $before;
        $! = $errno;
        return $listener;
    });
}

# Looked at until two looks agree: the fault may hit a look.
sub state_of {
    my ($path) = @_;
    my ($folder) = $path =~ m{\A(/.*)/} or return 'abstract';
    my ($before, $state) = ('');
    for (;;) {
        my $names = eval { names($folder) };
        my $inode = (lstat $path)[1];
        $state = join ' ', map { defined $_ ? $_ : 'nothing' } $names, $inode;
        return $state if $state eq $before;
        $before = $state;
    }
}

# A client that failed may be in the queue, and one that the server lost, as it
# could not say who it is, comes again.
sub served {
    my ($what, $path, $accept) = @_;
    my $listener = timeouts(create($what, $path));
    for my $attempt (1, 2) {
        1 while serv_accept_fh($listener);
        $! = 0;
        my $client = endp_connect($path);
        my $server = $client && $accept->($listener);
        if (!defined $server) {
            failed("a connection to $what", errno_name($!));
            next;
        }
        persist(send_file => sub { send_file($client, $file{j}) });
        came($what, 'j', persist(recv_fh => sub { recv_fh($server) }));
        POSIX::close($server) if !ref $server;
        return;
    }
    die "a connection to $what failed twice\n";
}

sub named_endpoints {
    served('a free name', $endpoint, sub { serv_accept_fh($_[0], my $uid) });
    served('a stale node', $endpoint, sub { serv_accept_fh($_[0]) });
    served('a long path', "$long/endpoint", sub { serv_accept_fd($_[0]) });
    served('a stale node of a long path', "$long/endpoint",
        sub { serv_accept_fd($_[0], my $uid) });
    served('an abstract name', "\0$dir", sub { serv_accept_fh($_[0]) });
    served('a name again', $endpoint, sub {
        my $number = File::FDpasser::my_serv_accept($_[0], my $uid);
        return $number < 0 ? undef : $number;
    });
    return;
}

sub pending {
    my ($listener) = @_;
    vec(my $bits = '', fileno $listener, 1) = 1;
    return select $bits, undef, undef, 0;
}

sub options_of_endpoints {
    unlink $endpoint;
    my $first = create('mode', $endpoint, mode => 0600, backlog => 0);
    $first = create('mode over a stale node', $endpoint, mode => 0600, backlog => 0);
    refused('endp_create, exclusive', 'EADDRINUSE',
        sub { endp_create($endpoint, exclusive => 1) });
    my $client = persist(cli_conn => sub {
        my $got   = cli_conn($endpoint);
        my $errno = $! + 0;
        accept my $lost, $first if $got < 0 && pending($first);
        $! = $errno;
        return $got;
    });
    refused('endp_connect that waits', 'ETIMEDOUT',
        sub { endp_connect($endpoint, timeout => 0.001) });
    POSIX::close($client);
    undef $first;
    $first = create('exclusive over a stale node', $endpoint, exclusive => 1, sender => 1);
    $client = persist('endp_connect, sender' =>
            sub { endp_connect($endpoint, sender => 1) });
    my $nobody = timeouts(create('to wait at', "$dir/waiting"));
    refused('serv_accept_fh that waits', 'EAGAIN',
        sub { serv_accept_fh($nobody) });
    return;
}

sub what_has_to_stay {
    refused('endp_create over data', 'EADDRINUSE',
        sub { endp_create("$dir/precious") });
    refused('endp_connect to data', 'ECONNREFUSED',
        sub { endp_connect("$dir/precious") });
    refused('endp_connect to nothing', 'ENOENT',
        sub { endp_connect("$dir/nothing") });
    return;
}

mkdir $long =~ s{((?:/[^/]*){$_})\z}{}r for 2, 1, 0;
write_file("$dir/precious", 'data');
Situation::new_baseline();
watchdog(20);

lstat "$dir/the passes begin";
one_by_one();
noted_senders();
statuses();
text_and_descriptor();
batches();
own_protocol();
other_end();
files();
queues();
channels();
waits();
full_table();
named_endpoints();
options_of_endpoints();
what_has_to_stay();
lstat "$dir/the passes end";

complain("never called: $_") for grep { !$calls{$_} } sort keys %calls;
complain("left open: $_") for leaked();
complain('data is gone') if content("$dir/precious") ne 'data';
complain('in the directory: ', names($dir))
    if names($dir) ne 'aaa endpoint precious waiting' =~ s/aaa/'a' x 60/er;
complain('in the long one: ', names($long)) if names($long) ne 'endpoint';
complain('more than one failure: ', join ', ', @failed) if @failed > 1;
print map {"$_\n"} @complaints;
print 'reported: ', join(', ', @failed), "\n";
