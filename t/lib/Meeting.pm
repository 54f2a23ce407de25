package Meeting;

# Clients and servers that meet, whatever the transport. On streams a connect
# waits until the server accepts, so that one of the two has to be in another
# process, which then hands its end over.
#
#     use Meeting;
#
#     my ($client, $conn) = meet($listener, $path);    # () with $! if it fails
#     my ($client, $conn) = meet($listener, sub { cli_conn($path) });
#
#     my $child  = elsewhere { endp_connect($path) };  # begins at once
#     my $conn   = serv_accept_fh($listener);
#     my $client = $child->end;        # ours now; undef with $! if it failed
#     my $number = $child->number;     # the same for cli_conn and the like
#
#     arrives($listener);              # waits until a client does
#     arrives($listener, $fh);         # ... or $fh is readable
#     $child->settle;                  # waits until it waits, or has connected
#     ok answers($path), 'a server is alive';
#     my $client = knock($path);       # in its queue; undef and EAGAIN: no room
#     my $listener = foreign_listener($path, 5);         # not the module's own
#     my ($listener, @waiting) = full_listener($path);   # takes no one more

use strict;
use warnings;

use Exporter 'import';
use File::FDpasser;
use Signals qw(is_blocked);
use Situation;
use Socket;

our @EXPORT = qw(meet elsewhere arrives answers knock foreign_listener
    full_listener);

# meet($listener, $path, %options of endp_connect), meet($listener, CODE)
sub meet {
    my ($listener, $path, @options) = @_;
    my $child = elsewhere(ref $path eq 'CODE' ? $path
        : sub { endp_connect($path, @options) });
    my $conn  = arrives($listener, $child->{channel})
        ? serv_accept_fh($listener) : undef;
    my $client = $child->end;
    return $client && $conn ? ($client, $conn) : ();
}

# Waits for any of the handles: whether it is the listener.
sub arrives {
    my @handles = @_;
    my $bits = '';
    vec($bits, fileno $_, 1) = 1 for @handles;
    my $ready;
    1 while select($ready = $bits, undef, undef, undef) < 0;
    return vec $ready, fileno $handles[0], 1;
}

# answers($path): whether a server listens there. On streams none takes the
# client that fast: it has found one all the same.
sub answers {
    my ($path) = @_;
    return 1 if endp_connect($path, timeout => 0);
    return $!{ETIMEDOUT};
}

# The type of the sockets behind it all.
sub type {
    return File::FDpasser::transport() eq 'socket' ? SOCK_STREAM
        : SOCK_SEQPACKET;
}

# knock($path): a client that is a plain socket, and does not wait.
sub knock {
    my ($path) = @_;
    socket my $client, AF_UNIX, type(), 0 or die "socket: $!";
    $client->blocking(0);
    return connect($client, pack_sockaddr_un($path)) ? $client : undef;
}

sub foreign_listener {
    my ($path, $backlog) = @_;
    unlink $path;
    socket my $listener, AF_UNIX, type(), 0 or die "socket: $!";
    bind $listener, pack_sockaddr_un($path) or die "bind: $!";
    listen $listener, $backlog or die "listen: $!";
    return $listener;
}

sub full_listener {
    my ($path)   = @_;
    my $listener = foreign_listener($path, 1);
    my @waiting;
    while (my $client = knock($path)) { push @waiting, $client }
    return ($listener, @waiting);
}

my %channels;    # to the children that have not handed over yet

# elsewhere { CODE }: what CODE returns, a handle or a number, is handed over.
sub elsewhere (&) {
    my ($code) = @_;
    my ($channel, $far) = spipe();
    my $child = in_child {
        close $_ for $channel, values %channels;
        $! = 0;
        my $made  = $code->();
        my $errno = $! + 0;
        send_file($far, $made) or die "send_file: $!\n"
            if defined $made && (ref $made || $made >= 0);
        return $errno;
    };
    $channels{ $child->pid } = $channel;
    return bless { child => $child, channel => $channel, maker => $$ };
}

sub end    { return $_[0]->over(\&recv_fh) }
sub number { return $_[0]->over(\&recv_fd) }

sub over {
    my ($self, $receive) = @_;
    delete $channels{ $self->{child}->pid };
    my $got   = $receive->(delete $self->{channel});
    my $errno = (delete $self->{child})->result;
    $! = $errno if !defined $got;
    return $got;
}

sub settle {
    my ($self) = @_;
    my $bits = '';
    vec($bits, fileno $self->{channel}, 1) = 1;
    1 until is_blocked($self->{child}->pid)
        || select my $ready = $bits, undef, undef, 0;
    return;
}

# Nobody wants it any more.
sub DESTROY {
    my ($self) = @_;
    my $child = $self->{maker} == $$ ? delete $self->{child} : undef;
    return if !$child;
    delete $channels{ $child->pid };
    local ($@, $!, $?);
    kill KILL => $child->pid;
    $child->status;
}

1;
