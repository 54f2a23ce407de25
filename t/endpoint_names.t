use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Meeting;
use Situation;

use Cwd qw(getcwd);
use Socket qw(AF_UNIX SOCK_STREAM pack_sockaddr_un unpack_sockaddr_un);

use File::FDpasser;

# Names of endpoints: long, relative, abstract, odd, and refused.

{ package Path; use overload '""' => sub { $_[0][0] } }

my $dir = workdir();

# Creates, connects by every call, passes a descriptor, takes over.
sub works {
    my ($path, $name) = @_;
    my $listener = endp_create($path);
    ok $listener, "$name: endp_create" or return diag "$!";
    my ($client, $conn) = meet($listener, $path);
    ok $client, '... endp_connect' or diag "$!";
    ok scalar(meet($listener, sub { cli_conn($path) })), '... cli_conn'
        or diag "$!";
    send_file($client, \*STDIN);
    is identity(recv_fh($conn)), identity(\*STDIN), '... a descriptor passes';
    return $listener;
}

sub works_in_file_system {
    my ($path, $name, $in, $base) = @_;
    works($path, $name);
    is names($in), $base, '... the name is there and no other';
    works($path, "$name, over a stale socket");
    is names($in), $base, '... the name is there and no other';
    unlink "$in/$base" or diag "unlink: $!";
}

# Of every length around that of sun_path, and far beyond

my $deep = workdir();

sub directory_of_length {
    my ($length) = @_;
    my $path = "$deep/$length";
    mkdir $path or $!{EEXIST} or die "$path: $!";
    while ((my $missing = $length - length $path) > 1) {
        $path .= '/' . 'd' x ($missing > 201 ? 150 : $missing - 1);
        mkdir $path or $!{EEXIST} or die "$path: $!";
    }
    return $path;
}

# Long ones go through /proc.
my $has_long = $^O eq 'linux' && -d '/proc/self/fd';
my $sun_path = $^O eq 'linux' ? 108 : 104;
for my $length ($sun_path - 1 .. $sun_path + 1) {
    SKIP: {
        skip 'only Linux with /proc has longer names', 12
            if $length >= $sun_path && !$has_long;
        my $base = 'n' x ($length - length("$dir") - 1);
        works_in_file_system("$dir/$base", "a path of $length bytes",
            "$dir", $base);
    }
}
SKIP: {
    skip 'only Linux with /proc has longer names', 10 if !$has_long;
    for my $length (230, 255) {
        my $base = 'b' x $length;
        works_in_file_system("$dir/$base", "a name of $length bytes",
            "$dir", $base);
    }
    for my $length (150, 1000, 3500) {
        my $in = directory_of_length($length);
        works_in_file_system("$in/server", "a directory of $length bytes",
            $in, 'server');
    }
    my $in = directory_of_length(150);
    my $base = 'b' x 255;
    works_in_file_system("$in/$base", 'a long name in a long directory',
        $in, $base);

    my $listener = endp_create("$in/server", mode => 0600, exclusive => 1);
    is sprintf('%04o', (stat "$in/server")[2] & 07777), '0600',
        'a long path with a mode';
    fails { endp_create("$in/server", exclusive => 1) } undef, 'EADDRINUSE',
        '... and exclusive';
    undef $listener;
    fails { endp_connect("$in/server") } undef, 'ECONNREFUSED', '... stale';
    fails { endp_connect("$in/none") } undef, 'ENOENT', '... missing';
    fails { endp_create("$in/none/server") } undef, 'ENOENT',
        '... in a missing directory';
    fails { endp_create("$in/none/") } undef, 'ENOENT', '... which is the name';
    fails { endp_create("$in/") } undef, 'EADDRINUSE', '... a directory as the name';
    unlink "$in/server";
    open my $file, '>', "$in/server" or die $!;
    print {$file} 'precious';
    close $file;
    fails { endp_create("$in/server") } undef, 'EADDRINUSE',
        "... a user's file";
    is -s "$in/server", 8, '... is left alone';
    unlink "$in/server";
    for my $more (0, 1) {
        my $longest = substr "$dir/" . './' x 3000, 0, 4095 - length 'server';
        my $path = ($longest =~ s{\.\z}{/}r) . 'server' . 's' x $more;
        is length $path, 4095 + $more, 'a path of ' . length $path;
        if ($more) {
            fails { endp_create($path) } undef, 'ENAMETOOLONG', '... is too long';
            is names("$dir"), '', '... and nothing is there';
        }
        else { ok answers($path, my $listener = endp_create($path)), '... is served'; unlink $path }
    }
    fails { endp_create('/' . 'x/' x 3000 . 'server') } undef, 'ENAMETOOLONG',
        'longer than any path';
    fails { endp_connect('/' . 'x/' x 3000 . 'server') } undef, 'ENAMETOOLONG',
        '... to connect to';
}
{
    my $base = 'b' x 256;
    fails { endp_create("$dir/$base") } undef, 'ENAMETOOLONG',
        'a name of 256 bytes';
    fails { endp_connect("$dir/$base") } undef, 'ENAMETOOLONG',
        '... to connect to';
    fails { cli_conn("$dir/$base") } -1, 'ENAMETOOLONG', '... as a number';
}
if ($^O ne 'linux') {
    my $base = 'n' x ($sun_path + 1 - length("$dir") - 1);
    fails { endp_create("$dir/$base") } undef, 'ENAMETOOLONG',
        'a path too long';
    is names("$dir"), '', '... and nothing was touched';
    # What 0.09 would have cut it to is a user's file.
    my $short = substr $base, 0, -1;
    open my $file, '>', "$dir/$short" or die $!;
    close $file;
    fails { endp_create("$dir/$base") } undef, 'ENAMETOOLONG', '... still';
    ok -f "$dir/$short", '... nor a shorter name';
    unlink "$dir/$short";
}

# A path that was cut off must not hit what has the shorter name.
{
    my $short = 'n' x ($sun_path - length("$dir") - 1);
    open my $file, '>', "$dir/$short" or die $!;
    close $file;
    my $listener = endp_create("$dir/${short}more");
    ok -f "$dir/$short", 'an empty file whose name is the beginning of ours';
    unlink "$dir/$short", "$dir/${short}more";
}

# Relative paths

{
    my $before = getcwd();
    mkdir "$dir/one" or die "mkdir: $!";
    mkdir "$dir/two" or die "mkdir: $!";
    chdir "$dir/one" or die "chdir: $!";
    works_in_file_system('server', 'a relative path', "$dir/one", 'server');
    works_in_file_system('./server', 'a path with a dot', "$dir/one", 'server');
    works_in_file_system('../two/server', 'a path with dots',
        "$dir/two", 'server');
    my $listener = endp_create('server');
    chdir "$dir/two" or die "chdir: $!";
    fails { endp_connect('server') } undef, 'ENOENT',
        'after chdir a relative path is another one';
    my ($client, $conn) = meet($listener, '../one/server');
    ok $client, '... and this is the first';
    ok $conn, '... which works on';
    unlink '../one/server';
    if ($has_long) {
        my $base = 'b' x 200;
        works_in_file_system($base, 'a long relative path', "$dir/two", $base);
        works_in_file_system("../one/$base", 'with dots', "$dir/one", $base);
        my $in = directory_of_length(1000);
        chdir $in or die "chdir: $!";
        works_in_file_system('server', 'in a deep directory', $in, 'server');
    }
    chdir $before or die "chdir: $!";
    rmdir "$dir/$_" for qw(one two);
}

# Odd but good names

for my $odd (
    [ 'a newline'           => "new\nline" ],
    [ 'a newline at the end' => "newline\n" ],
    [ 'blanks around'       => ' blanks ' ],
    [ 'a leading dash'      => '-dash' ],
    [ 'characters of the shell' => q{*?"'$`;&|<>()} ],
    [ 'a percent sign'      => '%s%n' ],
    [ 'bytes above 127'     => "\xe9\xff" ],
    [ 'UTF-8 bytes'         => "\xe2\x98\xba" ],
    )
{
    my ($what, $base) = @$odd;
    works_in_file_system("$dir/$base", $what, "$dir", $base);
}
{
    my $base = "\xe2\x98\xba";
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    works_in_file_system("$dir/\x{263a}", 'a wide character', "$dir", $base);
    is "@warnings", '', '... without a warning';
    fails { endp_connect("$dir/\x{263b}") } undef, 'ENOENT', 'another one';
    fails { cli_conn("$dir/\x{263b}") } -1, 'ENOENT', '... as a number';
    SKIP: {
        skip 'only Linux with /proc has longer names', 12 if !$has_long;
        my $long = "\x{263a}" x 80;
        utf8::encode(my $bytes = $long);
        works_in_file_system("$dir/$long", 'many of them', "$dir", $bytes);
    }
}
# However perl keeps the string: as open takes it.
for my $path ("$dir/\xe9", do { utf8::upgrade(my $upgraded = "$dir/\xe9"); $upgraded }) {
    write_file($path, '');
    my $base = names("$dir");
    works_in_file_system($path, 'a character between 128 and 255', "$dir", $base);
}
{
    my $path = bless ["$dir/object"], 'Path';
    works_in_file_system($path, 'an object that is a path', "$dir", 'object');
}

# Abstract names

SKIP: {
    skip 'only Linux has abstract names', 20 if $^O ne 'linux';
    my $name = "\0File::FDpasser test $$ " . time;
    {
        my $listener = works($name, 'an abstract name');
        is names("$dir"), '', '... leaves nothing in the file system';
        is unpack_sockaddr_un(getsockname $listener), $name, '... is that name';
        fails { endp_create($name) } undef, 'EADDRINUSE', '... is taken';
        fails { endp_create($name, exclusive => 1) } undef, 'EADDRINUSE',
            '... for exclusive, too';
        fails { endp_create($name . 'x', mode => 0600) } undef, 'EINVAL',
            '... has no mode';
        fails { endp_connect($name . 'x') } undef, 'ECONNREFUSED',
            'and nobody here';
        socket my $plain, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!";
        ok connect($plain, pack_sockaddr_un($name)),
            'a client that knows nothing of this module connects';
    }
    fails { endp_connect($name) } undef, 'ECONNREFUSED',
        'an abstract name goes with its listener';
    works($name . "\0with\0more", 'an abstract name with zero bytes in it');
    my $longest = substr $name . 'n' x 200, 0, 108;
    works($longest, 'the longest abstract name');
    fails { endp_create($longest . 'n') } undef, 'ENAMETOOLONG', 'a longer one';
    fails { endp_connect($longest . 'n') } undef, 'ENAMETOOLONG',
        '... to connect to';
}

# Refused names

{
    my @warnings;
    no warnings 'File::FDpasser';
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    open my $file, '>', "$dir/user" or die $!;
    close $file;
    my $listener = endp_create("$dir/real");
    for my $refused (
        [ 'the empty path',             '' ],
        [ 'no path',                    undef ],
        [ 'a zero byte after a file',   "$dir/user\0" ],
        [ 'a zero byte and more',       "$dir/user\0more" ],
        [ 'a zero byte after a server', "$dir/real\0" ],
        [ 'a zero byte in a directory', "$dir\0/real" ],
        )
    {
        my ($what, $path) = @$refused;
        fails { endp_create($path) } undef, 'ENOENT', "$what: endp_create";
        fails { endp_connect($path) } undef, 'ENOENT', '... endp_connect';
        fails { cli_conn($path) } -1, 'ENOENT', '... cli_conn';
    }
    is names("$dir"), 'real user', '... and nothing was touched';
    ok -f "$dir/user", '... the file is a file';
    ok answers("$dir/real"), '... the server serves';
    is "@warnings", '', '... and nothing was said';
    unlink "$dir/user", "$dir/real";
}

no_leak();
done_testing;
