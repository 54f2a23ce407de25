# s6-fdholder-daemon, which keeps handles, and its own clients.

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use RealProgram;
use Cookbook;
use Files;
use Program;
use Situation;

path_of('s6-fdholder-daemon') or plan skip_all => 'no s6-fdholder-daemon here';

my $dir      = workdir();
my ($holder) = recipe('Keep a handle in s6-fdholder', $dir);
my $path     = "$dir/socket";
write_file("$dir/text", "text\n");

# Names that begin with a letter are for us.
mkdir "$dir/$_" or die "$_: $!" for 'rules', map {"rules/$_"} 'uid', "uid/$>", "uid/$>/env";
write_file("$dir/rules/uid/$>/allow",                       '');
write_file("$dir/rules/uid/$>/env/S6_FDHOLDER_${_}_REGEX", '^[a-z]') for qw(STORE RETRIEVE);
my $daemon = start('s6-fdholder-daemon', '-i', "$dir/rules", $path);
soon { -S $path } 'the daemon';

sub text {
    open my $fh, '<', "$dir/text" or die $!;
    return $fh;
}

sub store {
    my (@command) = @_;
    local $Program::STDIN = text();
    return run(@command);
}

is store($^X, $holder, $path, 'ours', 'store')->{err}, '', 'it takes what we store';
is run('s6-fdholder-retrieve', $path, 'ours', 'cat')->{out}, "text\n", '... and gives it to its client';
is run($^X, $holder, $path, 'ours')->{out}, '', '... to us at the offset where that one has stopped';
like run($^X, $holder, $path, 'ours')->{err}, qr/^ours: No such file/, '... once, as we have asked for';

is store('s6-fdholder-store', $path, 'theirs')->{status}, 0, 'its client stores';
like store($^X, $holder, $path, 'theirs', 'store')->{err}, qr/^theirs: .*busy/, '... we may not under the same name';
is run($^X, $holder, $path, 'theirs')->{out}, "text\n", '... and retrieve it';
like store($^X, $holder, $path, '1st', 'store')->{err}, qr/^1st: Operation not permitted/, 'a name that is not for us';

$daemon->end('TERM');
no_leak();
done_testing;
