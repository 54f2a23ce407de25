# The screen of an X server without one, through shared memory of its own.

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use RealProgram;
use Cookbook;
use Files;
use Program;
use Situation;

path_of('Xvfb') or plan skip_all => 'no Xvfb here';    # which does not say its version

my $dir          = workdir();
my ($screenshot) = recipe('Take a picture of an X screen', $dir);

# The server chooses a number, and writes it to its STDOUT.
sub server {
    my (@options) = @_;
    my $server = start('Xvfb', '-displayfd', 1, qw(-screen 0 64x48x24 -br -nolisten tcp), @options);
    chomp(my $number = $server->line // die $server->end->{err});
    return ($server, ":$number");
}

(my $server, local $ENV{DISPLAY}) = server();
my $run = run($^X, $screenshot);
is $run->{err}, '', 'nobody complains';
my ($head, $pixels) = split /\n/, $run->{out}, 2;
is $head, '64 x 48, BGRx', 'the size';
is $pixels =~ s/(...)./$1/gsr, "\0\0\0" x (64 * 48), '... and a black screen';

$server->end('TERM');
($server, $ENV{DISPLAY}) = server('-wr');
$run = run($^X, $screenshot);
is substr($run->{out}, 14) =~ s/(...)./$1/gsr, "\xff" x (3 * 64 * 48), 'a white one';
$server->end('TERM');

write_file("$dir/authority", pack 'n n/a* n/a* n/a* n/a*', 0xffff, '', '', 'MIT-MAGIC-COOKIE-1', 'x' x 16);
($server, $ENV{DISPLAY}) = server('-auth', "$dir/authority");
like run($^X, $screenshot)->{err}, qr/^X: Authorization required/, 'without its cookie the server says so';
$server->end('TERM');

no_leak();
done_testing;
