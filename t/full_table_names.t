# A table that is full of descriptors which only name a file (O_PATH), which
# poll(2) takes for numbers that are not open: nothing is lost there either.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser qw(:all);
use POSIX ();

my $O_PATH = 0x20_0000;
plan skip_all => 'O_PATH is known for Linux only' if $^O ne 'linux';
sysopen my $name, '.', $O_PATH or plan skip_all => "open: $!";

my $file = tagged('kept');
my ($conn, $end) = spipe();
$end->blocking(0);

# Where descriptors were received before, and as many as a message can bring.
send_file($conn, $name) for 1 .. 2;
my @kept = (recv_fd($end), recv_fd($end));
is scalar @kept, 2, 'two names are kept where they came';

my %receive = (recv_fd => \&recv_fd, recv_fds => \&recv_fds);
for my $how (sort keys %receive) {
    send_file($conn, $file);
    my @tried = when_full_of_names(
        sub {
            map { $! = 0; my @got = $receive{$how}->($end); defined $got[0] ? 'success' : errno_name($!) }
                1 .. 3;
        }
    );
    is_deeply \@tried, [ ('EMFILE') x 3 ], "$how: EMFILE";
    my ($number) = $receive{$how}->($end);
    is tag_of($number), 'kept', "$how: it comes when there is room";
    POSIX::close($number);
}
POSIX::close($_) for @kept;
close $_ for $name, $conn, $end, $file;

no_leak();
done_testing;

sub when_full_of_names {
    my ($code) = @_;
    my $limit = descriptor_limit(600);
    my @filler;
    while (defined(my $number = POSIX::dup(fileno $name))) { push @filler, $number }
    my @result = $code->();
    empty_table(@filler);
    descriptor_limit($limit);
    return @result;
}
