use strict;
use warnings;

# A million passes leave the process as it was: no descriptor more, and no more
# than a mebibyte of memory. Run from the top of the distribution, after make:
#
#     prove -bv xt/soak.t
#     FDPASSER_SOAK=20000 prove -bv xt/soak.t    # so many passes of each kind

use lib 't/lib';
use Test::More;
use Situation;

use File::FDpasser qw(:all);
use POSIX ();

my $PASSES    = $ENV{FDPASSER_SOAK} || 1_000_000;
my $TOLERANCE = 2**20;

no warnings 'File::FDpasser';    # of arguments that are refused
watchdog(3600);
my $dir      = workdir();
my $listener = endp_create("$dir/endpoint") or die "endp_create: $!";
my ($us, $peer) = spipe();
my @files = map { open my $fh, '<', '/dev/null' or die $!; $fh } 1 .. 8;

# Each kind: how many passes one of its calls is worth, as the dear ones need
# not be as many; and the pass.
my %kinds = (
    'numbers' => [ 1, sub {
        send_file($peer, 0);
        POSIX::close(recv_fd($us));
    } ],
    'handles' => [ 1, sub {
        send_file($peer, $files[0]);
        my $got = recv_fh($us) or die "recv_fh: $!";
    } ],
    'handles and who sent them' => [ 4, sub {
        send_file($peer, $files[0]);
        my $got = recv_fh($us, my $sender) or die "recv_fh: $!";
        $sender->{pid} == $$ or die 'a wrong sender';
    } ],
    'batches of handles' => [ 8, sub {
        send_files($peer, @files) == @files or die "send_files: $!";
        my @got = recv_fhs($us);
        @got == @files or die "recv_fhs: $!";
    } ],
    'bytes and descriptors' => [ 4, sub {
        write_fd($peer, 'bytes of some length', @files[ 0, 1 ]);
        my ($bytes, @got) = read_fd($us, 1000, 2);
        @got == 2 or die "read_fd: $!";
    } ],
    'error replies' => [ 4, sub {
        send_err($peer, 13, 'a text of some length');
        local $File::FDpasser::on_text = sub { };
        recv_fh($us) and die 'no error';
    } ],
    'callbacks that die' => [ 8, sub {
        write_fd($peer, "text\0\0", $files[0]);
        local $File::FDpasser::on_text = sub { die "left\n" };
        eval { recv_fh($us); 1 } and die 'no exception';    # all of it is taken
    } ],
    'surplus and fatal warnings' => [ 8, sub {
        write_fd($peer, "\0\0", @files);
        use warnings FATAL => 'File::FDpasser';
        eval { recv_fh($us); 1 } and die 'no exception';
    } ],
    'connections' => [ 20, sub {
        my $client = endp_connect("$dir/endpoint") or die "endp_connect: $!";
        my $served = serv_accept_fh($listener, my $uid)
            or die "serv_accept_fh: $!";
    } ],
    'takeovers' => [ 100, sub {
        my $other = endp_create("$dir/other") or die "endp_create: $!";
    } ],
    'arguments that are refused' => [ 4, sub {
        eval { send_file($us, \1); 1 } and die 'no exception';
        recv_fh(-1) and die 'no failure';
        endp_connect("$dir/none") and die 'no failure';
    } ],
);

# Resident memory in bytes; proc(5).
sub resident {
    open my $statm, '<', '/proc/self/statm' or return;
    return (split ' ', readline $statm)[1] * POSIX::sysconf(POSIX::_SC_PAGESIZE());
}

plan skip_all => 'no /proc/self/statm here' if !defined resident();

for my $kind (sort keys %kinds) {
    my ($worth, $pass) = @{ $kinds{$kind} };
    my $count = $PASSES / $worth;
    $pass->() for 1 .. 1000;
    my ($memory, @open) = (resident(), descriptors());
    $pass->() for 1 .. $count;
    my $more = resident() - $memory;
    cmp_ok $more, '<=', $TOLERANCE, "$kind, $count times: $more bytes more";
    is_deeply [ descriptors() ], \@open, '... and no descriptor';
}
undef $_ for $us, $peer, $listener;
undef @files;
no_leak();
done_testing;
