use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Config;
use Files;
use Outside;
use POSIX ();
use Signals qw(is_blocked);
use Situation;
use Syscall qw(descriptor_limit has_system_call);

use File::Spec ();
use File::FDpasser qw(:all);

watchdog(60);    # some of it takes long beside other work

# start_with_end: a program of its own, with one end of a pair.

my $dir = workdir();

# A program that speaks over descriptor $ARGV[0].
my $echo = <<'END';
    open my $conn, '+<&=', $ARGV[0] or die "$ARGV[0]: $!";
    $conn->autoflush(1);
    while (sysread $conn, my $bytes, 100) { syswrite $conn, "heard $bytes" }
END
my @perl = ($^X, (map {"-I$_"} grep { !ref } @INC), '-MIO::Handle', '-e');

sub ended {
    my ($pid) = @_;
    my $got;
    do { $got = waitpid $pid, 0 } while $got == -1 && $!{EINTR};
    return $got == $pid ? $? : undef;
}

sub mask {
    my $set = POSIX::SigSet->new;
    POSIX::sigprocmask(POSIX::SIG_BLOCK(), POSIX::SigSet->new, $set);
    return join ' ', grep { $set->ismember($_) == 1 } 1 .. 64;
}

my $mask = mask();

# No child of ours is left, dead or alive.
sub no_child { return waitpid(-1, POSIX::WNOHANG()) == -1 }

{
    ($!, $?, $@, my $topic) = (7, 9, 'before');
    my ($conn, $pid) = start_with_end(sub { exec @perl, $echo, $_[0] });
    is_deeply [ $! + 0, $?, $@ ], [ 7, 9, 'before' ], '$!, $? and $@ are left alone';
    my $during = mask();
    is ref $conn, 'IO::File', 'an endpoint' or diag "$!";
    is $during, $mask, '... no signal is held back any more';
    like $pid, qr/\A[0-9]+\z/, '... and a process id';
    syswrite $conn, 'hello';
    sysread $conn, my $answer, 100;
    is $answer, 'heard hello', '... of a program that has the other end';
    is_deeply [ survives_exec(fileno $conn) ], [0], '... ours is close-on-exec';
    close $conn;
    is ended($pid), 0, '... it sees our end close, and is there to be waited for';
}

# Descriptors that every program of ours inherits from who started the tests.
sub survivors {
    my @open = descriptors();
    my @does = survives_exec(@open);
    return @open[ grep { $does[$_] } 0 .. $#open ];
}

# What the program has: the other end and nothing else of ours.
{
    my $look = q{opendir my $d, '/proc/self/fd'; my @open = grep { /\d/ && $_ > 2 } readdir $d;}
        . q{ closedir $d; print join ' ', grep { defined readlink "/proc/self/fd/$_" } @open};
    SKIP: {
        skip 'no /proc', 1 if !-d '/proc/self/fd';
        my @before = survivors();
        my ($conn, $pid) = start_with_end(sub {
            open STDOUT, '>', "$dir/open";
            exec @perl, 'print "$ARGV[0]: ";' . $look, $_[0];
        });
        ended($pid);
        my %before = map { $_ => 1 } @before;
        my ($told, @open) = split /: | /, content("$dir/open");
        is join(' ', grep { !$before{$_} } @open), $told,
            'the program has its end, by its number, and nothing else of ours';
    }
}

# ---- failures

for (
    [ 'ENOENT', sub { no warnings; exec '/no/such/program' }, 'a program that is not there' ],
    [ 'EACCES', sub { no warnings; exec '/etc' },             'one that is none' ],
    [ 'EDOM', sub { $! = Errno::EDOM() }, 'code that returns' ],
    [ 'EDOM', sub { $! = Errno::EDOM(); die "reason\n" }, 'code that dies' ],
    [ 'EDOM', sub { $! = Errno::EDOM(); exit 3 }, 'code that exits' ],
    [ 'ECANCELED', sub { }, 'code that says nothing' ],
    [ 'ECANCELED', sub { exit 0 }, '... and exits' ],
    [ 'ECANCELED', sub { die { code => 1 } }, '... and dies of an object' ],
    [ 'ECANCELED', sub { no warnings 'exiting'; last }, '... and leaves the loop' ],
    )
{
    my ($errno, $code, $name) = @$_;
    ($?, $@) = (9, '');
    fails_empty { start_with_end($code) } $errno, $name;
    is $?, 9, '... $? is left alone';
    ok no_child(), '... no child is left';
    $? = 0;
}
is scalar(start_with_end(sub { })), undef, 'undef in scalar context';
{
    my $conn = start_with_end(sub { exec @perl, 'exit 0' });
    is ref $conn, 'IO::File', '... the endpoint of what was started';
    1 while waitpid(-1, 0) == -1 && $!{EINTR};
}

for my $bad (undef, 'name', [], {}, 1) {
    my $place = 'at ' . __FILE__ . ' line ' . (__LINE__ + 1) . '.';
    eval { start_with_end($bad) };
    is $@, "Invalid args to start_with_end: argument 1 is no code reference $place\n",
        'no code: it dies';
}
{
    package Callable;
    use overload '&{}' => sub { my ($self) = @_; return sub { $! = Errno::EDOM() } };
}
fails_empty { start_with_end(bless {}, 'Callable') } 'EDOM', 'an object that can be called';

{
    my @errnos = (in_child {
        descriptor_limit(64) if has_system_call('prlimit64');
        my @full;
        while (open my $null, '<', '/dev/null') { push @full, $null }
        my @seen;
        local $SIG{__DIE__} = sub { push @seen, "handler: @_" };
        for (1 .. 6) {
            $! = 0;
            my @got = start_with_end(sub { });
            push @seen, scalar(@got) . errno_name($!);
            pop @full;
        }
        @full = ();
        return (@seen, leaked());
    })->result;
    is_deeply \@errnos, [ ('0EMFILE') x 4, ('0ECANCELED') x 2 ],
        'a full table: nothing is started until there is room' or diag "@errnos";
}
is run_perl('-MSyscall', '-MFile::FDpasser=:all', '-e', q{
    descriptor_limit(64) if has_system_call('prlimit64');
    my @full;
    while (open my $null, '<', '/dev/null') { push @full, $null }
    my @seen;
    while (@full > 1 && @seen < 50) {
        push @seen, defined(start_with_end(sub { exec '/bin/sh', '-c', ':' })) ? 'started' : $!{EMFILE} ? 'full' : "$!";
        last if $seen[-1] eq 'started';
        pop @full;
    }
    my $last = pop @seen;
    print "$last, ", scalar(grep { $_ ne 'full' } @seen);
}), 'started, 0', 'a table that is full at the first call of all';
SKIP: {
    skip 'only root can become somebody else', 1 if $> != 0 || !-x '/bin/bash';
    my $code = q{$! = 0; my @got = start_with_end(sub { }); print scalar(@got), ' ', $!{EAGAIN} ? 1 : 0};
    my $limited = q{ulimit -u 0; exec "$@"};
    my $drop    = q{$) = '54321 54321'; POSIX::setgid(54321); POSIX::setuid(54321); exec @ARGV; };
    my @inc     = grep { !ref } @INC;
    my $module  = File::Spec->rel2abs($INC{'File/FDpasser.pm'});
    my $reads   = in_child {
        POSIX::setgid(54321);
        POSIX::setuid(54321);
        return -r $module ? 1 : 0;
    };
    skip 'others cannot read this directory', 1 if !$reads->result;
    is run_perl('-MPOSIX', '-e', $drop, '/bin/bash', '-c', $limited, 'limited',
        $^X, (map {"-I$_"} @inc), '-MFile::FDpasser=:all', '-e', $code), '0 1',
        'no more processes: EAGAIN';
}

# ---- the child has nothing of the program's but its own code

{
    my $script = <<'END';
        use File::FDpasser ':all';
        sub DESTROY { print "destroyed in ", $$ == $main::pid ? 'parent' : 'child', "\n" }
        our $pid = $$;
        our $object = bless [];
        END { print "END in ", $$ == $pid ? 'parent' : 'child', "\n" }
        $SIG{__DIE__} = sub { syswrite STDOUT, "handler in ", $$ == $pid ? 'parent' : 'child', "\n" };
        print "once\n";
        start_with_end(sub { exit 0 });
        start_with_end(sub { die "x\n" });
        start_with_end(sub { 1 });
        start_with_end(sub { no warnings; exec '/no/such/program' });
END
    is run_perl('-e', $script), "once\nEND in parent\ndestroyed in parent\n",
        'no END block, destructor, handler or buffer of the program runs in the child';
}

# Signals: the program's handlers do not run in the child; what was ignored and
# what was blocked still is.
{
    local $SIG{INT}  = sub { append("$dir/handlers", "INT in $$\n") };
    local $SIG{USR1} = 'IGNORE';
    my ($conn, $pid) = start_with_end(sub { kill INT => $$; append("$dir/handlers", "survived\n") });
    ok !defined $pid || ended($pid) == POSIX::SIGINT(), 'a signal ends the child before it execs';
    is -e "$dir/handlers" ? content("$dir/handlers") : '', '', '... without the handler';
    ($conn, $pid) = start_with_end(sub {
        exec @perl, q{kill USR1 => $$; print {*STDOUT} ''; exit 5};
    });
    is ended($pid), 5 << 8, '... what was ignored still is';
}

# What was held back around it is no longer, whatever became of it; what the
# program holds back stays so.
{
    my ($conn, $pid) = start_with_end(sub { exec @perl, 'exit 0' });
    is mask(), $mask, 'the mask is as it was, after a success';
    ended($pid);
    start_with_end(sub { });
    is mask(), $mask, '... after a failure';
    my $usr2 = POSIX::SigSet->new(POSIX::SIGUSR2());
    POSIX::sigprocmask(POSIX::SIG_BLOCK(), $usr2);
    my $held = mask();
    my ($parent, $ran) = ($$, 0);
    local $SIG{USR2} = sub { $ran++ };
    start_with_end(sub { kill USR2 => $parent });
    is mask(), $held, '... and what the program holds back still is';
    is $ran, 0, '... and was meanwhile';
    POSIX::sigprocmask(POSIX::SIG_UNBLOCK(), $usr2);
    is $ran, 1, '... until it is not';
}

sub append {
    my ($file, $line) = @_;
    open my $fh, '>>', $file or die "$file: $!";
    print {$fh} $line;
    return close $fh;
}

# SIGCHLD, ignored or handled
{
    local $SIG{CHLD} = 'IGNORE';
    fails_empty { start_with_end(sub { $! = Errno::EDOM() }) } 'EDOM', 'SIGCHLD is ignored: a failure';
    my ($conn, $pid) = start_with_end(sub { exec @perl, $echo, $_[0] });
    syswrite $conn, 'hello';
    sysread $conn, my $answer, 100;
    is $answer, 'heard hello', '... a success';
    close $conn;
    is ended($pid), undef, '... nobody to wait for';
}
{
    my @reaped;
    local $SIG{CHLD} = sub {
        while ((my $pid = waitpid -1, POSIX::WNOHANG()) > 0) { push @reaped, $pid }
    };
    for (1 .. 20) { start_with_end(sub { $! = Errno::EDOM() }) }
    is "@reaped", '', 'SIGCHLD is handled: no handler meets a child that failed';
    my ($conn, $pid) = start_with_end(sub { exec @perl, 'exit 3' });
    1 while !@reaped && select undef, undef, undef, 0.01;
    sysread $conn, my $end, 1;
    1 while !@reaped && !select undef, undef, undef, 0.01;
    is "@reaped", $pid, '... but one that was started';
}

# A handler that runs while we wait may come back, or leave by die.
{
    my $ran;
    local $SIG{USR1} = sub { $ran++ };
    my $parent = $$;
    my ($conn, $pid) = start_with_end(sub {
        1 until is_blocked($parent);
        kill USR1 => $parent;
        1 until is_blocked($parent);
        exec @perl, 'exit 4';
    });
    is $ran, 1, 'a handler runs';
    is ended($pid), 4 << 8, '... and the program is started all the same';
    fails_empty {
        start_with_end(sub {
            1 until is_blocked($parent);
            kill USR1 => $parent;
            1 until is_blocked($parent);
            $! = Errno::EDOM();
        });
    } 'EDOM', '... or is known not to be';

    my ($died, $left, $held) = returns {
        local $SIG{USR2} = sub { die "enough\n" };
        my $caller = $$;
        pipe my $until_we_end, my $open or die "pipe: $!";
        my $stays = sub {
            close $open;
            kill USR2 => $caller;
            sysread $until_we_end, my $nothing, 1;
        };
        my $died = eval { start_with_end($stays); 1 } ? '' : $@;
        return ($died, no_child(), mask());
    };
    is $died, "enough\n", 'a handler that dies';
    ok $left, '... no child is left';
    is $held, $mask, '... nor a mask';
}

# Processes that are forked meanwhile, by a handler and by the code, end as any
# other, and with them nothing of ours.
{
    my ($by_handler, $by_code) = returns {
        my $parent = $$;
        my $ends   = sub {
            my $pid = fork;
            exit 0 if defined $pid && !$pid;
            ended($pid);
        };
        local $SIG{USR1} = $ends;
        my ($conn, $pid) = start_with_end(sub {
            1 until is_blocked($parent);
            kill USR1 => $parent;
            exec @perl, $echo, $_[0];
        });
        close $conn;
        my $by_handler = ended($pid);
        (undef, $pid) = start_with_end(sub { $ends->(); exec @perl, 'exit 4' });
        return ($by_handler, $pid ? ended($pid) : "$!");
    };
    is $by_handler, 0, 'a handler that forks: the program lives on';
    is $by_code, 4 << 8, '... code that forks: it is started';
}

# Descriptors that would survive exec by their numbers, and standard handles that
# are closed
{
    local $^F = 100;
    my ($conn, $pid) = start_with_end(sub { exec @perl, $echo, $_[0] });
    syswrite $conn, 'hello';
    sysread $conn, my $answer, 100;
    is $answer, 'heard hello', 'a program that runs on while $^F is high';
    close $conn;
    is ended($pid), 0, '... has no end of ours';
}
{
    my $script = q{close STDIN; close STDOUT; use File::FDpasser ':all';}
        . q{ my ($conn, $pid) = start_with_end(sub { exec '/bin/cat', '/dev/null' });}
        . q{ my @none = start_with_end(sub { no warnings; exec '/no/such/program' });}
        . q{ print STDERR defined $pid ? 'started ' : 'failed ', scalar(@none), $!{ENOENT} ? ' ENOENT' : ''};
    is run_perl('-e', 'open STDERR, ">&", STDOUT or die; exec @ARGV', @perl, $script),
        'started 0 ENOENT', 'closed standard handles';
}

# Another thread
SKIP: {
    skip 'this perl has no threads', 1 if !$Config{useithreads};
    is run_perl('-Mthreads', '-MFile::FDpasser=:all', '-e', q{
        my @seen = map { $_->join } map { my $code = $_; threads->create(sub {
            my ($conn, $pid) = start_with_end(sub { exec '/bin/sh', '-c', "exit $code" });
            waitpid $pid, 0; return $? >> 8 }) } 1 .. 4;
        print "@seen"}), '1 2 3 4', 'four threads at once';
}

no_leak();
done_testing;
