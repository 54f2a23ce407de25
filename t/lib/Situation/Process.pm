package Situation::Process;

# Other processes of a test: children that report back, programs to run, and
# gates to synchronise by. The synopsis is in Situation.pm.

use strict;
use warnings;

use Errno ();
use Exporter 'import';
use File::Spec ();
use POSIX      ();
use Storable   ();

our @EXPORT = qw(in_child gate run_perl survives_exec);

my $test = $$;
my %children;    # pids of children that nobody has reaped yet

# Nor do they outlive a test that dies.
END { local $?; kill KILL => keys %children if $$ == $test }

# in_child { CODE }: forks, and in the child runs CODE under a watchdog of its
# own. The child ends without END blocks and destructors; nothing that it says
# through Test::More counts. Returns an object: pid; result, what CODE
# returned in list context; status, the wait status, for a child that is
# killed, that execs or exits; within($seconds), itself, killed if it has not
# ended by then: its own watchdog is deaf where all signals are held back.
sub in_child (&) {
    my ($code) = @_;
    Situation::news();
    pipe my $reader, my $writer or die "pipe: $!";
    my $pid = fork;
    die "fork: $!" if !defined $pid;
    if ($pid) {
        $children{$pid} = 1;
        return bless { pid => $pid, reader => $reader }, 'Situation::Child';
    }
    close $reader;
    %children = ();
    Situation::watchdog();
    Situation::new_baseline();
    my @result = eval { $code->() };
    binmode $writer;
    print {$writer} Storable::freeze({ died => "$@", result => \@result });
    close $writer;
    POSIX::_exit(0);
}

# Those that have a watchdog say where they are.
sub kill_children {
    kill ALRM => keys %children;
    select undef, undef, undef, 0.1 if %children;
    return kill KILL => keys %children;
}

# watch($pid), reaped($pid): the same for a program that a test has started in
# another way.
sub watch  { my ($pid) = @_; $children{$pid} = 1; return $pid }
sub reaped { my ($pid) = @_; return delete $children{$pid} }

# gate(): a pipe to synchronise by. One process calls open, another wait, once
# for each open. The first call decides which side a process is on, so fork
# before. wait dies when the other side is gone. is_open tells whether wait
# would return at once.
sub gate {
    pipe my $reader, my $writer or die "pipe: $!";
    return bless { reader => $reader, writer => $writer }, 'Situation::Gate';
}

# run_perl(@arguments): what this perl prints to STDOUT when it is really run
# with these arguments, with our @INC. Its status is in $?.
sub run_perl {
    my @inc = map { '-I' . File::Spec->rel2abs($_) } grep { !ref } @INC;
    my ($perl, @command) = map { /\A(.*)\z/s } $^X, @inc, @_;    # under -T
    local $ENV{PATH} = '/usr/bin:/bin';
    delete local @ENV{qw(IFS CDPATH ENV BASH_ENV PERL5OPT PERL_UNICODE)};
    open my $output, '-|', $perl, @command or die "can't run $perl: $!";
    my @lines = readline $output;
    Situation::news();
    close $output or $! == 0 or die "close: $!";
    return join '', @lines;
}

# survives_exec(@numbers): for each descriptor number whether a program that
# this process really runs finds it open (1) or not (0).
sub survives_exec {
    my $look = 'for (@ARGV) {'
        . ' $! = 0; POSIX::lseek($_, 0, 1); print $!{EBADF} ? "0 " : "1 " }';
    return split ' ', run_perl('-MPOSIX', '-MErrno', '-e', $look, @_);
}

package Situation::Gate;

sub open {
    my ($self) = @_;
    delete $self->{reader};
    syswrite($self->{writer}, '.') or die "gate: $!\n";
}

sub wait {
    my ($self) = @_;
    delete $self->{writer};
    my $got;
    do { $got = sysread $self->{reader}, my $byte, 1 }
        while !defined $got && $!{EINTR};
    Situation::news();
    die 'gate: ', defined $got ? 'the other side is gone' : $!, "\n" if !$got;
}

sub is_open {
    my ($self) = @_;
    vec(my $bits = '', fileno $self->{reader}, 1) = 1;
    return select $bits, undef, undef, 0;
}

package Situation::Child;

sub pid { return $_[0]{pid} }

sub result {
    my ($self) = @_;
    my $frozen = do { local $/; readline delete $self->{reader} };
    my $status = $self->status;
    die "child ended with status $status and no result\n"
        if !defined $frozen || !length $frozen;
    my $report = Storable::thaw($frozen);
    die "in child: $report->{died}" if $report->{died} ne '';
    return wantarray ? @{ $report->{result} } : $report->{result}[-1];
}

sub within {
    my ($self, $seconds) = @_;
    vec(my $bits = '', fileno $self->{reader}, 1) = 1;
    select $bits, undef, undef, $seconds or kill KILL => $self->{pid};
    return $self;
}

sub status {
    my ($self) = @_;
    return $self->{status} if exists $self->{status};
    my $got;
    do { $got = waitpid $self->{pid}, 0 } while $got == -1 && $!{EINTR};
    delete $children{ $self->{pid} };
    Situation::news();
    return $self->{status} = $?;
}

1;
