use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Errno qw(EIO EINVAL EEXIST ENOSYS EOPNOTSUPP);
use Files;
use Meeting;
use Situation;
use Stepped;

# endp_create with each of its system calls failing in turn. Either it serves
# all the same, or it fails and what was there is there still; nothing is left
# over in the directory or in the table of descriptors.

use File::FDpasser;

my $workdir = workdir();
my $program = Stepped->new;

# A path that is so long that it takes more calls
my $dir  = "$workdir/short";
my $deep = "$workdir/" . 'long' x 30;
mkdir $_ or die "$_: $!" for $dir, $deep;

my %before = (
    'a free name'    => sub { },
    'a stale socket' => sub { undef(my $stale = endp_create($_[0])) },
    'an empty file'  => sub { write_file($_[0], '') },
    'a link'         => sub { symlink 'nowhere', $_[0] or die "symlink: $!" },
);

sub node { return join ' ', map { defined() ? $_ : '-' } (lstat $_[0])[ 0 .. 4, 7 ] }

# Closing gives the lock back, too. A stream pipe is one without noted senders
# and without names for its ends.
my %may_be_ignored = (flock => 1);
@may_be_ignored{qw(setsockopt bind)} = (1, 1)
    if File::FDpasser::transport() ne 'socket';

my $idle = do { $program->endp_connect("$dir/none")->{descriptors} };

sub what_is_wrong {
    my ($got, $call, $path, $in, $before) = @_;
    my $left = join ' ', grep { $_ ne 'server' } split ' ', names($in);
    if ($got->{ok}) {
        return "$call was ignored" if !$may_be_ignored{$call};
        return 'it does not serve' if !answers($path);
        return "left: $left"       if $left;
        return 'a descriptor leaks' if $got->{descriptors} != $idle + 1;
        return;
    }
    return "it is $got->{errno}" if $got->{errno} ne 'EIO';
    return 'the node is another' if node($path) ne $before;
    return "left: $left"         if $left;
    return 'a descriptor leaks'  if $got->{descriptors} != $idle;
    return;
}

for my $where ([ 'a path', $dir ], [ 'a long path', $deep ]) {
    my ($name, $in) = @$where;
    my $path = "$in/server";
    for my $what (sort keys %before) {
        for my $options ([], [ mode => 0600, exclusive => 1 ]) {
            my ($when, $failed, @wrong) = (1);
            do {
                $before{$what}->($path);
                my $before = node($path);
                my $call;
                my $got = $program->endp_create($path, @$options, sub {
                    return 0 if $_[1] != $when;
                    $call = $_[0];
                    return EIO;
                });
                my $wrong = $call
                    && what_is_wrong($got, $call, $path, $in, $before);
                push @wrong, "$call, number $when: $wrong" if $wrong;
                unlink map {"$in/$_"} split ' ', names($in);
                $when = $call ? $when + 1 : ($failed = $when - 1, 0)[1];
            } while $when;
            cmp_ok $failed, '>', 5,
                "$name, $what, @$options: $failed calls fail";
            is join("\n", @wrong), '', '... and nothing is lost';
        }
    }
}

# File systems that know neither of the renames (NFS)
for my $errno (EINVAL, ENOSYS, EOPNOTSUPP) {
    my $path = "$dir/server";
    for my $what (sort keys %before) {
        $before{$what}->($path);
        my $got = $program->endp_create($path,
            sub { $_[0] eq 'renameat2' ? $errno : 0 });
        is $got->{errno}, '', "no renameat2, $what: it is taken over";
        ok answers($path), '... and serves';
        is names($dir), 'server', '... nothing else is there';
        unlink $path;
    }

    # A name that appears where there was none is not replaced either.
    my $long = "$dir/" . 'n' x 200;
    my $got  = $program->endp_create($long,
        sub { $_[0] eq 'renameat2' ? $errno : 0 });
    is $got->{errno}, '', '... a long name, on a free name';
    ok answers($long), '... serves';
    unlink $long;
    $got = $program->endp_create($long, sub {
        my ($call) = @_;
        write_file($long, 'precious') if $call eq 'linkat';
        return $call eq 'renameat2' ? $errno : 0;
    });
    is $got->{errno}, 'EADDRINUSE', '... a file that appears there';
    is content($long), 'precious', '... is left alone';
    unlink $long;
    is names($dir), '', '... nothing else is there';
}

# A file has got into the way and can't be put back: not even then is it lost.
{
    my $path = "$dir/server";
    { my $stale = endp_create($path) }
    my $renames = 0;
    my $got = $program->endp_create($path, sub {
        return 0 if $_[0] ne 'renameat2' || ++$renames > 2;
        return EIO if $renames == 2;
        write_file("$deep/file", 'precious');
        rename "$deep/file", $path or die "rename: $!";
        return 0;
    });
    is $got->{errno}, 'EIO', q{a file that can't be put back};
    my ($aside) = grep { $_ ne 'server' } split ' ', names($dir);
    is eval { content("$dir/$aside") }, 'precious', '... is under a name beside';
    unlink map {"$dir/$_"} split ' ', names($dir);
}

# A name beside it that is taken, by what was left over once
{
    my $path = "$dir/server";
    { my $stale = endp_create($path) }
    my $refused = 0;
    my $got = $program->endp_create($path,
        sub { $_[0] eq 'bind' && $refused++ < 50 ? Errno::EADDRINUSE() : 0 });
    is $got->{errno}, '', '50 temporary names are taken';
    ok answers($path), '... and it serves';
    $got = $program->endp_create($path,
        sub { $_[0] eq 'bind' ? Errno::EADDRINUSE() : 0 });
    is $got->{errno}, 'EADDRINUSE', 'all of them are: it gives up';
    ok -S $path, '... and leaves the node alone';
    unlink $path;
}

$program->end;
no_leak();
done_testing;
