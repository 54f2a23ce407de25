# What the functions for messages and batches die of, where they say it was,
# and what they leave alone.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:all);
use IO::Handle;
use POSIX ();

my ($us, $peer) = pair();
my $file   = tagged('file');
my $closed = do { open my $fh, '<', $0 or die $!; close $fh; $fh };
open my $memory, '<', \'text' or die $!;
Situation::new_baseline();
$us->blocking(0);

{ package NoFileno; sub new { return bless {}, shift } }
{ package Text; use overload '""' => sub { $_[0][0] }; sub new { return bless [ $_[1] ] } }
{ package Numbered; sub new { return bless [ $_[1] ] } sub fileno { $_[0][0] } }

# ---- each bad argument: which, at the caller's line, and nothing was sent

my $none  = 'is no handle and no descriptor number';
my $gives = 'has no descriptor: its fileno method gives none';
my @bad = (
    (map { [ $_ => $none ] } 'STDIN', 'word', '', -1, 1.5, '1.5', ' 1', 9**9**9,
        1e20, {}, [], NoFileno->new),
    [ undef, "$none: it is undefined" ],
    (map { [ $_ => $gives ] } Numbered->new(-1), Numbered->new('x')),
    [ $closed, 'is closed' ],
    [ $memory, 'has no descriptor: it is in memory' ],
);

sub named { return map { defined $_ ? "'$_'" : 'undef' } @_ }

sub dies {
    my ($code, $message, $name) = @_;
    my $lived = eval { $code->(); 1 };
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is $lived ? 'lived' : $@, "$message at caller.pl line 7.\n", $name;
}

# Each calls its function in line 7 of that file.
my %call = map {
    $_ => eval "#line 7 caller.pl\nsub { $_(\@_) }" || die $@
} qw(write_fd send_files read_fd recv_fhs recv_fds send_err);
my %others = (
    write_fd   => ['bytes'],
    send_files => [$file],
    read_fd    => [ 10, 1 ],
    recv_fhs   => [10],
    recv_fds   => [10],
    send_err   => [ 2, 'text' ],
);

for my $function (sort keys %call) {
    for (@bad) {
        my ($bad, $why) = @$_;
        dies(sub { $call{$function}->($bad, @{ $others{$function} }) },
            "Invalid args to $function: argument 1 $why",
            "$function: the connection: " . (named($bad))[0]);
    }
    dies(sub { $call{$function}->() },
        "Invalid args to $function: argument 1 is missing", "$function: no arguments");
}
for (@bad) {
    my ($bad, $why) = @$_;
    my ($name) = named($bad);
    dies(sub { $call{write_fd}->($peer, 'bytes', $file, $bad, $file) },
        "Invalid args to write_fd: argument 4 $why", "write_fd: a handle: $name");
    dies(sub { $call{send_files}->($peer, ($file) x 200, $bad) },
        "Invalid args to send_files: argument 202 $why",
        "send_files: the last of 201 handles: $name");
}

my $integer = 'is not an integer';
for my $bad ('word', '', 1.5, '1.5', 9**9**9, {}, 'nan') {
    my ($name) = named($bad);
    dies(sub { $call{read_fd}->($us, $bad, 1) },
        "Invalid args to read_fd: argument 2 $integer", "read_fd: bytes: $name");
    dies(sub { $call{read_fd}->($us, 1, $bad) },
        "Invalid args to read_fd: argument 3 $integer", "read_fd: descriptors: $name");
    dies(sub { $call{$_}->($us, $bad) },
        "Invalid args to $_: argument 2 $integer", "$_: how many: $name")
        for qw(recv_fhs recv_fds);
    dies(sub { $call{send_err}->($peer, $bad, 'text') },
        "Invalid args to send_err: argument 2 $integer", "send_err: errno: $name");
}
for my $bad (0, -1, undef) {
    my ($name) = named($bad);
    dies(sub { $call{read_fd}->($us, $bad, 1) },
        'Invalid args to read_fd: argument 2 is not 1 or more', "read_fd: bytes: $name");
}
dies(sub { $call{read_fd}->($us, 1, -1) },
    'Invalid args to read_fd: argument 3 is negative', 'read_fd: -1 descriptors');
dies(sub { $call{$_}->($us, -1) },
    "Invalid args to $_: argument 2 is negative", "$_: -1 descriptors")
    for qw(recv_fhs recv_fds);
dies(sub { $call{write_fd}->($peer, '', $file) },
    'Invalid args to write_fd: argument 2 is empty', 'write_fd: no bytes');
dies(sub { $call{write_fd}->($peer, undef, $file) },
    'Invalid args to write_fd: argument 2, the bytes, is missing or undefined', 'write_fd: undef');
dies(sub { $call{send_err}->($peer, $_, 'text') },
    'Invalid args to send_err: argument 2 is not an errno, 1 to 255',
    'send_err: errno: ' . (named($_))[0])
    for 0, -2, 256, 2**32 + 2, undef;
dies(sub { $call{send_err}->($peer, 2, $_) },
    'Invalid args to send_err: argument 3 has a NUL byte in it', 'send_err: a NUL')
    for "\0", "text\0", "te\0xt";
for ([ write_fd => 2, [] ], [ send_err => 3, [2] ]) {
    my ($function, $number, $before) = @$_;
    my $argument = "Invalid args to $function: argument $number";
    my $call     = sub { $call{$function}->($peer, @$before, @_) };
    dies(sub { $call->("wide \x{263a}") }, "$argument has a wide character in it",
        "$function: wide characters");
    dies(sub { $call->($_) }, "$argument is a handle where bytes should be",
        "$function: a glob")
        for *STDIN;
    dies(sub { $call->($_) }, "$argument is a reference where bytes should be",
        "$function: a reference, $_")
        for $file, \*STDIN, *STDIN{IO}, \'bytes', [], sub { }, NoFileno->new,
        Numbered->new(1), Text->new(\'nested');
}

is queued($us), undef, 'not a byte was sent by any of them';
fails_empty { read_fd($us, 1, 1) } 'EAGAIN', 'nor a descriptor';

# ---- what is no fault of the arguments: $!, and no exception

{
    no warnings 'File::FDpasser';
    pipe my $reader, my $writer or die "pipe: $!";
    local $SIG{PIPE} = 'IGNORE';
    my ($one, $gone) = pair();
    my $free = fileno $gone;
    undef $gone;
    for ([ EBADF => $free ], [ EBADF => 2**40 ], [ ENOTSOCK => $writer ],
        [ EPIPE => $one ])
    {
        my ($errno, $conn) = @$_;
        fails { write_fd($conn, 'x') } undef, $errno, "write_fd: $errno";
        fails { write_fd($conn, 'x', $file) } undef, $errno, "write_fd: $errno";
        fails { send_files($conn, $file) } undef, $errno, "send_files: $errno";
        fails { send_err($conn, 2, 'x') } undef, $errno, "send_err: $errno";
    }
    for ([ EBADF => $free ], [ EBADF => '99999999999999999999' ],
        [ ENOTSOCK => $reader ])
    {
        my ($errno, $conn) = @$_;
        fails_empty { read_fd($conn, 1, 1) } $errno, "read_fd: $errno";
        fails_empty { recv_fhs($conn) } $errno, "recv_fhs: $errno";
        fails_empty { recv_fds($conn, 3) } $errno, "recv_fds: $errno";
    }
    for my $count (1, 64, 65, 300) {
        fails { write_fd($peer, 'x', ($file) x $count, $free) } undef,
            $count > 252 ? 'EINVAL' : 'EBADF', "write_fd: $count and a free number";
        fails { send_files($peer, ($file) x $count, $free) } undef, 'EBADF',
            "send_files: $count and a free number";
    }
    is queued($us), undef, 'and nothing was sent';
}

# ---- more than there is memory for is all that there is

for my $many (2**31, 2**32, 2**40) {
    write_fd($peer, 'bytes', $file);
    is scalar(my @got = read_fd($us, $many, $many)), 2, "read_fd: $many bytes, $many descriptors";
    send_files($peer, $file, $file);
    @got = map { recv_fhs($us, $many) } 1 .. (OverStreams::lack('batches') ? 2 : 1);
    is scalar(@got), 2, "recv_fhs: $many descriptors";
}

# ---- what a handle may be

{
    open FILE, '<', $0 or die "$0: $!";
    opendir my $directory, '.' or die "opendir: $!";
    my @handles = (*FILE, \*FILE, *FILE{IO}, fileno(FILE), '' . fileno(FILE),
        Numbered->new(fileno FILE), IO::Handle->new_from_fd(fileno(FILE), '<'),
        $file, $directory);
    my @expected = ((identity(\*FILE)) x 7, identity($file),
        join ':', (stat '.')[ 0, 1 ]);
    for my $conn ($peer, *$peer, *$peer{IO}, fileno $peer,
        Numbered->new(fileno $peer))
    {
        write_fd($conn, 'x', @handles);
        my ($bytes, @got) = read_fd($us, 1, 100);
        is_deeply [ map { identity($_) } @got ], \@expected,
            'write_fd: any kind of handle, over any kind of connection';
        send_files($conn, @handles);
        @got = map { recv_fhs($us) } OverStreams::lack('batches') ? @handles : 1;
        is_deeply [ map { identity($_) } @got ], \@expected,
            'send_files: any kind of handle, over any kind of connection';
    }
    close FILE;
}

# ---- what bytes may be

for ([ 'a number' => 42, '42' ], [ 'a fraction' => 1.5, '1.5' ],
    [ 'an object that is a string' => Text->new('text'), 'text' ],
    [ 'a string that was upgraded' => substr("\xe4\x{263a}", 0, 1), "\xe4" ])
{
    my ($what, $bytes, $expected) = @$_;
    is write_fd($peer, $bytes), length $expected, "bytes: $what";
    my ($got) = read_fd($us, 100, 0);
    ok $got eq $expected && !utf8::is_utf8($got), 'come as bytes';
}

# ---- how many bytes: more than there is memory for, with room for what comes

for my $many (2**31, 2**32, 2**40, 9e15, '1099511627776') {
    write_fd($peer, 'bytes', $file);
    my ($bytes, @fh) = read_fd($us, $many, 253);
    is $bytes, 'bytes', "$many bytes at most";
    is tag_of($fh[0]), 'file', '... and a descriptor';
    fails_empty { read_fd($us, $many, 1) } 'EAGAIN', '... or none';
}
for my $many (2**63, 1e20, '1e20') {
    dies(sub { $call{read_fd}->($us, $many, 1) },
        "Invalid args to read_fd: argument 2 is not an integer", "$many bytes");
}

# ---- context

{
    write_fd($peer, 'bytes', $file, $peer);
    is scalar(read_fd($us, 100, 2)), 'bytes', 'read_fd in scalar context: the bytes';
    is_deeply [leaked()], [], '... its handles are closed';
    write_fd($peer, 'bytes');
    is scalar(read_fd($us, 100, 2)), 'bytes', '... also where none came';

    my $last = OverStreams::lack('batches') ? 1 : 2;
    send_files($peer, ($peer, $file)[ -$last .. -1 ]);
    is tag_of(scalar recv_fhs($us)), 'file', 'recv_fhs: the last handle';
    send_files($peer, ($peer, $file)[ -$last .. -1 ]);
    my $number = recv_fds($us);
    is tag_of($number), 'file', 'recv_fds: the last number';
    POSIX::close($number);
    is_deeply [leaked()], [], 'the others are closed';
    send_files($peer, $file);
    recv_fhs($us);
    write_fd($peer, 'x', $file);
    read_fd($us, 1, 1);
    is scalar(recv_fhs($us)), undef, 'a failure in scalar context: undef';
    is scalar(read_fd($us, 1, 1)), undef, 'for each';
    my @none = (1, recv_fhs($us), 2, recv_fds($us), 3, read_fd($us, 1, 1), 4);
    is_deeply \@none, [ 1 .. 4 ], 'in list context: nothing';
}
no_leak('context: nothing left over');

# ---- Perl code that runs for one argument and changes another

{
    package Changer;
    sub new { my ($class, $fh, $code) = @_; return bless [ $fh, $code ], $class }
    sub fileno { my ($self) = @_; $self->[1]->(); return CORE::fileno $self->[0] }
}
{
    my $bytes   = 'A' x 5000;
    my $changer = Changer->new($file, sub {
        $bytes = 'B';
        $bytes = 'C' x 100_000;
        undef $bytes;
    });
    is write_fd($peer, $bytes, $changer), 5000, 'a string that changes meanwhile';
    my ($got, @fh) = read_fd($us, 10_000, 1);
    $got .= read_fd($us, 10_000, 1) if OverStreams::lack('long messages');
    ok $got eq 'A' x 5000, 'is sent as it was';
    is tag_of($fh[0]), 'file', 'with the descriptor';

    my @fh_list = ($file, undef, $file);
    $fh_list[1] = Changer->new($file, sub { @fh_list = () });
    is send_files($peer, @fh_list), 3, 'a list that is emptied meanwhile';
    is scalar(my @got = map { recv_fhs($us) } 1 .. (OverStreams::lack('batches') ? 3 : 1)), 3,
        'is sent as it was';
}

# ---- nothing else changes

{
    local ($_, $@, $,, $\, $/, $") = ('topic', 'error', 'a', 'b', 'c', 'd');
    'match' =~ /(a)/;
    $! = 77;
    write_fd($peer, 'x', $file);
    my @read = read_fd($us, 1, 1);
    send_files($peer, $file, $file);
    my @fhs = map { recv_fhs($us, 2, my $sender) } 1 .. (OverStreams::lack('batches') ? 2 : 1);
    send_files($peer);
    is $! + 0, 77, 'success leaves $! alone';
    is "$_ $@ $1 $, $\ $/ $\"", 'topic error a a b c d', 'and the other variables';
    is @read + @fhs, 4, 'all came';
}

undef $_ for $file, $memory;
no_leak();
done_testing;
