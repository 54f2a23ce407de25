# A full descriptor table turns no client away: accept says EMFILE, the client
# stays in the queue and is served as soon as there is room.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Meeting;
use Situation;
use Peer;

use File::FDpasser;
use POSIX ();

my $dir      = workdir();
my $path     = "$dir/endpoint";
my $listener = endp_create($path) or die "endp_create: $!";

my %accept = (
    serv_accept_fh => \&serv_accept_fh,
    serv_accept_fd => \&serv_accept_fd,
    my_serv_accept => sub { File::FDpasser::my_serv_accept(fileno $_[0], $_[1]) },
);
my %failure = (serv_accept_fh => 'undef', serv_accept_fd => 'undef',
    my_serv_accept => -1);

# A client that connects, and says that.
sub says {
    my ($words) = @_;
    return elsewhere {
        my $client = endp_connect($path) or die "endp_connect: $!\n";
        syswrite $client, $words;
        return $client;
    };
}

for my $how (sort keys %accept) {
    my $accept = $accept{$how};
    my $client = says("it's me\n");
    arrives($listener);

    my $limit  = descriptor_limit(64);
    my @filler = fill_table();
    my @tried;
    for (1 .. 3) {
        my $uid = 'untouched';
        $! = 0;
        my $got = $accept->($listener, $uid);
        push @tried, [ defined $got ? $got : 'undef',
            errno_name($!), $uid ];
    }
    empty_table(@filler);
    descriptor_limit($limit);

    is_deeply \@tried, [ ([ $failure{$how}, 'EMFILE', 'untouched' ]) x 3 ],
        "$how: EMFILE";
    my $served = $accept->($listener, my $uid);
    is $uid, $>, "$how: then the client is there, with its uid";
    sysread $served, my $line, 100 if ref $served;
    POSIX::read($served, $line, 100) if !ref $served;
    is $line, "it's me\n", "$how: and it is the one that waited";
    POSIX::close($served) if !ref $served;
}
no_leak_but_the_listener('none left over after accepts');

sub no_leak_but_the_listener {
    my ($name) = @_;
    my @left = leaked();
    return is @left, 1, $name;
}

# A connecting end that finds no room.
{
    my $limit  = descriptor_limit(64);
    my @filler = fill_table();
    my @tried;
    for my $connect (\&endp_connect, \&cli_conn, \&endp_create) {
        $! = 0;
        my $got = $connect->("$dir/endpoint" . ($connect == \&endp_create));
        push @tried, [ defined $got ? $got : 'undef',
            errno_name($!) ];
    }
    my $died = eval { spipe(); 1 } ? '' : $@;
    empty_table(@filler);
    descriptor_limit($limit);
    is_deeply \@tried,
        [ [ 'undef', 'EMFILE' ], [ -1, 'EMFILE' ], [ 'undef', 'EMFILE' ] ],
        'endp_connect, cli_conn and endp_create with a full table';
    my $message = do { local $! = POSIX::EMFILE(); "$!" };
    is $died, "socketpair: $message\n", 'spipe dies as it does';
    ok !-e "$dir/endpoint1", 'nothing was made';
    is_deeply [ leftovers() ], ['endpoint'], 'nothing beside it either';
}

sub leftovers {
    opendir my $listing, "$dir" or die "opendir: $!";
    return grep { !/\A\.\.?\z/ } readdir $listing;
}

# A server with a small table and more clients than it can hold.
{
    my @clients;
    for my $number (0 .. 49) {
        push @clients, says("$number\n");
        $clients[-1]->settle;
    }
    my $limit = descriptor_limit(140);
    my @filler = fill_table();
    POSIX::close(pop @filler) for 1 .. 5;
    $listener->blocking(0);
    my ($full, @held, @lines) = (0);
    for (;;) {
        my $got = serv_accept_fh($listener);
        if ($got) { push @held, $got; next }
        my $errno = errno_name($!);
        last if !@held;
        $full++ if $errno eq 'EMFILE';
        my $served = shift @held;
        sysread $served, my $line, 100;
        push @lines, $line;
    }
    empty_table(@filler);
    descriptor_limit($limit);
    chomp @lines;
    # Without it nobody knows when a client waits to be accepted.
    @lines = sort { $a <=> $b } @lines if !-e '/proc/self/stat';
    is_deeply \@lines, [ 0 .. $#clients ], 'every client served, in order';
    cmp_ok $full, '>=', 40, 'by a table that was full most of the time';
}

close $listener;
no_leak();
done_testing;
