# The recipe of a client that says what went wrong: a server for each message.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Errno qw(EAGAIN ENOSPC);
use Cookbook;
use Files;
use Identity;
use Meeting;
use Program;
use Situation;
use Syscall;

use File::FDpasser qw(:all);

my $dir  = workdir();
my $path = "$dir/endpoint";
chmod 0755, $dir or die "chmod: $!";
my ($patient) = recipe('Say what went wrong', $dir);

# What the client says when the server has done this with its connection; it may
# have gone by then.
sub says {
    my ($serve, @switches) = @_;
    my $listener = endp_create($path, mode => 0600) or die "endp_create: $!";
    my $client   = start($^X, @switches, $patient, $path, 20);
    my $conn     = serv_accept_fh($listener) or die "accept: $!";
    local $SIG{PIPE} = 'IGNORE';
    $serve->($conn);
    undef $conn;
    return said($client);
}

sub said { my $run = shift->end; return $run->{err} . $run->{out} }

sub connects { return said(start($^X, $patient, $path, $_[0] || 20)) }

# ---- it does not connect

is connects(), "$path: the server has not been started\n", 'no server';
undef(my $gone = endp_create($path));
is connects(), "$path: the server has ended, and left its name behind\n", 'a server that has ended';

SKIP: {
    skip $Identity::WHY_NOT, 2 if $Identity::WHY_NOT;
    my $listener = endp_create($path, mode => 0600) or die $!;
    skip 'this directory is closed to other users', 2
        if !as_user($ALICE, sub { -r $INC{'File/FDpasser.pm'} && -r $patient });
    is as_user($ALICE, \&connects), "$path: the server does not let this user in\n", 'another user';
}
{
    my $other = endp_create($path, type => 'dgram') or die $!;
    is connects(), "$path: that is a socket of another type\n", 'a datagram socket';
}
{
    my ($listener, @waiting) = full_listener($path);
    is connects(0.1), "$path: the server has no time for more clients\n", 'a server with a full queue';
}

# ---- it connects

open my $fh, '<', $patient or die $!;
is says(sub { send_file($_[0], $fh) }), content($patient), 'a server that sends a file';
{
    my $listener = endp_create($path) or die $!;
    my $client   = start($^X, $patient, $path, 2);
    my $conn     = serv_accept_fh($listener) or die $!;
    is said($client), "$path: the server does not answer\n", 'a server that does not';
}
is says(sub { }), "$path: the server has gone without an answer\n", 'a server that hangs up';
is says(sub { syswrite $_[0], "\0\0" }), "$path: what the server says is not for this program\n",
    'a server of something else';
is says(sub { send_err($_[0], ENOSPC) }), "$path: " . do { local $! = ENOSPC; "$!" } . "\n",
    'a server that says no';

# The program as it is, in a process whose table is full when it receives.
SKIP: {
    skip 'no prlimit', 1 if !has_system_call('prlimit64');
    write_file("$dir/Full.pm", <<'END');
package Full;
use File::FDpasser ();
use Syscall;
my $receive = \&File::FDpasser::recv_fh;
no warnings 'redefine';
*File::FDpasser::recv_fh = sub { descriptor_limit(1); goto &$receive };
1;
END
    is says(sub { send_file($_[0], $fh) }, "-I$dir", '-MFull'), "$path: this program has too many files open\n",
        'a client with a full table';
}

undef $fh;
no_leak();
done_testing;
