# Every program in examples/, run as a user would, on good and on bad input.

use strict;
use warnings;

use lib 't/lib';
use Errno qw(EADDRINUSE EACCES ECONNREFUSED EISDIR ENOENT);
use File::FDpasser;
use Test::More;
use Meeting;
use Situation;

watchdog(60);    # some of it takes long beside other work

my $dir = workdir();
my $tmp = "$dir/tmp";    # what the programs leave behind would be here
mkdir $_ or die "$_: $!"
    for $tmp, "$dir/public";
chmod 0755, $dir, $tmp;    # for the demo's client, who is nobody
$ENV{TMPDIR}   = $tmp;
$ENV{LC_ALL}   = 'C';
$ENV{PERL5LIB} = join ':', grep { !ref } @INC;

# ---- running them

# run($program, @arguments): { out, err, status }
sub run {
    my $child = start(@_);
    return finish($child);
}

# With LIMIT: with room for so many descriptors.
our $LIMIT = 'unlimited';

sub start {
    my ($program, @arguments) = @_;
    my $limited = "ulimit -n $LIMIT; exec \"\$\@\"";
    open my $err, '+>', "$dir/err.$program.$$" or die "stderr: $!";
    unlink "$dir/err.$program.$$";
    pipe my $out, my $writer or die "pipe: $!";
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        open STDIN,  '<',  '/dev/null' or die $!;
        open STDOUT, '>&', $writer     or die $!;
        open STDERR, '>&', $err        or die $!;
        alarm 50;    # not even a server outlives the watchdog
        unshift @arguments, $^X, "examples/$program";
        unshift @arguments, 'sh', '-c', $limited, 'sh' if $LIMIT ne 'unlimited';
        exec @arguments or POSIX::_exit(127);
    }
    return { pid => $pid, out => $out, err => $err };
}

sub finish {
    my ($child) = @_;
    my ($out_handle, $err_handle) = delete @$child{qw(out err)};
    local $/;
    my $out = readline $out_handle;
    waitpid $child->{pid}, 0;
    my $status = $?;
    seek $err_handle, 0, 0;
    my $err = readline $err_handle;
    return {
        out    => defined $out ? $out : '',
        err    => defined $err ? $err : '',
        status => $status
    };
}

sub text { local $! = shift; return "$!" }

sub file {
    my ($path, $content) = @_;
    open my $fh, '>', $path or die "$path: $!";
    binmode $fh;
    print $fh $content;
    close $fh or die "$path: $!";
    return $path;
}

my $poem  = file("$dir/public/poem",  "one line\nand another\n");
my $bytes = file("$dir/public/bytes", join '', map { chr $_ % 256 } 0 .. 200_000);
my $content_of_bytes = do { open my $fh, '<:raw', $bytes; local $/; <$fh> };

# ---- without arguments each says how it is used

for my $program (qw(mycat.pl openfile.pl openserver.pl openclient.pl)) {
    my $got = run($program);
    like $got->{err}, qr/\Ausage: \Q$program\E /, "$program without arguments";
    isnt $got->{status}, 0, '... fails';
    is $got->{out}, '', '... and prints nothing else';
}
like run('demo.pl', 'nonsense')->{err}, qr/\Ausage: demo\.pl/,
    'demo.pl with an argument';
like run('openfile.pl', 'STDIN', $poem)->{err}, qr/\Ausage: /,
    'openfile.pl wants the number of a descriptor';
like run('openclient.pl', 'nowhere', "two\nlines")->{err}, qr/\Ausage: /,
    'openclient.pl refuses a name with a newline';

# ---- mycat.pl and openfile.pl

my $cat = run('mycat.pl', $poem, $bytes);
ok $cat->{out} eq "one line\nand another\n$content_of_bytes",
    'mycat.pl copies two files, byte for byte';
is $cat->{err}, '', '... without a complaint';
is $cat->{status}, 0, '... and succeeds';

my $odd = file("$dir/a name\nwith 'everything' \$in it", 'odd');
is run('mycat.pl', $odd)->{out}, 'odd', 'a path is never seen by a shell';

$cat = run('mycat.pl', "$dir/missing", $poem, $dir);
is $cat->{out}, "one line\nand another\n", 'what can be read is copied';
is $cat->{err}, "mycat.pl: $dir/missing: " . text(ENOENT) . "\n"
    . "mycat.pl: $dir: " . text(EISDIR) . "\n", 'the rest is named, and why';
is $cat->{status} >> 8, 1, '... and is a failure';

SKIP: {
    skip 'root may read everything', 1 if $> == 0;
    my $secret = file("$dir/secret", 'secret');
    chmod 0, $secret;
    is run('mycat.pl', $secret)->{err},
        "mycat.pl: $secret: " . text(EACCES) . "\n", 'an unreadable file';
}

# The helper alone, with this process as its parent.
sub openfile {
    my ($path) = @_;
    my ($ours, $theirs) = spipe();
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        POSIX::dup2(fileno $theirs, 20);    # no close-on-exec there
        exec $^X, 'examples/openfile.pl', 20, $path or POSIX::_exit(127);
    }
    close $theirs;
    my $fh    = recv_fh($ours);
    my $errno = $! + 0;
    waitpid $pid, 0;
    return ($fh, $errno, $?);
}

my ($fh, $errno, $status) = openfile($poem);
is join('', <$fh>), "one line\nand another\n", 'openfile.pl sends a handle';
is $status, 0, '... and succeeds';
($fh, $errno, $status) = openfile("$dir/missing");
is $fh, undef, 'openfile.pl has no handle on a file that is not there';
is $errno, ENOENT, '... and its errno is ours';
is $status, 0, '... and to say so is a success';

# ---- openserver.pl and openclient.pl

my $socket = "$dir/endpoint";
my $client = run('openclient.pl', $socket, 'poem');
is $client->{err}, "openclient.pl: $socket: " . text(ENOENT) . "\n",
    'a client where no server ever was';
is run('openserver.pl', $socket, $poem)->{err},
    "openserver.pl: $poem: not a directory\n", 'a server without a directory';

my $server = start('openserver.pl', $socket, "$dir/public");
is readline $server->{out}, "ready: $socket\n", 'the server listens';
is run('openserver.pl', $socket, "$dir/public")->{err},
    "openserver.pl: $socket: " . text(EADDRINUSE) . "\n",
    'a second server at the same endpoint is refused';

my $silent = endp_connect($socket);
my $half   = endp_connect($socket);
ok $silent && $half, 'two clients connect and do not finish a request';
syswrite $half, 'poe';
is run('openclient.pl', $socket, 'poem')->{out}, "one line\nand another\n",
    'a third client is served all the same';
syswrite $half, "m\nbytes\n";
is join('', readline recv_fh($half)), "one line\nand another\n",
    'the rest of a request completes it';
is -s recv_fh($half), length $content_of_bytes,
    '... and a second request came along with it';

mkdir "$dir/public/folder" or die $!;
$client = run('openclient.pl', $socket, 'missing', '../secret', 'folder',
    '.', 'poem');
is $client->{err}, join('',
    "openclient.pl: missing: " . text(ENOENT) . "\n",
    map { "openclient.pl: $_: " . text(EACCES) . "\n" } '../secret', 'folder',
    '.'),
    'the server refuses a path, a folder and a missing file, by errno';
is $client->{out}, "one line\nand another\n", '... and goes on serving';
is $client->{status} >> 8, 1, '... and the client reports a failure';

syswrite $half, "poem\0\n";
is recv_fh($half), undef, 'a name with a NUL in it';
is $! + 0, EACCES, '... is refused too';

my $flood = endp_connect($socket);
syswrite $flood, 'x' x 10_000;
ok !defined recv_fh($flood), 'a request without an end: the client is dropped';

my @clients = map { start('openclient.pl', $socket, qw(poem bytes poem)) } 1 .. 5;
my @got = map { finish($_) } @clients;
is scalar(grep { $_->{status} == 0
        && $_->{out} eq "one line\nand another\n$content_of_bytes"
            . "one line\nand another\n" } @got), 5, 'five clients at once';

close $_ for $silent, $half, $flood;
kill TERM => $server->{pid};
my $end = finish($server);
is $end->{status}, 0, 'the server ends when told to';
is $end->{err}, '', '... it never complained';
like $end->{out}, qr/^uid $>: poem: sent$/m, '... and said who asked for what';
unlike $end->{out}, qr/[^\n -~]/, '... in printable characters';
ok !-e $socket, '... and its endpoint is gone';

$server = start('openserver.pl', $socket, "$dir/public");
readline $server->{out};
kill KILL => $server->{pid};
finish($server);
is run('openclient.pl', $socket, 'poem')->{err},
    "openclient.pl: $socket: " . text(ECONNREFUSED) . "\n",
    'a client where a server was killed';
$server = start('openserver.pl', $socket, "$dir/public");
is readline $server->{out}, "ready: $socket\n", '... whose place is taken over';
kill TERM => $server->{pid};
finish($server);

{
    local $LIMIT = 10;
    $server = start('openserver.pl', $socket, "$dir/public");
    readline $server->{out};
}
my @idle;
for (1 .. 20) {
    push @idle, elsewhere { endp_connect($socket) };
    $idle[-1]->settle;
}
is scalar(@idle), 20, 'more clients than the server has room for';
my $last = elsewhere { endp_connect($socket) };
$last->settle;
@idle = ();
$last = $last->end;
# Until it has noticed that they are, it answers EMFILE.
my $served;
for (1 .. 100) {
    syswrite $last, "poem\n";
    $served = recv_fh($last);
    last if $served || !$!{EMFILE};
}
is join('', $served ? readline $served : "$!"), "one line\nand another\n",
    '... the last is served when the others are gone';
close $_ for $last, $served;
kill TERM => $server->{pid};
is finish($server)->{status}, 0, '... and the server lives';

# ---- demo.pl

my $demo = run('demo.pl');
is $demo->{status}, 0, 'the demo succeeds';
is $demo->{err}, '', '... without a complaint';
my @lines = split /\n/, $demo->{out};
is scalar(grep { !/^(?:demo|server|client)  / } @lines), 0,
    '... each line says who speaks';
is scalar(grep { length > 80 } @lines), 0, '... and fits on a terminal';
like $demo->{out}, qr/^client      7 Sep   potatoes/m,
    '... the client prints the file to its last line';
my %uid = $demo->{out} =~ /^(server|client)  I am process \d+, uid (\d+)/mg;
is $uid{server}, $>, '... the server runs as we do';
my $nobody = getpwnam 'nobody';
is $uid{client}, $> ? $> : defined $nobody ? $nobody : 65534,
    '... the client has no rights of its own';
like $demo->{out}, $> ? qr/ledger\.txt: \Q${\text(ENOENT)}/
    : qr/ledger\.txt: \Q${\text(EACCES)}/, '... and could not open the file';
like $demo->{out}, qr/^demo .*cleaned up\.$/m, '... and says so at the end';

opendir my $left, $tmp or die "$tmp: $!";
is join(' ', grep { !/^\.\.?$/ } readdir $left), '', 'no temporary file is left';
closedir $left;

undef $fh;
no_leak();
done_testing;
