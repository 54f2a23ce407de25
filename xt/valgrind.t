use strict;
use warnings;

# Memory: tests of t/ run under valgrind, which finds no access that is invalid
# and no block that is definitely lost in anything that this library called.
# What it says of perl itself is not looked at.
#
# Run from the top of the distribution, after make:
#
#     prove -bv xt/valgrind.t
#     prove -bv xt/valgrind.t :: t/wire_text.t t/takeover.t

use Cwd        ();
use File::Temp ();
use POSIX      ();
use Test::More;

# They call every function, in every way that is left by an exception, too.
my @tests = @ARGV ? @ARGV : map {"t/$_.t"} qw(
    arguments batch_failures client_uid error_reply exception_argument
    exception_callback hostile_descriptors one_descriptor wire_text
);
my $scratch = File::Temp->newdir('fdpasser-XXXXXX', TMPDIR => 1);
my $library = 'FDpasser.so';
@INC = map { Cwd::abs_path($_) } grep { !ref && -d } @INC;
$ENV{FDPASSER_PATIENCE} = 30;

# Runs a test; its status. A log for each of its processes is left behind.
sub under_valgrind {
    my ($test) = @_;
    my $pid = fork;
    die "fork: $!" if !defined $pid;
    if (!$pid) {
        open STDOUT, '>', "$scratch/output" or die "STDOUT: $!";
        open STDERR, '>&', \*STDOUT         or die "STDERR: $!";
        no warnings 'exec';
        exec 'valgrind', '-q', '--leak-check=full',
            '--show-leak-kinds=definite', '--num-callers=40',
            "--log-file=$scratch/log.%p", $^X, map({"-I$_"} @INC), $test
            or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    return $?;
}

sub slurp {
    my ($name) = @_;
    open my $fh, '<', $name or die "$name: $!";
    return join '', readline $fh;
}

# The paragraphs of the logs that name our library.
sub findings {
    my @logs = glob "$scratch/log.*";
    my @found = grep {/\Q$library\E/} map { split /^==\d+== \n/m, slurp($_) } @logs;
    unlink @logs;
    return @found;
}

plan skip_all => 'there is no valgrind' if system('valgrind --version >/dev/null 2>&1') != 0;
for my $test (@tests) {
    my $status = under_valgrind($test);
    my $output = slurp("$scratch/output");
    my $ran    = () = $output =~ /^ok /mg;
    ok $status == 0 && $ran, "$test under valgrind: status $status"
        or diag $output;
    is join("\n", findings()), '', '... no fault of ours';
}
done_testing;
