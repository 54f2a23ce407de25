# Services of systemd: started for a client, with what was stored; and the
# journal. systemd and journald run in mount namespaces of their own.

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use RealProgram 'systemd-socket-activate' => '--version';
use Cookbook;
use Files;
use Program;
use Situation;

use File::FDpasser qw(:all);

my $dir       = workdir();
my ($counter) = recipe('Be started by systemd, and keep state there', $dir);
my @perl      = ($^X, map {"-I$_"} split /:/, $ENV{PERL5LIB});

# ---- activated

{
    my $port = free_port();
    my $started = serving($port, path_of('systemd-socket-activate'), '-l', "127.0.0.1:$port", '--fdname=web', @perl, $counter);
    like answer($port, ''), qr/\Aclient [12], process \d+\n\z/, 'a client is served by what it has started';
    $started->end('TERM');
    is run($^X, $counter)->{err}, "no listener with the name web\n", 'it is not started by hand';
}

# ---- what it says to a manager: here us, at an abstract name

{
    my $name     = "fdpasser-$$-" . free_port();
    my $manager  = endp_create("\0$name", type => 'dgram');
    my $port     = free_port();
    my $activate = serving($port, path_of('systemd-socket-activate'), '-l', "127.0.0.1:$port", '--fdname=web',
        "--setenv=NOTIFY_SOCKET=\@$name", @perl, $counter);
    answer($port, '');
    is read_fd($manager, 100), 'READY=1', 'it is ready';
    is read_fd($manager, 100), "FDSTOREREMOVE=1\nFDNAME=state", '... gives up what was stored';
    my ($bytes, $state) = read_fd($manager, 100);
    is $bytes, "FDSTORE=1\nFDNAME=state", '... stores anew';
    is readline $state, 1, '... how many were served';
    $activate->end('TERM');
}

# ---- in the store of systemd

my $unshared = 'mount -t tmpfs none /run && cd "$1" && shift && ';
sub in_namespace {
    my ($script) = @_;
    return ('unshare', '-m', 'sh', '-c', $unshared . $script, 'sh', "$dir");
}
my $may = $> == 0 && run(in_namespace('true'))->{status} == 0;

SKIP: {
    $may or skip 'no mount namespaces here', 1;
    path_of('systemd') or skip 'no systemd here', 1;
    my $port = free_port();
    mkdir "$dir/$_" or die "$_: $!" for 'run', 'units', 'units/systemd', 'units/systemd/user';
    chmod 0700, "$dir/run" or die $!;
    write_file("$dir/units/systemd/user/counter.socket", <<"END");
[Socket]
ListenStream=127.0.0.1:$port
FileDescriptorName=web
END
    write_file("$dir/units/systemd/user/counter.service", <<"END");
[Service]
Type=notify
ExecStart=@perl $counter
FileDescriptorStoreMax=4
END
    my $ask = 'perl -MIO::Socket::INET -e \'print readline(IO::Socket::INET->new(shift))\'' . " 127.0.0.1:$port";
    my $run = run(in_namespace(<<"END"));
mkdir -p /run/systemd/system
export XDG_RUNTIME_DIR=\$PWD/run XDG_CONFIG_HOME=\$PWD/units
timeout 40 systemd --user --unit=basic.target </dev/null >/dev/null 2>&1 &
for i in \$(seq 100); do systemctl --user start counter.socket 2>/dev/null && break; sleep 0.1; done
$ask; $ask
systemctl --user restart counter.service
systemctl --user restart counter.service    # without a client in between
$ask
systemctl --user exit
wait
END
    my ($first, $second, $third) = $run->{out} =~ /\Aclient 1, process (\d+)\nclient 2, process (\d+)\nclient 3, process (\d+)\n\z/
        or diag $run->{out}, $run->{err};
    ok $first && $first == $second, 'clients of a service';
    ok $third && $third != $first, '... another process counts on';
}

# ---- the journal

SKIP: {
    $may or skip 'no mount namespaces here', 2;
    path_of('systemd-journald') or skip 'no journald here', 2;
    my ($journal) = recipe('Write to the journal', $dir);
    write_file("$dir/byte.pl", content($journal) =~ s/\$journal, ''/\$journal, "\\n"/r);
    write_file("$dir/long.pl", "\@ARGV = ('long' x 1_000_000);\n" . content($journal));
    my $run = run(in_namespace(<<"END"));
mkdir -p /run/systemd/journal /run/log/journal
timeout 40 systemd-journald >/dev/null 2>&1 & pid=\$!
for i in \$(seq 100); do test -S /run/systemd/journal/socket && break; sleep 0.1; done
$^X byte.pl 'with a byte'
$^X journal.pl 'two
lines'
$^X long.pl
journalctl --sync
journalctl --directory=/run/log/journal --output=cat --all SYSLOG_IDENTIFIER=journal.pl
kill \$pid
wait
END
    is $run->{out}, "two\nlines\n" . 'long' x 1_000_000 . "\n", 'entries of the journal' or diag substr($run->{out}, 0, 200), $run->{err};
    is $run->{err}, '', '... and none with a byte, of which nobody says so';
}

no_leak();
done_testing;
