package RealProgram;

# The recipes of OTHER PROGRAMS in File::FDpasser::Cookbook against the programs
# that they are for, as the system has packed them.
#
#     use RealProgram haproxy => '-v';   # a program and how it says its version;
#                                        # without it the file is skipped
#     my $is_here = needs(nginx => '-v');      # of one more
#     my $path    = path_of('haproxy');        # undef if it is not here
#     may_mount() or skip ...;           # file systems
#     my $port = free_port();
#     soon { -S $path } 'it listens';    # other people's programs do not tell
#                                        # when they are ready: asks for 20 s
#     my $server = serving($port, $program, @arguments);   # see Program; runs
#                                                # until somebody can connect
#     is answer($port, "GET / HTTP/1.0\r\n\r\n"), '...';
#
# What is left of the programs, and of theirs, is killed when the test has ended,
# in whatever way.

use strict;
use warnings;

use Exporter ();
use IO::Socket::INET;
use POSIX      ();
use Program    ();
use Situation  ();
use Test::More ();

our @ISA    = 'Exporter';
our @EXPORT = qw(needs path_of may_mount free_port soon serving answer);

# Where a user's PATH does not lead.
$ENV{PATH} .= ':/usr/sbin:/sbin:/lib/systemd';

# They start as slowly as they like.
INIT { Situation::watchdog(60) }

sub import {
    my ($class, %needed) = @_;
    leave_nothing();
    for my $program (sort keys %needed) {
        needs($program, $needed{$program}) or Test::More::plan(skip_all => "no $program here");
    }
    return __PACKAGE__->export_to_level(1, $class);
}

sub needs {
    my ($program, @says_version) = @_;
    my $path = path_of($program) or return;
    my $said = Program::run($path, @says_version);
    my ($version) = grep {/[0-9]\.[0-9]/} split /\n/, $said->{out} . $said->{err};
    Test::More::note("$program: " . ($version // 'version unknown'));
    return 1;
}

sub path_of {
    my ($program) = @_;
    my ($path) = grep { -x && !-d } map {"$_/$program"} split /:/, $ENV{PATH};
    return $path;
}

# In a namespace of its own. Root in a container has seldom all that root may do.
sub may_mount {
    return Program::run('unshare', '-m', 'mount', '-t', 'tmpfs', 'none', '/mnt')->{status} == 0;
}

sub free_port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "no port: $@";
    return $socket->sockport;
}

sub soon (&$) {
    my ($what, $name) = @_;
    for (1 .. 400) {
        return 1 if $what->();
        select undef, undef, undef, 0.05;
    }
    die "not within 20 seconds: $name\n";
}

sub client_of {
    my ($port) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 5);
}

sub serving {
    my ($port, @command) = @_;
    my $server = Program::start(@command);
    soon { client_of($port) } "$command[0] at port $port";
    return $server;
}

sub answer {
    my ($port, $request) = @_;
    my $socket = client_of($port) or return "port $port: $@";
    $socket->print($request);
    return join '', readline $socket;
}

# A process that outlives us ends our process group.
sub leave_nothing {
    my $test = $$;
    setpgrp 0, 0;
    defined(my $pid = fork) or die "fork: $!";
    return if $pid;
    setpgrp 0, 0;
    open $_, '+<', '/dev/null' for \*STDIN, \*STDOUT, \*STDERR;
    select undef, undef, undef, 0.1 while getppid == $test;
    kill KILL => -$test;
    POSIX::_exit(0);
}

1;
