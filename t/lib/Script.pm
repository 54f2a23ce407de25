package Script;

# Programs that end in their own way: run by a perl of their own, with the
# module under test.
#
#     use Script;
#
#     my $script = script(<<'END');            # its line 1 is the text's
#     use File::FDpasser;
#     ...
#     END
#     my $run = $script->run;                  # in a directory of its own
#     $run->{out}, $run->{err};                # what it printed
#     $run->{status};                          # its wait status
#     $script->run(switches => ['-T'], shell => 'ulimit -n 20', in => $text);

use strict;
use warnings;

use Exporter 'import';
use File::Spec ();
use File::Temp ();

our @EXPORT = qw(script);

my @INCLUDE = map { File::Spec->rel2abs($_) } grep { !ref } @INC;

sub script {
    my ($source) = @_;
    return bless { source => $source }, __PACKAGE__;
}

# run(%options): switches, of perl; shell, a command that goes before; in, what
# the script reads from STDIN; arguments.
sub run {
    my ($self, %option) = @_;
    my $dir = File::Temp->newdir('fdpasser-XXXXXX', TMPDIR => 1);
    write_file("$dir/script.pl", $self->{source});
    write_file("$dir/in", defined $option{in} ? $option{in} : '');
    my @command = (
        $^X, (map {"-I$_"} @INCLUDE), @{ $option{switches} || [] },
        "$dir/script.pl", @{ $option{arguments} || [] }
    );
    @command = ('/bin/sh', '-c', "$option{shell} && exec \"\$0\" \"\$@\"",
        @command) if $option{shell};
    my $status = status_of($dir, @command);
    return {
        out    => read_file("$dir/out"),
        err    => read_file("$dir/err"),
        status => $status,
    };
}

sub status_of {
    my ($dir, @command) = @_;
    my $pid = fork;
    die "fork: $!" if !defined $pid;
    if (!$pid) {
        open STDIN,  '<', "$dir/in"  or die "in: $!";
        open STDOUT, '>', "$dir/out" or die "out: $!";
        open STDERR, '>', "$dir/err" or die "err: $!";
        alarm 50;
        exec { $command[0] } @command or die "$command[0]: $!";
    }
    waitpid $pid, 0;
    return $?;
}

sub write_file {
    my ($name, $text) = @_;
    open my $fh, '>', $name or die "$name: $!";
    print {$fh} $text;
    close $fh or die "$name: $!";
}

sub read_file {
    my ($name) = @_;
    open my $fh, '<', $name or die "$name: $!";
    local $/;
    my $text = <$fh>;
    return defined $text ? $text : '';
}

1;
