# How many system calls a pass is: counted by strace, between two marks that
# the script under test leaves in its trace.
use 5.014;
use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Situation;

my $dir = workdir();

plan skip_all => 'the counts are those of Linux'         if $^O ne 'linux';
plan skip_all => 'there is no strace, or it may not trace' if !eval { !calls('0') };

# Everything is there, and each thing has been done before.
our $PREAMBLE = <<'SCRIPT';
    use File::FDpasser ':all';
    my ( $conn, $end ) = spipe();
    my ( $conn_number, $end_number ) = ( fileno $conn, fileno $end );
    open my $read,   '<',  $0 or die;
    open my $update, '+<', $0 or die;
    open my $write,  '>',  "$0.written" or die;
    my ($socket) = spipe();
    my $read_number = fileno $read;
    my $path        = "$0.endpoint";
    my $listener    = endp_create($path) or die;

    # In a child, which is gone before the script goes on.
    sub send_when_blocked {
        my $waiting = $$;
        $SIG{CHLD} = 'IGNORE';
        return if fork;
        1 until Signals::is_blocked($waiting);
        send_file($conn, $read);
        POSIX::_exit(0);
    }
SCRIPT

is calls('send_file($conn_number, $read_number)'), 'sendmsg', 'sending a number';
is calls('send_file($conn, $read)'), 'sendmsg', 'sending a handle';
is calls( 'send_file($conn, $write)', 'print {$write} 1' ), 'poll write sendmsg',
    'what was printed goes first, where it can go';
is calls('send_files($conn, ($read) x 64)'), 'sendmsg', 'sending 64 handles at once';

# Is there a free slot, take it: asked where the last one came, or opened.
my $take = take_one();
is calls( 'recv_fd($end_number)', 'send_file($conn, $read)' ), $take, 'receiving a number';
is calls( 'recv_fd($end)', 'send_file($conn, $read)' ), $take, 'the same, over a handle';
{
    local $PREAMBLE = $PREAMBLE . 'POSIX::dup(0) for 1 .. 300;';
    is calls( 'recv_fd($end_number)', 'send_file($conn, $read)' ), $take, 'receiving a high number';
}
# The same, for the most that a message can bring.
like calls( 'scalar( my @all = recv_fds($end) ) && 0', 'send_files($conn, ($read) x 64)' ),
    qr/\A\w*rlimit\w* fcntl \w*select\w* recvmsg\z/, 'receiving 64 numbers at once';

# One that has to wait: nothing is there, may it wait and how long; and then the
# message. Where there is a handler, signals are held back until it does wait.
my @handlers = (
    q($SIG{ALRM} = 'DEFAULT')                                => 'no handler of a signal',
    q($SIG{$_}   = 'IGNORE' for qw(ALRM PIPE))               => 'ignored signals',
    q($SIG{ALRM} = 'DEFAULT'; { local $SIG{USR1} = sub { } } ) => 'a handler that was',
    q($SIG{ALRM} = 'DEFAULT'; sub handler { } $SIG{USR1} = 'handler') => 'a handler by name',
    q($SIG{ALRM} = 'DEFAULT'; $SIG{USR1} = sub { })          => 'a handler that is code',
);
while ( my ( $set, $what ) = splice @handlers, 0, 2 ) {
    local $PREAMBLE = "$PREAMBLE; $set;";
    my $poll = $what =~ /by name|is code/ ? 'rt_sigprocmask poll rt_sigprocmask' : 'poll';
    is calls( 'recv_fd($end_number)', 'send_when_blocked()' ),
        "$take fcntl getsockopt $poll $take", "waiting for a number, with $what";
}

SKIP: {
    skip "open of perl $^V sets what is set already", 5 if $] < 5.018;

    # A socket that does not block, and then does, and its handle: known for a socket.
    my $socket_handle = as_copied( opened( '+<&=', '$socket' ) );
    is calls('endp_connect($path)'), 'socket connect fcntl ' . no_stat($socket_handle), 'connecting';
    is calls( 'serv_accept_fh($listener)', 'my $client = endp_connect($path)' ),
        'poll accept4 ' . no_stat($socket_handle), 'accepting';

    # With a handle: that, in which mode it is open, and what open makes. What kind
    # of file it is matters only if it cannot seek.
    is handle('$read'), "$take fcntl " . no_stat( opened( '<&=', '$read' ) ), 'a handle to read from';
    is handle('$update'), "$take fcntl " . no_stat( opened( '+<&=', '$update' ) ), 'to read and write';
    is handle('$socket'), "$take fcntl $socket_handle", 'of a socket';
}

no_leak();
done_testing;

sub take_one {
    my $calls = calls( 'recv_fd($end_number)', 'send_file($conn, $read)' );
    return $calls eq 'fcntl close recvmsg' ? $calls : 'fcntl getrlimit recvmsg';
}

sub handle { my $sent = shift; return calls( 'recv_fh($end)', "send_file(\$conn, $sent)" ) }

# What Perl's open makes of a descriptor that is there.
sub opened {
    my ( $mode, $handle ) = @_;
    return calls( "do { open my \$fh, '$mode', \$number or die; \$fh }",
        "my \$number = POSIX::dup(fileno $handle)" );
}

sub no_stat { return shift =~ s/ fstat//r }

# The half for writing is a copy of the other, with the same flag (F_SETFD).
sub as_copied { return shift =~ s/ fcntl(?= ioctl lseek\z)//r }

# calls($code, $before): the names of the system calls of $code, the third time.
sub calls {
    my ( $code, $before ) = @_;
    $before = defined $before ? "$before;" : '';
    my $script = "$dir/script";
    open my $file, '>', $script or die "$script: $!\n";
    print {$file} <<"SCRIPT";
use POSIX ();
use strict;
use Signals;
@{[ defined $PREAMBLE ? $PREAMBLE : '' ]}
for ( 1 .. 3 ) {
    $before
    POSIX::access('/mark', 0);
    my \$got = $code;
    POSIX::access('/mark', 0);
    POSIX::close(\$got) if !ref \$got && \$got > 2;
}
SCRIPT
    close $file or die "$script: $!\n";
    no warnings 'exec';    # there may be no strace
    system( 'strace', '-o', "$dir/trace", $^X, ( map {"-I$_"} @INC ), $script ) == 0 or die "strace fails\n";
    return between_marks("$dir/trace");
}

sub between_marks {
    my $path = shift;
    open my $trace, '<', $path or die "$path: $!\n";
    my ( @calls, $inside );
    while ( my $line = <$trace> ) {
        if ( $line =~ m{^\w*access\w*\(.*"/mark"} ) {
            $inside = !$inside;
            @calls  = () if $inside;
        }
        elsif ( $inside && $line =~ /^(\w+)\(/ ) {
            push @calls, usual($1);
        }
    }
    return join ' ', @calls;
}

# What a call is called on most machines: some have only a wider one.
sub usual {
    my $name = shift;
    return 'fstat' if $name =~ /fstat|statx/;
    return $name =~ s{\A_l(?=lseek)|64\z|_time64\z}{}gr =~ s/\Appoll\z/poll/r;
}
