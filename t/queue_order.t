# File::FDpasser::Queue: what is pushed goes and comes in order, whatever room
# there is, and each callback hears of its own message.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use Errno;
use File::FDpasser qw(:all);
use File::FDpasser::Queue;
use IO::Handle;
use Socket;

watchdog(60);    # some of it takes long beside other work

# Serves queues until none of them has anything to wait for.
sub serve {
    while (grep { $_->pending } @_) {
        my ($read, $write, $timeout) = ('', '');
        for my $queue (@_) {
            my $number = fileno $queue->{connection};
            vec($read,  $number, 1) = 1 if $queue->wants_read;
            vec($write, $number, 1) = 1 if $queue->wants_write;
            $timeout = $queue->timeout if defined $queue->timeout;
        }
        select $read, $write, undef, $timeout;
        $_->ready for @_;
    }
}

sub queues {
    my ($us, $peer) = pair(@_);
    return map { File::FDpasser::Queue->new($_) } $us, $peer;
}

# A callback that notes what came, or why nothing did.
sub note_into {
    my ($list) = @_;
    return sub {
        my ($fh) = @_;
        push @$list, $fh ? tag_of($fh) : errno_name($!);
    };
}

for my $type (SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM) {
    my ($one, $other) = queues($type);
    my (@sent, @received, @back);
    for my $number (1 .. 350) {
        $one->push_send_fh(tagged("a$number"), sub { push @sent, $number });
        $other->push_send_fh(tagged("b$number"));
        $other->push_recv_fh(note_into(\@received));
        $one->push_recv_fh(note_into(\@back));
    }
    is $one->pending, 700, "type $type: all of it waits";
    $one->ready;
    cmp_ok scalar @sent, '<', 350, '... the connection takes some';
    serve($one, $other);
    is_deeply \@sent,     [ 1 .. 350 ], '... the sends report in order';
    is_deeply \@received, [ map {"a$_"} 1 .. 350 ], '... they come in order';
    is_deeply \@back,     [ map {"b$_"} 1 .. 350 ], '... the other way, too';
    is $one->pending, 0, '... and nothing waits any more';
}

# A batch is a number of descriptors like any other.
if (!OverStreams::lack('batches')) {
    my ($one, $other) = queues();
    my (@went, @received);
    $one->push_send_fhs([ map { tagged($_) } 1 .. 150 ], sub { push @went, @_ });
    $one->push_send_fh(tagged(151), sub { push @went, @_ });
    $one->push_send_fhs([], sub { push @went, @_ });
    $other->push_recv_fh(note_into(\@received)) for 1 .. 3;
    serve($one, $other);
    is_deeply \@went, [ 150, 1, 0 ], 'batches report how many went';
    is_deeply \@received, [ 1 .. 3 ], 'the first three callbacks are served';
    is $other->timeout, undef, '... the rest is kept, and asks for nothing';
    $other->push_recv_fh(note_into(\@received)) for 4 .. 151;
    is_deeply \@received, [ 1 .. 3 ], '... until others are pushed';
    is $other->timeout, 0, '... who can have it at once';
    ok !$other->wants_read, '... without looking at the connection';
    serve($other);
    is_deeply \@received, [ 1 .. 151 ], '... in order';

    $one->push_send_fhs([ map { tagged($_) } 1 .. 10 ]);
    $other->push_recv_fh(note_into(\@received));
    serve($one, $other);
}
no_leak('descriptors of a batch that nobody took are closed');

# Larger than the connection is.
{
    my ($one, $other) = queues();
    my $file  = tagged('big');
    my $count = OverStreams::lack('batches') ? 10_000 : 100_000;
    my (@went, $received);
    $one->push_send_fhs([ ($file) x $count ], sub { push @went, @_ });
    $one->ready;
    is_deeply \@went, [], 'a batch that the connection does not take at once';
    $other->push_recv_fh(sub { $received++ if $_[0] }) for 1 .. $count;
    serve($one, $other);
    is_deeply \@went, [$count], '... goes all the same';
    is $received, $count, '... and arrives';
}

# Answers that are errors, of any number: those that the queue itself waits for
# as well.
{
    my ($us, $peer) = pair();
    my $queue = File::FDpasser::Queue->new($us);
    my @statuses = map { Errno->can($_)->() } qw(EPERM ENOENT EINTR EAGAIN ENOMEM
        ENFILE EMFILE ENOBUFS ETOOMANYREFS ENOTCONN EINVAL);
    my @got;
    for my $status (@statuses) {
        File::FDpasser::my_send_fd($peer, -$status);
        $queue->push_recv_fh(sub { push @got, defined $_[0] ? $_[0] : $! + 0 });
    }
    send_file($peer, tagged('after'));
    $queue->push_recv_fh(note_into(\@got));
    $queue->ready;
    is_deeply \@got, [ @statuses, 'after' ], 'each errno of the peer is an answer';
    is $queue->pending, 0, '... and nothing was taken for a reason to wait';
}
{
    my ($one, $other) = queues();
    my ($text, @got) = ('');
    local $File::FDpasser::on_text = sub { $text .= $_[0] };
    $one->push_send_fh(tagged('before'));
    $one->push_send_err(13, 'not yours', sub { push @got, "sent $_[0]" });
    $one->push_send_err(do { local $! = 2; $! });
    $one->push_send_err(255, 'x' x 4096);
    $one->push_send_fh(tagged('behind'));
    $other->push_recv_fh(note_into(\@got)) for 1 .. 5;
    serve($one, $other);
    is_deeply \@got, [ 'sent 1', 'before', 'EACCES', 'ENOENT', '', 'behind' ],
        'error replies keep their place among descriptors';
    like $text, qr/\Anot yoursx{1000,4096}\z/, '... and bring their texts';
}

# Something that is no message concerns one callback.
{
    my ($us, $peer) = pair();
    my $queue = File::FDpasser::Queue->new($us);
    my @got;
    send_raw($peer, OverStreams::lack('halves') ? "\0\0\0" : "\0\0");
    send_file($peer, tagged('good'));
    $queue->push_recv_fh(note_into(\@got)) for 1 .. 2;
    $queue->ready;
    is_deeply \@got, [ 'EPROTO', 'good' ], 'a message without its descriptor';
}

# A protocol of the program's own on the same connection.
{
    my ($us, $peer) = pair();
    my $queue = File::FDpasser::Queue->new($us);
    my @got;
    $queue->push_send_fh(tagged('sent'));
    $queue->ready;
    syswrite $us, 'bytes';
    is tag_of(scalar recv_fh($peer)), 'sent', 'a descriptor';
    sysread $peer, my $bytes, 100;
    is $bytes, 'bytes', '... and the bytes behind it';
    send_file($peer, tagged('back'));
    syswrite $peer, 'more bytes';
    $queue->push_recv_fh(note_into(\@got));
    serve($queue);
    sysread $us, $bytes, 100;
    is_deeply [ @got, $bytes ], [ 'back', 'more bytes' ], 'the other way';
}

# What was printed to a handle before it was pushed goes before its descriptor.
{
    my ($us, $peer) = pair();
    my $queue = File::FDpasser::Queue->new($us);
    open my $file, '+>', undef or die "temporary file: $!";
    print {$file} 'printed';
    $queue->push_send_fh($file);
    print {$file} ' later';
    $queue->ready;
    is tag_of(scalar recv_fh($peer)), 'printed', 'what was printed is there';
}

# Connections and handles in every form that the module takes.
{
    package Object;
    sub new { return bless { fh => $_[1] }, $_[0] }
    sub fileno { return CORE::fileno $_[0]{fh} }
}
{
    my ($us, $peer) = pair();
    our $GLOBAL;
    *GLOBAL = $us;
    for my $conn ($us, *$us{IO}, *GLOBAL, fileno $us, '' . fileno $us,
        Object->new($us))
    {
        $us->blocking(1);
        my $queue = File::FDpasser::Queue->new($conn);
        ok $queue && !$us->blocking, ref(\$conn) . ' ' . ref($conn)
            . ' is a connection, non-blocking from then on';
        my $file = tagged('form');
        for my $handle ($file, *$file{IO}, fileno $file, Object->new($file)) {
            $queue->push_send_fh($handle);
        }
        $queue->ready;
        is join(' ', map { tag_of(scalar recv_fh($peer)) } 1 .. 4),
            'form form form form', '... and takes handles of all forms';
        send_file($peer, $file);
        my @got;
        $queue->push_recv_fh(note_into(\@got));
        $queue->ready;
        is "@got", 'form', '... and receives';
    }
    opendir my $directory, '.' or die "opendir: $!";
    my $queue = File::FDpasser::Queue->new($us);
    $queue->push_send_fh($directory);
    $queue->ready;
    ok -d recv_fh($peer), 'a directory handle';
    undef *GLOBAL;
}

# What is received is what recv_fh makes.
{
    my ($us, $peer) = pair();
    my $queue = File::FDpasser::Queue->new($us);
    my $got;
    send_file($peer, tagged('kind'));
    $queue->push_recv_fh(sub { $got = shift });
    $queue->ready;
    isa_ok $got, 'IO::Handle';
    is_deeply [ survives_exec(fileno $got) ], [0], '... close-on-exec';
    is get_fopen_mode($got), 'w+', '... in its own mode';
}

# Once it is closed nothing can be pushed.
{
    my ($us, $peer) = pair();
    my $queue = File::FDpasser::Queue->new($us);
    $queue->close;
    for my $method (qw(push_send_fh push_send_fhs push_send_err push_recv_fh)) {
        my $argument = { push_send_fhs => [$us], push_send_err => 1,
            push_recv_fh => sub { } }->{$method} || $us;
        like eval { $queue->$method($argument); 1 } ? 'lived' : $@,
            qr/\AInvalid args .*: the queue is closed at \Q$0\E line \d+\.?$/, "$method when closed";
    }
}

no_leak();
done_testing;
