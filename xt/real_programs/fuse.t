# A file system of one file, mounted by fusermount3.

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use RealProgram fusermount3 => '--version';
use Cookbook;
use Files;
use Program;
use Situation;

open my $device, '+<', '/dev/fuse' or plan skip_all => "/dev/fuse: $!";
close $device;

my $dir     = workdir();
my ($clock) = recipe('Be a file system', $dir);
my $file    = "$dir/file";
write_file($file, '');

END {
    local $?;
    run('fusermount3', '-u', '-z', $file) if defined $file && content('/proc/mounts') =~ / \Q$file\E /;
}

# Whether it may is what fusermount3 knows best; in containers it seldom may.
my $try = run($^X, '-MFile::FDpasser=start_with_end', '-e', <<'PROGRAM', $file);
    my ($conn, $pid) = start_with_end(sub {
        $ENV{_FUSE_COMMFD} = $_[0];
        exec 'fusermount3', '-o', 'ro', $ARGV[0];
    });
    waitpid $pid, 0;
PROGRAM
plan skip_all => $1 if $try->{err} =~ /^(fusermount3: mount failed: Operation not permitted)$/;
run('fusermount3', '-u', '-z', $file);

my $serves = start($^X, $clock, $file);
my $read;
soon { $read = run('cat', $file)->{out} } 'a mounted file';
like $read, qr/\A\w+ \w+ +\d+ [\d:]+ \d+\n\z/, 'the time is in the file';
is run('fusermount3', '-u', $file)->{err}, '', 'it is unmounted';
is $serves->end->{status}, 0, '... the program ends';
is content($file), '', '... and the file below is there again';

like run($^X, $clock, "$dir/none")->{err}, qr/gave no device$/, 'no such file';

no_leak();
done_testing;
