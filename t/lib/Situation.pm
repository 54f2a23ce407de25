package Situation;

# What every test of this distribution stands on: a watchdog, a count of open
# descriptors, an assertion for failures, and (Situation::Process) children
# that report back, programs to run and gates to synchronise with.
#
#     use lib 't/lib';
#     use Test::More;
#     use Situation;                       # the watchdog runs from here
#
#     my $dir   = workdir();               # a directory, removed at the end
#     my $ready = gate();
#     my $child = in_child {               # forked at once, runs beside us
#         $ready->open;
#         return ( $$, leaked() );         # anything that Storable takes
#     };
#     $ready->wait;
#     my ($pid, @leaked) = $child->result; # waits, reaps; dies if it died
#
#     fails { send_file($conn, $fh) } undef, 'EPIPE', 'a vanished peer';
#     fails_empty { recv_fhs($conn) } 'EAGAIN', 'nothing there';
#     is identity($received), identity($sent), 'the same open file';
#     is_deeply [ survives_exec(3, 4) ], [ 1, 0 ], 'only 3 is inherited';
#     is run_perl('-CSD', '-e', $script), "output\n", 'with wide characters on';
#     no_leak();
#     done_testing;

use strict;
use warnings;

use Errno ();
use Exporter 'import';
use File::Temp ();
use POSIX      ();
use Test::More ();

use OverStreams;
use Situation::Process;

our @EXPORT = (
    qw(watchdog workdir descriptors leaked no_leak fails fails_empty errno_name
        identity),
    @Situation::Process::EXPORT);

# Where tests are run: no perl complains of a locale that is not there, what is
# written can be read by other users, and the name of a socket, 107 bytes at most
# (unix(7)), fits below TMPDIR.
$ENV{PERL_BADLANG} = 0;
umask 022;
if (length($ENV{TMPDIR} || '') > 50) {
    my ($short) = grep { -d && -w _ } qw(/tmp /var/tmp /dev/shm);
    $ENV{TMPDIR} = $short if $short;
}

# Some tests open hundreds of descriptors.
if (POSIX::sysconf(POSIX::_SC_OPEN_MAX()) < 1024) {
    require Syscall;
    my $most = Syscall::has_system_call('prlimit64') && Syscall::most_descriptors();
    Syscall::descriptor_limit($most < 1024 ? $most : 1024) if $most;
}

my %baseline;    # the descriptors that were open when the test began

# The script's own descriptor is closed only when all of it has been compiled,
# so what is open is looked at here and not in import.
INIT {
    listen_to_assertions();
    watchdog();
    open STDIN, '<', '/dev/null' or die "/dev/null: $!";    # tests send it
    new_baseline();
}

# watchdog($seconds): ends the process, and its children, where there is no news
# for so long, and says where; watchdog(0) calls it off. By default a test has
# 10 seconds from one assertion, child or gate to the next, a child or program
# of its 60 in all; more on a busy machine, and FDPASSER_PATIENCE times that. The
# handler runs at once, not between two Perl operations, so it also ends a test
# that hangs in native code. A test that wants alarm for itself uses it in a
# child.
my $last_news = 'the beginning';
my ($test, $patience) = ($$, 0);

sub watchdog {
    $patience = patient(@_ ? shift : has_assertions() ? 10 : 60);
    POSIX::sigaction(POSIX::SIGALRM(), POSIX::SigAction->new(\&bark));
    set_alarm($patience);
}

# Whatever was held back by what is tested.
my $alarm = POSIX::SigSet->new(POSIX::SIGALRM());

sub set_alarm {
    my ($seconds) = @_;
    POSIX::sigprocmask(POSIX::SIG_UNBLOCK(), $alarm);
    return alarm $seconds * busy();
}

sub has_assertions { return $$ == $test && $0 =~ /\.t\z/ }

sub bark {
    my @lines;
    for (my $depth = 0; my (undef, $file, $line) = caller $depth; $depth++) {
        unshift @lines, $line if $file eq $0 && !grep { $_ == $line } @lines;
    }
    my $where = join ', ', map {"line $_"} @lines;
    syswrite STDERR, "# $0: watchdog: no news since '$last_news': $where\n";
    Situation::Process::kill_children();
    POSIX::_exit(124);
}

# news(), news($what): the test goes on.
sub news {
    $last_news = shift if @_;
    wait_for(0);
}

# wait_for($seconds): until the next news so much more may pass.
sub wait_for {
    my ($seconds) = @_;
    set_alarm($patience + patient($seconds)) if $patience && has_assertions();
}

sub patient { my ($seconds) = @_; return $seconds * ($ENV{FDPASSER_PATIENCE} || 1) }

# 2 where eight processes want to run, 3 where sixteen do; proc(5).
my ($busy, $asked) = (1, 0);

sub busy {
    return $busy if $asked == time;
    $asked = time;
    local $!;
    open my $load, '<', '/proc/loadavg' or return $busy;
    return $busy = 1 + (split ' ', <$load>)[0] / 8;
}

# Each assertion is news.
sub listen_to_assertions {
    my $ok = \&Test::Builder::ok;
    no warnings 'redefine';
    *Test::Builder::ok = sub { news(defined $_[2] ? $_[2] : 'no name'); goto &$ok };
}

# workdir(): a temporary directory, as an object that stringifies to its path
# and removes it when dropped in the process that made it.
sub workdir { return File::Temp->newdir('fdpasser-XXXXXX', TMPDIR => 1) }

# descriptors(): the numbers of the open descriptors, ascending.
sub descriptors {
    my @candidates = 0 .. 1023;    # without /proc, or when the table is full
    if (opendir my $listing, '/proc/self/fd') {
        @candidates = sort { $a <=> $b } grep { /\A[0-9]+\z/ } readdir $listing;
        closedir $listing;
    }
    return grep { is_open($_) } @candidates;    # no longer the listing itself
}

sub is_open {
    my ($number) = @_;
    local $! = 0;
    POSIX::lseek($number, 0, POSIX::SEEK_CUR());
    return !$!{EBADF};
}

# identity($fh or $number): equal for two descriptors of the same file.
sub identity {
    my ($number) = map { ref $_ || ref \$_ eq 'GLOB' ? fileno $_ : $_ } @_;
    return join ':', (fstat($number))[ 0, 1 ];
}

# perl 5.16 takes a descriptor for it, of which there may be no more.
sub fstat { return $] < 5.018 ? stat "/proc/self/fd/$_[0]" : POSIX::fstat($_[0]) }

sub new_baseline { %baseline = map { $_ => 1 } described() }

# Numbers are used again, so that each goes with what it stands for, if known.
sub described {
    return map {
        my $what = readlink "/proc/self/fd/$_";
        defined $what ? "$_ -> $what" : $_
    } descriptors();
}

# leaked(): what is open now and was not when the test (in a child: the child)
# began, as "number -> what it is". Empty is good.
sub leaked { return grep { !$baseline{$_} } described() }

# no_leak($name): the last assertion of every test.
sub no_leak {
    my $name = @_ ? shift : 'no descriptor is left over';
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::is(join("\n", leaked()), '', $name);
}

# fails { CODE } $value, $errno_name, $name: CODE, called in list context,
# returns exactly the one element $value, sets $! as named and does not die.
sub fails (&$$;$) {
    my ($code, $value, $errno, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return fails_with($code, [$value], $errno, $name);
}

# fails_empty { CODE } $errno_name, $name: the same of a function that returns
# a list, which is empty then.
sub fails_empty (&$;$) {
    my ($code, $errno, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return fails_with($code, [], $errno, $name);
}

sub fails_with {
    my ($code, $returned, $errno, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $! = 0;
    my @got   = eval { $code->() };
    my $error = errno_name($!);
    return Test::More::is_deeply(
        { returned => \@got,      errno => $error, died => $@ },
        { returned => $returned, errno => $errno, died => '' }, $name);
}

# Of names that share a number the first in the alphabet: EAGAIN, EDEADLK.
sub errno_name {
    my ($number) = @_;
    local $! = $number;    # not shift: that may be $! itself
    my ($name) = sort grep { $!{$_} } keys %!;
    return defined $name ? $name : '';
}

1;
