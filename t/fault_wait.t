# Waiting that cannot be: under a limit of no descriptors the system refuses
# poll. The call fails with what the system says, and burns no processor.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:all);

my $dir      = workdir();
my $listener = endp_create("$dir/endpoint") or die "endp_create: $!";
my ($us, $peer) = pair();
my ($full, $reader) = pair();
$full->blocking(0);
1 while defined syswrite $full, 'x' x 4096;
$full->blocking(1);

my %waits = (
    recv_fh        => sub { recv_fh($us) },
    recv_fhs       => sub { recv_fhs($us) },
    read_fd        => sub { read_fd($us, 1, 1) },
    send_file      => sub { send_file($full, \*STDIN) },
    serv_accept_fh => sub { serv_accept_fh($listener) },
);

my %errno;
my $limit = descriptor_limit(0);
for my $name (sort keys %waits) {
    $! = 0;
    my @got = grep {defined} $waits{$name}->();
    $errno{$name} = @got ? 'success' : errno_name($!);
}
descriptor_limit($limit);
is_deeply \%errno, { map { $_ => 'EINVAL' } keys %waits },
    'under a limit of 0: EINVAL';

# Afterwards all is as it was.
my $file = tagged('passed');
ok send_file($peer, $file), 'then it sends';
is tag_of(scalar recv_fh($us)), 'passed', '... and receives';

undef $_ for $us, $peer, $full, $reader, $listener, $file;
no_leak();
done_testing;
