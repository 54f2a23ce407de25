use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Meeting;
use Situation;

use IO::Dir;
use IO::File;
use IO::Handle;
use IO::Pipe;
use IO::Socket::UNIX;
use POSIX ();
use Scalar::Util qw(dualvar);
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);

use File::FDpasser;

# What a connection and a handle may be, and what is refused.

{ package Subclassed; our @ISA = 'IO::Socket::UNIX' }
{ package NoFileno; sub new { return bless {}, shift } }
{ package Named; use overload '""' => sub { 'an object' } }
{
    package Numbered;
    sub new    { my ($class, @number) = @_; return bless \@number, $class }
    sub fileno { return $_[0][0] }
}

my $dir  = workdir();
my $file = "$dir/file";
write_file($file, "content\n");

sub file {
    open my $fh, '<', $file or die "$file: $!";
    return $fh;
}

sub warnings_of {
    my ($code) = @_;
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    $code->();
    return @warnings;
}

# Each of these opens the file, the directory or a connection, and returns
# what a script would hand over; then (connections: the other end, and) what
# keeps it open.
my %file = (
    'a lexical handle' => sub { file() },
    'an IO object'     => sub { open FILE, '<', $file or die $!; *FILE{IO} },
    'a glob'           => sub { open FILE, '<', $file or die $!; *FILE },
    'a glob reference' => sub { open FILE, '<', $file or die $!; \*FILE },
    'an IO::File'      => sub { IO::File->new($file, '<') },
    'an IO::Handle'    => sub {
        my $fh = file();
        return (IO::Handle->new_from_fd(fileno $fh, '<'), $fh);
    },
    'an object with a fileno method' =>
        sub { my $fh = file(); (Numbered->new(fileno $fh), $fh) },
    'a number'           => sub { my $fh = file(); (fileno $fh,      $fh) },
    'a string of digits' => sub { my $fh = file(); ('' . fileno $fh, $fh) },
    'a whole floating-point number' =>
        sub { my $fh = file(); (fileno($fh) + 0.5 - 0.5, $fh) },
);
my %directory = (
    'a directory handle' => sub { opendir my $d, $dir or die $!; $d },
    'a directory glob'   => sub { opendir DIR, $dir or die $!; *DIR },
    'a reference to a directory glob' =>
        sub { opendir DIR, $dir or die $!; \*DIR },
    'an IO::Dir'            => sub { IO::Dir->new("$dir") },
    'a directory IO object' => sub { opendir DIR, $dir or die $!; *DIR{IO} },
);
my @kind       = (AF_UNIX, SOCK_STREAM, PF_UNSPEC);
my %connection = (
    'a lexical handle' => sub {
        socketpair my $end, my $other, AF_UNIX, SOCK_STREAM, PF_UNSPEC
            or die $!;
        return ($end, $other);
    },
    'an endpoint'      => sub { spipe() },
    'an IO::Socket'    => sub { IO::Socket::UNIX->socketpair(@kind) },
    'a subclass of it' => sub { Subclassed->socketpair(@kind) },
    'an IO object'     => sub { my $other = global_end(); (*END_{IO}, $other) },
    'a glob'           => sub { my $other = global_end(); (*END_,     $other) },
    'a glob reference' => sub { my $other = global_end(); (\*END_,    $other) },
    'an object with a fileno method' => sub {
        my ($end, $other) = spipe();
        return (Numbered->new(fileno $end), $other, $end);
    },
    'a number' =>
        sub { my ($end, $other) = spipe(); (fileno $end, $other, $end) },
    'a string of digits' =>
        sub { my ($end, $other) = spipe(); ('' . fileno $end, $other, $end) },
);

sub global_end {
    socketpair END_, my $other, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die $!;
    return $other;
}

{
    my ($here, $there) = spipe();
    for my $what (sort keys %file) {
        my ($fh, @keep) = $file{$what}->();
        is send_file($here, $fh), 1, "$what is a handle";
        is identity(recv_fh($there)), identity(file()), '... and came';
        close FILE;
    }
    for my $what (sort keys %directory) {
        my ($dh, @keep) = $directory{$what}->();
        is send_file($here, $dh), 1, "$what is a handle";
        is identity(recv_fh($there)), join(':', (stat $dir)[ 0, 1 ]),
            '... and came';
        no warnings 'io';
        closedir DIR;
    }
}

{
    my ($here, $there) = spipe();
    my ($reader, $writer) = (IO::Pipe::End->new, IO::Pipe::End->new);
    my $pipe = IO::Pipe->new($reader, $writer);
    is send_file($here, $writer), 1, 'an end of an IO::Pipe is a handle';
    is identity(recv_fh($there)), identity($writer), '... and came';
}

for my $what (sort keys %connection) {
    my ($conn, $other, @keep) = $connection{$what}->();
    my $fh = file();
    is send_file($conn, $fh), 1, "$what is a connection to send on";
    is identity(recv_fh($other)), identity($fh), '... what is sent comes out';
    send_file($other, $fh);
    is identity(recv_fh($conn)), identity($fh), '... recv_fh takes it too';
    send_file($other, $fh);
    my $number = recv_fd($conn);
    is identity($number), identity($fh), '... and recv_fd';
    POSIX::close($number);
    close END_;
}

{
    my $path     = "$dir/listener";
    my $listener = endp_create($path);
    my %listening = (
        'an IO object'       => $listener,
        'a number'           => fileno $listener,
        'a string of digits' => '' . fileno $listener,
        'an object with a fileno method' => Numbered->new(fileno $listener),
        'an IO::Socket' =>
            IO::Socket::UNIX->new_from_fd(fileno $listener, '+<'),
    );
    for my $what (sort keys %listening) {
        my $client = elsewhere { endp_connect($path) };
        isa_ok serv_accept_fh($listening{$what}), 'IO::File',
            "accepted on $what, it";
        my $other = elsewhere { endp_connect($path) };
        my $fd = serv_accept_fd($listening{$what});
        like $fd, qr/\A[0-9]+\z/, "serv_accept_fd on $what";
        POSIX::close($fd);
    }
}

# The calls for numbers take handles too.
{
    my ($here, $there) = spipe();
    my $fh = file();
    is get_fopen_mode($fh), 'r', 'get_fopen_mode of a handle';
    is my_getfl($fh), my_getfl(fileno $fh), 'my_getfl of a handle';
    is File::FDpasser::my_isastream($fh), 0, 'my_isastream of a handle';
    is File::FDpasser::my_send_fd($here, $fh), 0, 'my_send_fd of a handle';
    my $fd = File::FDpasser::my_recv_fd($there);
    is identity($fd), identity($fh), 'my_recv_fd from a handle';
    POSIX::close($fd);
}

# Everything below is refused, as "is no handle and no descriptor number" if
# nothing else is said here.

my $by_method = 'has no descriptor: its fileno method gives none';
my %why = (
    'undef' => 'is no handle and no descriptor number: it is undefined',
    'a fileno method that returns undef'    => $by_method,
    'a fileno method that returns -1'       => $by_method,
    'a fileno method that returns a word'   => $by_method,
    'a glob that was never opened'          => 'was never opened',
    'a reference to one'                    => 'was never opened',
    'a handle object that was never opened' => 'was never opened',
    'a handle in memory'                    => 'has no descriptor: it is in memory',
    (map { $_ => 'is closed' } 'a closed handle', 'a closed IO object',
        'a closed directory', 'a closed endpoint'),
);

sub refused_values {
    my $closed = IO::File->new($file, '<');
    close $closed;
    open FILE, '<', $file or die $!;
    my $closed_io = *FILE{IO};
    close FILE;
    open my $memory, '<', \'in memory' or die $!;
    opendir my $closed_dir, $dir or die $!;
    closedir $closed_dir;
    my ($endpoint, $other) = spipe();
    close $endpoint;
    return (
        'the name of a handle'       => 'STDIN',
        'its full name'              => 'main::STDIN',
        'a name with a star'         => '*STDIN',
        'a word'                     => 'word',
        'a word with a digit'        => '3word',
        'an empty string'            => '',
        'undef'                      => undef,
        'a fraction'                 => 1.5,
        'a fraction in a string'     => '1.5',
        'a small fraction'           => 0.25,
        'a negative number'          => -1,
        'a negative string'          => '-1',
        'a negative fraction'        => -0.5,
        'a signed string'            => '+1',
        'a hexadecimal string'       => '0x1',
        'an exponent'                => '1e0',
        'a number behind a blank'    => ' 1',
        'digits that are not ASCII'  => "\x{661}",
        'infinity'                   => 9**9**9,
        'not a number'               => -sin 9**9**9,
        'a scalar reference'         => \1,
        'an array reference'         => [1],
        'a hash reference'           => { fileno => 1 },
        'a code reference'           => sub { 1 },
        'a reference to a reference' => \\*STDIN,
        'a regular expression'       => qr/1/,
        'an object without fileno'   => NoFileno->new,
        'an object that stringifies' => bless({}, 'Named'),
        'a fileno method that returns undef'   => Numbered->new(undef),
        'a fileno method that returns -1'      => Numbered->new(-1),
        'a fileno method that returns a word'  => Numbered->new('one'),
        'a glob that was never opened'         => *NEVER_OPENED,
        'a reference to one'                   => \*NEVER_OPENED,
        'a handle object that was never opened' => IO::Handle->new,
        'a closed handle'            => $closed,
        'a closed IO object'         => $closed_io,
        'a closed directory'         => $closed_dir,
        'a closed endpoint'          => $endpoint,
        'a handle in memory'         => $memory,
    );
}

my %refused = refused_values();

# In line 7 of that file.
my $send_file = eval "#line 7 caller.pl\nsub { send_file(\@_) }" || die $@;

# send_file's arguments, the rest of the message, the assertion's name.
sub refuses {
    my ($arguments, $rest, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($conn, $fh) = map { defined $_ ? $_ : '' } @$arguments, '', '';
    eval { $send_file->(@$arguments) };
    return is $@, "Invalid args to send_file: $conn, $fh: $rest at caller.pl line 7.\n",
        $name;
}

{
    my ($here, $there) = spipe();
    $there->blocking(0);
    for my $what (sort keys %refused) {
        my $value = $refused{$what};
        my $why   = $why{$what} || 'is no handle and no descriptor number';
        my @said  = warnings_of(sub {
            refuses([ $here, $value ], "argument 2 $why", "$what is not a handle to send");
            refuses([ $value, $here ], "argument 1 $why",
                '... nor a connection to send on');
        });
        is "@said", '', '... without a warning';
    }
    fails { recv_fh($there) } undef, 'EAGAIN', 'none of all that was sent';

    refuses([ 'one', 'two' ], 'argument 1 is no handle and no descriptor number',
        'both are wrong');
    refuses([$here], 'argument 2 is missing', 'one is missing');
    refuses([],      'argument 1 is missing', 'both are missing');
    {
        local ($,, $", $\) = ('comma', 'quote', 'backslash');
        eval { $send_file->($here, 'word') };
    }
    like $@, qr/\AInvalid args to send_file: \Q$here\E, word: argument 2 is no /,
        q{the message does not depend on $, $" $\\};
}

my %other = (
    recv_fh        => [ undef, \&recv_fh ],
    recv_fd        => [ undef, \&recv_fd ],
    serv_accept_fh => [ undef, \&serv_accept_fh ],
    serv_accept_fd => [ undef, \&serv_accept_fd ],
    get_fopen_mode => [ undef, \&get_fopen_mode ],
    my_getfl       => [ -1, sub { my_getfl($_[0]) } ],
    my_recv_fd     => [ -1, sub { File::FDpasser::my_recv_fd($_[0]) } ],
    my_isastream   => [ -1, sub { File::FDpasser::my_isastream($_[0]) } ],
    my_serv_accept =>
        [ -1, sub { File::FDpasser::my_serv_accept($_[0], my $uid) } ],
    my_send_fd => [ -1, sub { File::FDpasser::my_send_fd($_[0], 0) } ],
);
for my $name (sort keys %other) {
    my ($failure, $call) = @{ $other{$name} };
    my (@wrong, @said);
    for my $what (sort keys %refused) {
        @said = (@said, warnings_of(sub {
            $! = 0;
            my @got = eval { $call->($refused{$what}) };
            push @wrong, "$what: " . errno_name($!) . " $@"
                if @got != 1 || $@ || !$!{EBADF}
                || (defined $failure ? !defined $got[0] || $got[0] ne $failure
                    : defined $got[0]);
        }));
    }
    is join(', ', @wrong), '', "$name of each of these is EBADF, no death";
    is scalar(grep { /^$name: argument 1 / } @said), scalar keys %refused, '... with a warning';
}
no warnings 'File::FDpasser';
fails { recv_fh() } undef, 'EBADF', 'recv_fh without an argument';
fails { recv_fd() } undef, 'EBADF', 'recv_fd without an argument';
fails { serv_accept_fh() } undef, 'EBADF', 'serv_accept_fh without an argument';
{
    my ($here, $there) = spipe();
    $there->blocking(0);
    for my $what ('a word', 'undef', 'a fraction', 'a closed handle') {
        fails { File::FDpasser::my_send_fd(fileno $here, $refused{$what}) }
            -1, 'EBADF', "my_send_fd is given $what to send";
    }
    fails { recv_fd($there) } undef, 'EAGAIN', '... and sent nothing';
}

# A number that an int can't hold is a number without a descriptor: never
# the descriptor that its low bits name. One that was printed is none the less a
# number, also where perl notes then that it is 9.00719925474099e+15.
{
    my ($here, $there) = spipe();
    $there->blocking(0);
    my $low = fileno $here;
    my @huge = (2**31, 2**32, 2**32 + $low, 2**53, 2**62);
    push @huge, map { dualvar $_, sprintf '%.15g', $_ } @huge;
    push @huge, 2**31 - 1, map { sprintf '%.0f', $_ } @huge, 2**63, 2**64, 1e30;
    for my $number (@huge) {
        fails { send_file($here, $number) } undef, 'EBADF', "to send $number";
        fails { send_file($number, \*STDIN) } undef, 'EBADF', '... or on it';
        fails { recv_fd($number) } undef, 'EBADF', '... or to receive from it';
        fails { my_getfl($number) } -1, 'EBADF', '... or to ask for its flags';
        fails { File::FDpasser::my_send_fd($low, $number) } -1, 'EBADF',
            '... or my_send_fd of it';
    }
    fails { send_file($here, ~0) } undef, 'EBADF', 'to send the largest unsigned integer';
    # No signed integer is so large, and 0.09 saw an exponent.
    for my $number (2**63, dualvar(2**63, '9.22337203685478e+18'), 2**64, 1e20, 1e30, '1e20', dualvar 1e20, '1e+20') {
        eval { send_file($here, $number) };
        like $@, qr/argument 2 is no handle and no descriptor number/,
            "$number is no integer";
        fails { recv_fd($number) } undef, 'EBADF', '... nor a connection';
    }
    fails { recv_fd($there) } undef, 'EAGAIN', 'none of all that was sent';
}

# An open number that is not a connection is the system's to refuse.
{
    my $fh = file();
    fails { send_file($fh, $fh) } undef, 'ENOTSOCK', 'to send on a file';
    fails { recv_fh($fh) } undef, 'ENOTSOCK', 'to receive from a file';
    fails { recv_fd($fh) } undef, 'ENOTSOCK', '... as a number';
    fails { serv_accept_fh($fh) } undef, 'ENOTSOCK', 'to accept on a file';
}

%refused = ();
no_leak();
done_testing;
