use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Meeting;
use Situation;
use Syscall;

# A node whose date does not fit into 32 bits, as by a clock that is wrong, is
# taken over and connected to as any other, also by a perl of 32 bits.

use File::FDpasser;

my $dir  = workdir();
my $path = "$dir/server";

# A system call, as a perl of 32 bits has no such date; where it has none, nor
# does it see such a file, not even to remove it.
my ($CALL) = grep { has_system_call($_) } qw(utimensat_time64 utimensat);
plan skip_all => 'no number of utimensat is known' if !$CALL;

sub date {
    my ($seconds) = @_;
    my $time = pack_64($seconds) . pack_64(0);
    defined system_call($CALL, -100, "$path\0", $time x 2, 0) or die "$CALL: $!";
    my $seen = (lstat $path)[9];
    return defined $seen ? $seen == $seconds : $!{EOVERFLOW};
}

my $IN_2040 = 2_220_000_000;

{ my $stale = endp_create($path) }
plan skip_all => 'the file system knows no date after 2038' if !date($IN_2040);

for my $options ([], [ exclusive => 1 ], [ mode => 0600 ]) {
    my $name     = "@$options" || 'as it is';
    my $listener = endp_create($path, @$options);
    ok $listener, "$name: taken over" or diag errno_name($!);
    ok date($IN_2040), '... and dated again';
    is scalar(my @ends = meet($listener, $path)), 2, '... connected to';
    fails { scalar endp_create($path, exclusive => 1) } undef, 'EADDRINUSE', '... alive';
}
date(0);
is names($dir), 'server', 'nothing else is there';

no_leak();
done_testing;
