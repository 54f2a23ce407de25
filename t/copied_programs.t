use strict;
use warnings;

# What people copy: the programs of README.md and of the SYNOPSIS, which are the
# same, are run, with clients that are killed and with other users; so is the
# example of each function, and everything else that the manual shows compiles.

use lib 't/lib';
use Test::More;
use Cwd qw(getcwd);
use Errno qw(EACCES ENOTCONN EPIPE);
use File::Spec ();
use POSIX qw(SIGPIPE WUNTRACED);
use Files;
use Identity;
use Manual;
use Script;
use Situation;

use File::FDpasser;

watchdog(60);    # some of it takes long beside other work

$ENV{LC_ALL}   = 'C';
$ENV{PERL5LIB} = join ':', map { File::Spec->rel2abs($_) } grep { !ref } @INC;
my $module = File::Spec->rel2abs($INC{'File/FDpasser.pm'});

my $manual = content('perl/File/FDpasser.pm') =~ s/.*^__END__\n//msr;
my $below  = content('perl/File/FDpasser/Upgrading.pod');
my @readme = content('README.md') =~ /^```perl\n(.*?)^```$/msg;
my ($server, $client) = blocks(section('SYNOPSIS', $manual));
is_deeply \@readme, [ $server, $client ], 'README.md and the SYNOPSIS show the same two programs';

sub text { local $! = shift; return "$!" }

# ---- the server and its client

my $home = getcwd();
my $dir  = workdir();
chdir $dir or die "$dir: $!";
chmod 0755, $dir or die "$dir: $!";
# Not every machine has the file that the server hands out.
write_file('hosts', "127.0.0.1 localhost\n");
sub here { return shift =~ s{/etc/hosts}{$dir/hosts}gr }
write_file('server.pl', here($server));
write_file('client.pl', $client);

# Says "ready" each time that the server is about to wait for a client.
write_file('Ready.pm', <<'END');
package Ready;
use File::FDpasser ();
my $accept = \&File::FDpasser::serv_accept_fh;
no warnings 'redefine';
*File::FDpasser::serv_accept_fh = sub { syswrite STDOUT, "ready\n"; goto &$accept };
1;
END

sub started {
    my ($program) = @_;
    my $pid = open my $out, '-|';
    die "fork: $!" if !defined $pid;
    if (!$pid) {
        open STDERR, '>&', \*STDOUT or die $!;
        alarm 50;
        exec $^X, "-I$dir", '-MReady', $program or POSIX::_exit(127);
    }
    return ($pid, $out);
}

# What the client prints, and complains of.
sub client { return run_perl('-e', 'open STDERR, ">&", \*STDOUT; do "./client.pl"; print $@') }

# A client that has connected and is killed before the server sees it.
sub client_is_killed {
    my ($pid) = @_;
    kill STOP => $pid;
    waitpid $pid, WUNTRACED;
    my $status = (in_child {
        my $conn = endp_connect('endpoint') or die "endp_connect: $!\n";
        kill KILL => $$;
    })->status;
    kill CONT => $pid;
    return $status;
}

sub stopped {
    my ($pid, $out) = @_;
    kill TERM => $pid;
    close $out;
    unlink 'endpoint';
    return $? & 127;
}

my $hosts = content('hosts');
my ($pid, $out) = started('server.pl');
is readline $out, "ready\n", 'the server listens';
is client(), $hosts, 'the client prints the file';
is readline $out, "ready\n", '... and the server waits for the next';
is client_is_killed($pid) & 127, 9, 'a client is killed';
is readline $out, 'not sent: ' . text(EPIPE) . "\n", '... the server says that nothing was sent';
is readline $out, "ready\n", '... lives';
is client(), $hosts, '... and serves';
readline $out;

SKIP: {
    skip $Identity::WHY_NOT, 6 if $Identity::WHY_NOT;
    skip 'this directory is closed to other users', 6
        if !as_user($ALICE, sub { chdir '/' && -r $module });
    is as_user($ALICE, \&client), 'endpoint: ' . text(EACCES) . "\n", 'another user cannot connect';
    chmod 0666, 'endpoint' or die "endpoint: $!";
    is as_user($ALICE, \&client), 'recv_fh: ' . text(ENOTCONN) . "\n",
        '... and is sent away where the permissions would let them';
    is readline $out, "ready\n", '... the server lives';
    is stopped($pid, $out), 15, '... until it is told to end';

    chmod 0777, $dir or die "$dir: $!";
    my ($gate, $end) = (gate(), gate());
    my $theirs = in_child {
        become($ALICE);
        my ($pid, $out) = started('server.pl');
        readline $out;
        $gate->open;
        my $second = readline $out;
        $end->wait;
        return $second, stopped($pid, $out);
    };
    $gate->wait;
    is client(), 'recv_fh: ' . text(ENOTCONN) . "\n", 'root may connect everywhere, and is sent away';
    $end->open;
    is_deeply [ $theirs->result ], [ "ready\n", 15 ], '... the server lives';
    ($pid, $out) = started('server.pl');
    readline $out;
}
stopped($pid, $out);

write_file('mortal.pl', here($server) =~ s/^\$SIG\{PIPE\}.*\n//mr);
($pid, $out) = started('mortal.pl');
readline $out;
client_is_killed($pid);
is readline $out, undef, 'without its line about SIGPIPE the server prints no more';
is stopped($pid, $out), SIGPIPE, '... as the killed client has ended it';

# ---- the example of each function

# What is there when an example runs.
my $BEFORE = <<'END';
use strict; use warnings;
use File::FDpasser qw(:all);
use IO::Select; use POSIX ();
my ($conn, $peer) = spipe();
my ($path, $bytes, $listener) = ('example', 'a long table');
open my $fh, '<', '/etc/hosts' or die;
my $fd = fileno $fh;
END

# Who has to do something first.
my $SENT   = 'send_file($peer, $fh) or die;';
my $COMES  = '$listener = endp_create($path) or die; if (!fork) { endp_connect($path) or die; exit 0 } END { wait }';
my $SERVES = '$listener = endp_create($path) or die; if (!fork) { serv_accept_fh($listener) or die; exit 0 } END { wait }';
my %FIRST  = (
    (map { $_ => $SENT } qw(recv_fh recv_fd recv_fhs recv_fds ask_sender my_recv_fd)),
    (map { $_ => $COMES } qw(serv_accept_fh serv_accept_fd my_serv_accept)),
    (map { $_ => $SERVES } qw(endp_connect cli_conn)),
    read_fd        => 'write_fd($peer, "x", $fh) or die;',
    start_with_end => '$ENV{PATH} = "."; chmod 0755, "helper" or die;',
);

# What may go wrong with the system.
my %UNLESS = (
    bind_to_fs => qr/\Aexample: \Q${\text(POSIX::ENOSYS())}\E\n\z/,
    peer_pidfd => qr/\Apeer_pidfd: \Q${\text(POSIX::EOPNOTSUPP())}\E\n\z/,
);

write_file('helper', "#!/bin/sh\nexit 0\n");
for my $name ($manual =~ /^=head1 FUNCTIONS\n(.*?)^=head1/ms ? $1 =~ /^=head2 (\w+)$/mg : (),
    section('THE LAYER BELOW', $below) && $below =~ /^=head2 (\w+)$/mg) {
    my ($example) = $manual =~ /^=head2 \Q$name\E\n/m
        ? blocks(section($name, $manual)) : blocks(section($name, $below));
    next if $name =~ /^(?:DIFF|What)/ || !defined $example;
    unlink 'example';
    my $run = script(here($BEFORE . ($FIRST{$name} || '') . "\n{\n$example}\n"))->run;
    my $said = $run->{err};
    $said = '' if $UNLESS{$name} && $said =~ $UNLESS{$name};
    is $said, '', "the example of $name";
}

# ---- a time limit, as the manual sets one

{
    my ($limit) = blocks(section('Time limits', $manual));
    is script(here("$BEFORE$SENT\n{\n$limit}\n"))->run->{err}, '', 'under a time limit a message is received';
    $limit =~ s/5, 0/0, 50_000/ or die 'no five seconds';
    is script(here("$BEFORE\n{\n$limit}\n"))->run->{err}, "timeout\n", '... and none is a timeout';
}

# ---- all other code

my $declared = 'my ($conn, $peer, $fh, $fd, $path, $listener, $uid, $expected, $stop, $log, $bytes);';
for my $section (qw(RULES SECURITY VARIABLES)) {
    my ($text) = $manual =~ /^=head1 \Q$section\E\n(.*?)^=head1/ms;
    for my $code (blocks($text)) {
        my $run = script("use strict; use File::FDpasser qw(:all); $declared\nwhile (0) {\n$code}\n")
            ->run(switches => ['-c']);
        like $run->{err}, qr/syntax OK$/, "$section: it compiles" or diag $code;
    }
}

chdir $home or die "$home: $!";
no_leak();
done_testing;
