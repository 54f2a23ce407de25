use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Situation;
use Stepped;

# A server is killed while it takes a name over: before each of its system
# calls in turn. The name is never missing, nothing of anybody's is lost, what
# is left over is called .fdp-PID-N, and the next server starts.

use File::FDpasser;

watchdog(60);    # some of it takes long beside other work

my $dir  = workdir();
my $path = "$dir/server";

# Lets it go on to call number $when and no further; that call's name.
sub killed_before {
    my ($when, $intrude, @options) = @_;
    my $program = Stepped->new;
    my $pid     = $program->{pid};
    $program->start('endp_create', $path, @options);
    my $got;
    while (1) {
        $got = $program->next_step;
        last if $got->{over} || $got->{n} == $when;
        $intrude->($got->{call});
        $program->go_on(0);
    }
    $program->kill;
    return ($got->{over} ? undef : $got->{call}, $pid);
}

for my $options ([], [ exclusive => 1 ]) {
    my ($when, $call, $pid, $left, @wrong) = (1, undef, undef, 0);
    do {
        { my $stale = endp_create($path) }
        ($call, $pid) = killed_before($when++, sub { }, @$options);
        my @left = grep { $_ ne 'server' } split ' ', names($dir);
        $left += @left;
        push @wrong, "$call: the name is missing" if $call && !-S $path;
        push @wrong, "$call: left: @left"
            if $call && (@left > 1 || grep { !/\A\.fdp-$pid-[0-9]+\z/ } @left);
        push @wrong, "$call: the next can't start"
            if $call && !endp_create($path, @$options);
        unlink map {"$dir/$_"} split ' ', names($dir);
    } while $call;
    cmp_ok $left, '>', 2, "killed before each of $when calls: $left leftovers";
    is join("\n", @wrong), '', '... and all is well';
}

# What was in the way and is aside for a moment when that happens is left over,
# too: whoever cleans up looks first.
{
    my ($when, $call, @found) = (1);
    do {
        { my $stale = endp_create($path) }
        my $moved = 0;
        ($call) = killed_before($when++, sub {
            my ($name) = @_;
            return if $name ne 'renameat2' || $moved++;
            write_file("$dir/file", 'precious');
            rename "$dir/file", $path or die "rename: $!";
        });
        my ($with) = grep { -f "$dir/$_" } split ' ', names($dir);
        push @found, $with ? content("$dir/$with") : 'nothing' if $moved;
        unlink map {"$dir/$_"} split ' ', names($dir);
    } while $call;
    cmp_ok scalar @found, '>', 2, 'a file is in the way, then it is killed';
    is join(' ', grep { $_ ne 'precious' } @found), '', '... it is never lost';
}

no_leak();
done_testing;
