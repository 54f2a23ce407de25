# examples/privsep/privsep.pl: what the policy allows is opened, nothing else;
# and a worker that is broken into has nothing.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;

use Errno qw(EACCES EINVAL ELOOP ENOENT);
use POSIX ();

my $dir = workdir();
chmod 0755, $dir;
$ENV{PERL5LIB} = join ':', "$dir", map { /^\// ? $_ : POSIX::getcwd() . "/$_" }
    grep { !ref } @INC;
my $ROOT_NOTE = "privsep.pl: not root: the worker keeps its rights\n";

# { out, err, status } of the program, with perl's own arguments before it.
sub run {
    my ($perl_arguments, @arguments) = @_;
    pipe my $out, my $out_end or die "pipe: $!";
    open my $err, '+>', undef or die "temporary file: $!";
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        open STDOUT, '>&', $out_end or die $!;
        open STDERR, '>&', $err     or die $!;
        POSIX::dup2(1, 30);    # somebody's descriptor without close-on-exec
        exec $^X, @$perl_arguments, 'examples/privsep/privsep.pl', @arguments
            or POSIX::_exit(127);
    }
    close $out_end;
    my $said = join '', readline $out;
    waitpid $pid, 0;
    my $status = $?;
    seek $err, 0, 0;
    my $complained = join '', readline $err;
    $complained =~ s/^\Q$ROOT_NOTE\E// or fail('says that it is not root') if $> != 0;
    return { out => $said, err => $complained, status => $status };
}

sub file {
    my ($path, $content) = @_;
    open my $fh, '>', $path or die "$path: $!";
    print {$fh} $content;
    close $fh or die "$path: $!";
    chmod 0600, $path;
    return $path;
}

sub text { local $! = shift; return "$!" }

sub refused {
    my ($path, $errno) = @_;
    return "privsep.pl: $path: " . text($errno) . "\n";
}

my $policy = file("$dir/policy", "# what may be read\n\nread $dir/logs/*.log\nread $dir/a?b.[1]\n");
mkdir "$dir/logs" or die $!;
my $one = file("$dir/logs/one.log", "a line\nand another one\n");
my $two = file("$dir/logs/with a\nnewline.log", '');
my $odd = file("$dir/a+b.[1]", "1 2 3");

my $got = run([], $policy, $one, $two, $odd);
is $got->{out}, sprintf("%7d %7d %7d %s\n" x 3, 2, 5, 23, $one, 0, 0, 0, $two, 0 + 1,
    3, 5, $odd), 'files that the policy allows are counted';
is $got->{err}, '', '... without a complaint';
is $got->{status}, 0, '... and that is a success';

symlink '/etc/passwd', "$dir/logs/link.log";
POSIX::mkfifo("$dir/logs/fifo.log", 0600);
mkdir "$dir/logs/directory.log";
mkdir "$dir/logs/sub";
file("$dir/logs/sub/deep.log", 'deep');
file("$dir/logs/secret", 'secret');
my %refused = (
    '/etc/passwd'                => EACCES,
    "$dir/logs/secret"           => EACCES,
    "$dir/logs/sub/deep.log"     => EACCES,
    "$dir/logs/../logs/one.log"  => EACCES,
    "$dir/logs/./one.log"        => EACCES,
    "$dir/logs/one.log\n"        => EACCES,
    "$dir/axxb.[1]"              => EACCES,
    "$dir/a+b.1"                 => EACCES,
    'logs/one.log'               => EACCES,
    ''                           => EACCES,
    'x' x 4000                   => EACCES,
    "$dir/logs/none.log"         => ENOENT,
    "$dir/logs/link.log"         => ELOOP,
    "$dir/logs/fifo.log"         => EINVAL,
    "$dir/logs/directory.log"    => EINVAL,
);
my @names = sort keys %refused;
$got = run([], $policy, @names, $one);
is $got->{err}, join('', map { refused($_, $refused{$_}) } @names),
    'everything else is refused, with the reason';
like $got->{out}, qr/\A +2 +5 +23 \Q$one\E\n\z/, '... and the work goes on';
is $got->{status} >> 8, 1, '... but is a failure';

like run([], file("$dir/wrong", "write /etc/passwd\n"), $one)->{err},
    qr/\Aprivsep\.pl: \Q$dir\E\/wrong, line 1: neither/, 'a policy that is none'
    if $> == 0;
isnt run([], $policy, 'x' x 5000)->{status}, 0, 'a request without an end';

# A module that perl loads before the program: what the worker runs in place of
# its parser, once it has been broken into.
file("$dir/Broken.pm", <<'END');
package Broken;
use POSIX ();
INIT {
    no warnings;
    *main::count = sub {
        my @open = grep { $! = 0; POSIX::lseek($_, 0, 1); !$!{EBADF} } 0 .. 1000;
        opendir my $root, '/';
        print 'files ', join(' ', grep { !/^\.\.?$/ } readdir $root), "\n";
        closedir $root;
        print "descriptors ", scalar(@open), "\n";
        print "ids $< $> ", join(' ', $(), "\n";
        print "passwd ", -e '/etc/passwd' ? 'there' : 'not there', "\n";
        print "write ", open(my $new, '>', '/new') ? 'yes' : 'no', "\n";
        print "root ", POSIX::setuid(0) || ($> = 0, $> == 0) ? 'again' : 'never', "\n";
        print "chroot ", chroot('.') ? 'yes' : 'no', "\n";
        print "opener ", kill(0 => getppid) ? 'can be killed' : 'is safe', "\n";
        kill KILL => $$ if $ENV{BROKEN_DIES};
        return 0, 0, 0;
    };
}
1;
END
chmod 0644, "$dir/Broken.pm";

SKIP: {
    skip 'only root can give up its rights', 9 if $> != 0;
    my ($uid, $gid) = (getpwnam 'nobody')[ 2, 3 ];
    skip 'there is no user nobody', 9 if !defined $uid;
    $got = run(['-MBroken'], $policy, $one);
    is $got->{err}, '', 'a parser that was broken into';
    like $got->{out}, qr/^files \n/m, '... sees no file';
    like $got->{out}, qr/^passwd not there\n/m, '... not even a known one';
    like $got->{out}, qr/^write no\n/m, '... and can make none';
    like $got->{out}, qr/^ids $uid $uid $gid(?: $gid)*\n/m, '... it is nobody, in no other group';
    like $got->{out}, qr/^root never\n/m, '... and will not be root again';
    like $got->{out}, qr/^chroot no\n/m, '... it stays where it is';
    like $got->{out}, qr/^opener is safe\n/m, '... its parent is safe from it';
    # 0, 1, 2, the connection, the file that it was sent
    like $got->{out}, qr/^descriptors 5\n/m, '... it has what it was given, no more';
}

$ENV{BROKEN_DIES} = 1;
is run(['-MBroken'], $policy, $one)->{status} >> 8, 128 + 9,
    'a worker that is killed is a failure';

no_leak();
done_testing;
