use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Meeting;
use Situation;

use POSIX ();

use File::FDpasser qw(:DEFAULT recv_fds);

# What a program that is run by this one inherits. Proved by running one.

my $dir  = workdir();
my $path = "$dir/server";

# Everything that makes a handle
sub made_handles {
    my %made;
    @made{ 'spipe 1', 'spipe 2' } = spipe();
    $made{endp_create}    = endp_create($path);
    my $server = elsewhere { serv_accept_fh($made{endp_create}) };
    $made{endp_connect} = endp_connect($path);
    $server->end;
    my $client = elsewhere { endp_connect($path) };
    $made{serv_accept_fh} = serv_accept_fh($made{endp_create});
    send_file($made{'spipe 1'}, \*STDIN);
    $made{'recv_fh of a file'} = recv_fh($made{'spipe 2'});
    send_file($made{'spipe 1'}, $made{'spipe 1'});
    $made{'recv_fh of a socket'} = recv_fh($made{'spipe 2'});
    my $long = "$dir/" . 'l' x 200;
    if ($^O eq 'linux') {
        my $listener = $made{'endp_create of a long path'}
            = endp_create($long);
        my $far = elsewhere { serv_accept_fh($listener) };
        $made{'endp_connect to a long path'} = endp_connect($long);
    }
    return %made;
}

{
    my %made = made_handles();
    my %seen;
    @seen{ keys %made } = survives_exec(map { fileno $_ } values %made);
    is $seen{$_}, 0, "$_: closed by exec" for sort keys %made;
}
{
    local $^F = 1000;
    my %made = made_handles();
    my %seen;
    @seen{ keys %made } = survives_exec(map { fileno $_ } values %made);
    is $seen{$_}, 1, "$_: survives exec below \$^F" for sort keys %made;
}
{
    my ($first) = spipe();
    local $^F = fileno $first;
    close $first;
    my ($lower, $higher) = spipe();
    is_deeply [ survives_exec(fileno $lower, fileno $higher) ], [ 1, 0 ],
        'up to $^F it survives, above it does not';
}
{
    # A program's STDIN may be replaced so.
    my @seen = (in_child {
        my ($here, $there) = spipe();
        send_file($here, $there);
        close STDIN;
        my $got = recv_fh($there);
        return (fileno $got, survives_exec(0));
    })->result;
    is_deeply \@seen, [ 0, 1 ], 'a handle that becomes descriptor 0';
}

# A batch is this program's own, whatever $^F says.
{
    local $^F = 1000;
    my ($here, $there) = spipe();
    send_file($here, \*STDIN);
    my @numbers = recv_fds($there);
    is_deeply [ survives_exec(@numbers) ], [0], 'the numbers of recv_fds: closed by exec';
    POSIX::close($_) for @numbers;
}

# Everything that makes a number for the next program
{
    my ($here, $there) = spipe();
    my $listener = endp_create($path);
    my @clients = map { elsewhere { endp_connect($path) } } 1 .. 2;
    send_file($here, \*STDIN) for 1 .. 2;
    my %made = (
        recv_fd        => recv_fd($there),
        my_recv_fd     => File::FDpasser::my_recv_fd(fileno $there),
        serv_accept_fd => serv_accept_fd($listener),
        my_serv_accept =>
            File::FDpasser::my_serv_accept(fileno $listener, my $uid),
    );
    my $server = elsewhere { serv_accept_fh($listener) };
    $made{cli_conn} = cli_conn($path);
    my %seen;
    @seen{ keys %made } = survives_exec(values %made);
    is $seen{$_}, 1, "the number of $_ survives exec" for sort keys %made;
    POSIX::close($_) for values %made;
}

# How a helper program is used: its number is an argument.
{
    my ($here, $there) = spipe();
    my $number = do { send_file($here, $there); recv_fd($there) };
    is run_perl('-MFile::FDpasser', '-e', 'print send_file($ARGV[0], \*STDIN)',
        $number), 1, 'a helper program sends on the number it is told';
    is identity(recv_fh($here)), identity(\*STDIN), '... and we receive';
    POSIX::close($number);
}

no_leak();
done_testing;
