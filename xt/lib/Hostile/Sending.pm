package Hostile::Sending;

# The victim's side of the sending calls: makes what is sent, and says what of it
# is on the wire by the call's own account.
#
#     my $sending = Hostile::Sending->new($case, $conn);
#     my $outcome = $sending->make('write_fd', 3000, 2);   # "went N", "errno N"
#     my @pieces  = $sending->went;
#
# A piece is { bytes, ids, least }: so much, or of the bytes from `least` on as many
# as went; torn: the call could not say, so a beginning of it all. Each descriptor
# that is sent is a pipe's, told by its inode, and closed here after the call.

use strict;
use warnings;

use Errno ();
use File::FDpasser qw(:all);
use File::FDpasser::Channel;
use File::FDpasser::Queue;
use POSIX ();

my $EINTR  = 'errno ' . Errno::EINTR();
my $STATUS = "\0\x0d";

# As much of a text as a non-blocking call sends at least.
my $SURE = 1000;

my %SEND = (
    send_file      => \&file,
    my_send_fd     => \&number,
    my_send_status => \&status,
    send_files     => \&files,
    write_fd       => \&bytes,
    send_err       => \&error,
    channel        => \&channel,
);

my %PUSH = (
    push_send_fh  => \&push_file,
    push_send_fhs => \&push_files,
    push_send_err => \&push_error,
);

sub new {
    my ($class, $case, $conn) = @_;
    my $self = bless {
        case => $case, conn => $conn, went => [],
        is_stream => Hostile::Generator::is_stream_end($case),
        is_packets => $case->{type} ne 'stream',
    }, $class;
    my $name = $case->{calls}[0][0];
    $self->{queue} = File::FDpasser::Queue->new($conn) if Hostile::Calls::is_for_queue($name);
    $self->{channel} = File::FDpasser::Channel->new($conn, timeout => $case->{timeout} / 1000)
        if $name eq 'channel';
    return $self;
}

sub queue { my ($self) = @_; return $self->{queue} }

sub make {
    my ($self, $name, @sizes) = @_;
    my $made = { call => $name };
    my $outcome = eval { $SEND{$name}->($self, $made, @sizes) };
    my $died = $@;
    $self->settle($made) if $self->{channel};
    return $outcome if defined $outcome;
    # What a handler has kept the call from saying.
    $self->add($_->{bytes}, $_->{ids}, torn => 1) for $self->{channel} ? () : $made;
    die $died;
}

# For the queue: what the callback hears, and the pieces, go to $tell.
sub push_one {
    my ($self, $tell, $name, @sizes) = @_;
    return $PUSH{$name}->($self, sub {
        my ($outcome) = @_;
        $tell->($outcome, $self->went);
    }, @sizes);
}

# All that can go without waiting for the peer; true when nothing is left to do.
sub finish {
    my ($self) = @_;
    my $waits = $self->{queue} || $self->{channel} or return 1;
    $waits->ready;
    return !($self->{queue} ? $waits->pending : $waits->pending_bytes) || $self->{failed};
}

sub went { my ($self) = @_; return splice @{ $self->{went} } }

sub add {
    my ($self, $bytes, $ids, @more) = @_;
    push @{ $self->{went} }, { bytes => $bytes, ids => $ids || [], @more };
    return;
}

sub outcome { my ($count) = @_; return defined $count ? "went $count" : Hostile::Calls::failed() }

# ---- what is sent

sub descriptors {
    my ($self, $made, $count) = @_;
    my @fhs;
    for (1 .. $count) {
        pipe my $reader, my $writer or die "pipe: $!";
        push @fhs, $writer;
    }
    $made->{ids} = [ map { (stat $_)[1] } @fhs ];
    return @fhs;
}

# The first byte is not that of the text before, and comes no more, so that one which
# was cut can be told from the one behind it.
my $first = 'Z';
sub text {
    my ($length) = @_;
    $first = $first eq 'Z' ? 'A' : chr 1 + ord $first;
    return $first . 'text ' x ($length / 5);
}

# ---- the calls

sub file {
    my ($self, $made) = @_;
    $made->{bytes} = "\0\0";
    my $ok = send_file($self->{conn}, $self->descriptors($made, 1));
    $self->add("\0\0", $made->{ids}) if $ok;
    return outcome($ok);
}

sub number {
    my ($self, $made) = @_;
    $made->{bytes} = "\0\0";
    my ($fh) = $self->descriptors($made, 1);
    my $ok = 0 == File::FDpasser::my_send_fd(fileno $self->{conn}, fileno $fh);
    $self->add("\0\0", $made->{ids}) if $ok;
    return outcome($ok ? 1 : undef);
}

sub status {
    my ($self, $made) = @_;
    $made->{bytes} = $STATUS;
    my $ok = 0 == File::FDpasser::my_send_fd(fileno $self->{conn}, -13);
    $self->add($STATUS) if $ok;
    return outcome($ok ? 1 : undef);
}

sub files {
    my ($self, $made, undef, $count) = @_;
    $made->{bytes} = '';
    my @fhs  = $self->descriptors($made, $count);
    my $sent = send_files($self->{conn}, @fhs);
    $self->add_files($made->{ids}, $count, $sent) if defined $sent;
    return outcome($sent);
}

# In messages of as many as a quarter of the table, but of 64 at least.
sub add_files {
    my ($self, $ids, $count, $sent) = @_;
    my $batch = $count <= 64 ? 64 : int(POSIX::sysconf(POSIX::_SC_OPEN_MAX()) / 4);
    $batch = 64  if $batch < 64;
    $batch = 253 if $batch > 253;
    $batch = 1   if $self->{is_stream};
    my @sent = @$ids[ 0 .. $sent - 1 ];
    $self->add("\0\0", [ splice @sent, 0, $batch ]) while @sent;
    return;
}

sub bytes {
    my ($self, $made, $length, $count) = @_;
    $made->{bytes} = '{' . 'b' x ($length - 1);
    my @fhs  = $self->descriptors($made, $count);
    my $sent = write_fd($self->{conn}, $made->{bytes}, @fhs);
    $self->add(substr($made->{bytes}, 0, $sent), $made->{ids}) if defined $sent;
    return outcome($sent);
}

sub error {
    my ($self, $made, $length) = @_;
    my $text = text($length);
    $made->{bytes} = $text . $STATUS;
    my $ok      = send_err($self->{conn}, 13, $text);
    my $outcome = outcome($ok);
    $self->add_error($text, $self->{case}{blocking}) if $ok;
    $self->add($text, [], least => 0) if $outcome eq $EINTR && !$self->has_no_text;
    return $outcome;
}

sub add_error {
    my ($self, $text, $is_whole) = @_;
    if (!$self->has_no_text) {
        $self->add($text, [], least => $is_whole || length $text < $SURE ? length $text : $SURE);
    }
    return $self->add($STATUS);
}

sub has_no_text { my ($self) = @_; return $self->{is_packets} && !$self->{is_stream} }

sub channel {
    my ($self, $made, $length, $count) = @_;
    my $channel = $self->{channel};
    $made->{bytes} = '{' . 'c' x ($length - 1);
    my @fhs = $self->descriptors($made, $count);
    $made->{taken} = $channel->bytes_taken;
    $channel->ready if $channel->wants_write;
    my $ok = $channel->write($made->{bytes}, @fhs);
    $self->{failed} = 1 if !$ok && $!{EPIPE};
    return outcome($ok);
}

# What was taken goes, now or later.
sub settle {
    my ($self, $made) = @_;
    return if !defined $made->{taken} || $self->{channel}->bytes_taken == $made->{taken};
    return $self->add($made->{bytes}, $made->{ids});
}

# ---- pushed onto the queue, which sends duplicates

sub push_file {
    my ($self, $tell) = @_;
    my $made = {};
    $self->{queue}->push_send_fh($self->descriptors($made, 1), sub {
        my ($ok) = @_;
        my $outcome = outcome($ok);
        $self->add("\0\0", $made->{ids}) if $ok;
        $tell->($outcome);
    });
    return;
}

sub push_files {
    my ($self, $tell, undef, $count) = @_;
    my $made = {};
    $self->{queue}->push_send_fhs([ $self->descriptors($made, $count) ], sub {
        my ($sent) = @_;
        my $outcome = outcome($sent);
        $self->add_files($made->{ids}, $count, $sent) if defined $sent;
        $tell->($outcome);
    });
    return;
}

sub push_error {
    my ($self, $tell, $length) = @_;
    my $text = text($length);
    $self->{queue}->push_send_err(13, $text, sub {
        my ($ok) = @_;
        my $outcome = outcome($ok);
        $self->add_error($text, 0) if $ok;
        $tell->($outcome);
    });
    return;
}

1;
