package Program;

# Programs that run beside the test, in processes of their own, with nothing to
# read from STDIN. A perl that is run so finds the module under test.
#
#     use Program;
#
#     my $server = start($^X, $file, @arguments);
#     is $server->line, "ready\n";          # the next line of its STDOUT
#     my $run = $server->end('TERM');       # sent, if given; waits for the end
#     $run->{out}, $run->{err};             # what else it printed
#     $run->{status};                       # its wait status
#     my $run = run($^X, $file);            # both
#
# Those that still run when the test drops them are killed.

use strict;
use warnings;

use Exporter 'import';
use File::Spec ();
use POSIX      ();

our @EXPORT = qw(start run);

$ENV{LC_ALL}   = 'C';
$ENV{PERL5LIB} = join ':', map { File::Spec->rel2abs($_) } grep { !ref } @INC;

# Its STDIN, if it is not to be empty.
our $STDIN;

sub start {
    my (@command) = @_;
    open my $err, '+>', undef    or die "stderr: $!";
    pipe my $out, my $writer     or die "pipe: $!";
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        my @in = $STDIN ? ('<&', $STDIN) : ('<', '/dev/null');
        open STDIN, $in[0], $in[1] or die $!;
        open STDOUT, '>&', $writer or die $!;
        open STDERR, '>&', $err    or die $!;
        alarm 50 * ($ENV{FDPASSER_PATIENCE} || 1);    # no server outlives the test
        { no warnings 'exec'; exec { $command[0] } @command }
        syswrite STDERR, "$command[0]: $!\n";
        POSIX::_exit(127);
    }
    return bless { pid => $pid, out => $out, err => $err, maker => $$ };
}

sub run { return start(@_)->end }

sub pid { return $_[0]{pid} }

sub line { return scalar readline $_[0]{out} }

sub end {
    my ($self, $signal) = @_;
    kill $signal => $self->{pid} if $signal;
    my $out = join '', readline delete $self->{out};
    waitpid $self->{pid}, 0;
    my $status = $?;
    my $err    = delete $self->{err};
    seek $err, 0, 0;
    return { out => $out, err => join('', readline $err), status => $status };
}

sub DESTROY {
    my ($self) = @_;
    return if !$self->{out} || $self->{maker} != $$;    # ended, or another's
    local ($!, $?);
    kill KILL => $self->{pid};
    waitpid $self->{pid}, 0;
}

1;
