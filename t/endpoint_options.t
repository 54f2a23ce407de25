use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Meeting;
use Outside;
use Situation;

use Fcntl qw(:mode F_GETFL O_NONBLOCK);
use POSIX ();
use Socket qw(SOL_SOCKET SO_RCVTIMEO SO_SNDTIMEO);
use Time::HiRes qw(time);

use File::FDpasser;

# endp_create with mode, backlog, exclusive; endp_connect with timeout.

my $dir  = workdir();
my $path = "$dir/server";

sub mode_of { return sprintf '%04o', $_[0] & 07777 }
sub mode    { return mode_of((stat shift)[2]) }

# mode

for my $umask (0, 022, 077) {
    umask $umask;
    my $listener = endp_create($path);
    is mode($path), mode_of(0777 & ~$umask),
        sprintf 'umask %03o decides without a mode', $umask;
    $listener = endp_create($path, mode => 0600);
    is mode($path), '0600', '... mode 0600, over it';
    unlink $path;
    $listener = endp_create($path, mode => 0600);
    is mode($path), '0600', '... mode 0600, on a free name';
    is umask(), $umask, '... the umask is as it was';
    unlink $path;
}
umask 022;
SKIP: {
    skip 'only root can become somebody else', 4 if $> != 0;
    chmod 0755, $dir;
    my $listener = endp_create($path, mode => 0600);
    my $refused  = sub {
        (in_child {
            POSIX::setgid(65534);
            POSIX::setuid(65534);
            return answers($path) ? 'connected' : errno_name($!);
        })->result;
    };
    is $refused->(), 'EACCES', 'mode 0600 keeps others out';
    chmod 0666, $path;
    is $refused->(), 'connected', '... until it is changed';
    umask 0;
    $listener = endp_create($path, mode => 0666);
    is $refused->(), 'connected', 'mode 0666 lets them in';
    unlink $path;
    umask 077;
    $listener = endp_create($path, mode => 0666);
    is $refused->(), 'connected', '... whatever the umask';
    unlink $path;
    umask 022;
}

# At no moment wider: a child looks all the time.
{
    umask 0;
    my ($looks, $stop) = (gate(), gate());
    my $child = in_child {
        my ($last, %seen);
        $looks->open;
        until ($last) {
            $last = $stop->is_open;
            for my $name (glob "$dir/* $dir/.*") {    # temporary ones, too
                my $mode = (lstat $name)[2];
                $seen{ mode_of($mode) }++ if defined $mode && S_ISSOCK($mode);
            }
        }
        return sort keys %seen;
    };
    $looks->wait;
    for (1 .. 1000) {
        my $listener = endp_create($path, mode => 0600);
        unlink $path if $_ % 2;
    }
    $stop->open;
    is_deeply [ $child->result ], ['0600'], 'never seen otherwise';
    unlink $path;
    umask 022;
}

# backlog

sub fits {
    my ($backlog, $enough) = (@_, 30);
    my $listener = endp_create($path, backlog => $backlog);
    my @clients;
    while (@clients < $enough) {
        my $client = knock($path) or last;
        push @clients, $client;
    }
    unlink $path;
    return scalar @clients;
}

# Systems add one or so.
cmp_ok fits(1), '<', 10, 'a short queue';
cmp_ok fits(20), '>=', 20, 'a longer one';
is fits(100), 30, 'a long one';
SKIP: {
    skip 'where is it told?', 1 if !-r '/proc/sys/net/core/somaxconn';
    my $most = content('/proc/sys/net/core/somaxconn');
    is fits(undef, 400), $most < 400 ? $most + 1 : 400, q{without it: the system's};
}

# exclusive

{
    my $listener = endp_create($path, exclusive => 1);
    ok $listener, 'exclusive, on a free name';
    my $node = join ' ', (stat $path)[ 0, 1, 2 ];
    fails { endp_create($path, exclusive => 1) } undef, 'EADDRINUSE',
        'exclusive, where a server is alive';
    is join(' ', (stat $path)[ 0, 1, 2 ]), $node, '... the node is left alone';
    is names($dir), 'server', '... nothing else is there';
    my ($client, $conn) = meet($listener, $path);
    send_file($client, \*STDIN);
    is identity(recv_fh($conn)), identity(\*STDIN),
        '... the server was not disturbed';
    $listener->blocking(0);
    fails { serv_accept_fh($listener) } undef, 'EAGAIN', '... by a connection';

    close $listener;
    $listener = endp_create($path, exclusive => 1);
    ok $listener, 'exclusive, over a stale node';
    ok answers($path), '... which serves';
    ok endp_create($path), 'a server that is not exclusive takes over';
    unlink $path;

    symlink "$dir/nowhere", $path or die "symlink: $!";
    ok endp_create($path, exclusive => 1), 'exclusive, over a link';
    unlink $path;
    $listener = endp_create($path, exclusive => 0);
    ok endp_create($path, exclusive => 0), 'exclusive => 0 is not exclusive';
    unlink $path;
}

# Two that start at the same moment, over a stale node or (every other round) on
# a free name: one wins, and answers.
{
    my $rounds = 200;
    my ($start, $tried, $leave, $left) = map { gate() } 1 .. 4;
    my @starters = map {
        in_child {
            my @outcomes;
            for (1 .. $rounds) {
                $start->wait;
                my $listener = endp_create($path, exclusive => 1);
                push @outcomes, $listener ? 'won' : errno_name($!);
                $tried->open;
                $leave->wait;
                undef $listener;
                $left->open;
            }
            return @outcomes;
        };
    } 1, 2;

    my @answers;
    for my $round (1 .. $rounds) {
        { my $stale = $round % 2 ? endp_create($path) : undef }
        $_->open for $start, $start;
        $_->wait for $tried, $tried;
        push @answers, answers($path) ? 'answers' : errno_name($!);
        $_->open for $leave, $leave;
        $_->wait for $left,  $left;
        unlink $path;
    }
    my ($one, $two) = map { [ $_->result ] } @starters;
    my %seen;
    for my $round (0 .. $rounds - 1) {
        my $outcomes = join ' ', sort $one->[$round], $two->[$round];
        $seen{"$outcomes $answers[$round]"}++;
    }
    is_deeply \%seen, { 'EADDRINUSE won answers' => $rounds },
        'of two exclusive starters one wins';
    is names($dir), '', '... and nothing is left behind';
}

# timeout

{
    my $listener = endp_create($path, backlog => 1);
    ok scalar(meet($listener, $path, timeout => 30)),
        'a timeout that is not needed';
    my @waiting;
    while (my $client = knock($path)) { push @waiting, $client }
    is_deeply [ returns { endp_connect($path, timeout => 0) ? 'connected' : errno_name($!) } ],
        ['ETIMEDOUT'], 'no time for a server that does not accept';
    my $start = time;
    fails { endp_connect($path, timeout => 0.2) } undef, 'ETIMEDOUT',
        'a server that does not accept';
    my $took = time - $start;
    cmp_ok $took, '>=', 0.15, '... is waited for';
    cmp_ok $took, '<', 20, '... not longer than asked for';
    serv_accept_fh($listener) for @waiting;
    ok scalar(meet($listener, $path, timeout => 30)), 'when it accepts there is room';
    unlink $path;
    fails { endp_connect($path, timeout => 5) } undef, 'ENOENT',
        'no server: no wait';
}

# Nonsense, and what is as if it were not there

# In line 7 of that file.
my %call = map {
    $_ => eval "#line 7 caller.pl\nsub { $_(\@_) }" || die $@
} qw(endp_create endp_connect);

sub dies_of {
    my ($function, $why, @options) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $lived = eval { $call{$function}->($path, @options); 1 };
    return is $lived ? 'lived' : $@, "Invalid args to $function: $why at caller.pl line 7.\n",
        "$function with " . join ', ', map { length > 40 || /[^ -~]/ ? 'more' : $_ } @options;
}

{
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my $string = 'is a string, which perl takes for a decimal number:';
    my $mode   = 'is no number from 0 to 0777';
    my $most   = 'is no whole number from 0 to 2147483647';
    for (
        [ "mode => '0600' $string 0600 was meant", mode => '0600' ],
        [ "mode => '0400' $string 0400 was meant", mode => '0400' ],
        [ "mode => '0777' $string 0777 was meant", mode => '0777' ],
        [ "mode => '00' $string 0000 was meant",   mode => '00' ],
        [ 'mode => 600 is more than 0777: 0600 was meant', mode => 600 ],
        [ 'mode => 600 is more than 0777: 0600 was meant', mode => '600' ],
        [ "mode => '01777' $mode", mode => '01777' ],
        [ "mode => 'rw' $mode",    mode => 'rw' ],
        [ "mode => '' $mode",      mode => '' ],
        [ "mode => -1 $mode",      mode => -1 ],
        [ "mode => 384.5 $mode",   mode => 384.5 ],
        [ "mode => +600 $mode",    mode => '+600' ],
        [ "mode => 4096 $mode",    mode => 010000 ],
        [ "backlog => 'long' $most",     backlog => 'long' ],
        [ "backlog => -1 $most",         backlog => -1 ],
        [ "backlog => 2147483648 $most", backlog => 2**31 ],
        [ "backlog => 4294967296 $most", backlog => 2**32 ],
        [ 'there is no option no_such', mode    => 0600, no_such => 1 ],
        [ 'there is no option timeout', timeout => 1 ],
        [ 'there is no option Mode',    Mode    => 0600 ],
        [ 'there is no option ',        ''      => 0600 ],
        [ 'there is no option a\nb\x00', "a\nb\0" => 1 ],
        [ 'there is no option \xe2\x98\xba', "\x{263a}" => 1 ],
        [ 'there is no option ' . 'x' x 40, 'x' x 40 => 1 ],
        [ 'there is no option ' . 'x' x 40 . '...', 'x' x 41 => 1 ],
        [ 'option mode has no value: options are name => value', 'mode' ],
        [ 'option 384 has no value: options are name => value',  0600 ],
        [ 'option exclusive has no value: options are name => value', mode => 0600, 'exclusive' ],
        )
    {
        dies_of('endp_create', @$_);
    }
    my $options = { mode => 0600 };
    dies_of('endp_create', "option $options has no value: options are name => value", $options);
    ok !-e $path, '... and nothing is made';
    my $listener = endp_create($path, mode => undef, backlog => undef,
        exclusive => undef);
    ok $listener, 'options that are undef';
    is mode($path), mode_of(0777 & ~umask), '... are as if they were not there';
    my $seconds  = 'is no number of seconds';
    my $infinity = 9**9**9;    # perls before 5.22 spell it otherwise
    for (
        [ "timeout => 'long' $seconds", timeout => 'long' ],
        [ "timeout => -1 $seconds",     timeout => -1 ],
        [ "timeout => $infinity $seconds", timeout => $infinity ],
        [ 'there is no option no_such', no_such => 1 ],
        [ 'there is no option mode',    mode    => 0600 ],
        [ 'option timeout has no value: options are name => value', 'timeout' ],
        )
    {
        dies_of('endp_connect', @$_);
    }
    eval { $call{endp_connect}->($path, timeout => -sin $infinity) };
    like $@, qr/timeout => '-?nan' $seconds/i, 'a timeout that is not a number';
    ok scalar(meet($listener, $path, timeout => undef)),
        'a timeout that is undef';
    ok scalar(meet($listener, $path, timeout => 1e9)), '... or very long';
    ok endp_connect($path, timeout => 1e-9), '... or very short';
    ok endp_connect($path, timeout => 0), '... or none at all';
    is "@warnings", '', '... without a warning';
    unlink $path;
}

# The timeout was that of the connect, not one of the connection.
{
    my $listener = endp_create($path, backlog => 1);
    my @waiting;
    for my $how ('found room', 'waited for room') {
        my $child = elsewhere { endp_connect($path, timeout => 30) };
        $child->settle;
        serv_accept_fh($listener) for @waiting, 'the child';
        my $client = $child->end;
        like getsockopt($client, SOL_SOCKET, $_), qr/\A\0+\z/,
            "it $how: no timeout stays on the connection" for SO_RCVTIMEO, SO_SNDTIMEO;
        ok !(fcntl($client, F_GETFL, 0) & O_NONBLOCK), '... and it blocks';
        while (my $more = knock($path)) { push @waiting, $more }
    }
    unlink $path;
}

{
    my $far = "$dir/" . './' x 2100 . 'far';
    fails { endp_create($far) } undef, 'ENAMETOOLONG',
        'a path that nobody could connect to';
    fails { endp_create($far, exclusive => 1) } undef, 'ENAMETOOLONG', '... nor alone';
}

no_leak();
done_testing;
