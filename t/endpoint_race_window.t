use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Files;
use Meeting;
use Situation;
use Stepped;

# endp_create takes a name over, and something else happens to that name at
# the same time: between any two of its system calls. Whatever it is, nothing
# of anybody's is destroyed, and nothing is left over.

use File::FDpasser;

my $dir     = workdir();
my $path    = "$dir/server";
my $aside   = workdir();
my $program = Stepped->new;

sub inode { return join ' ', grep {defined} (lstat $_[0])[ 0, 1 ] }

# What is there before
my %before = (
    'nothing'        => sub { },
    'a stale socket' => sub { undef(my $stale = endp_create($path)) },
    'an empty file'  => sub { write_file($path, '') },
    'a link'         => sub { symlink 'nowhere', $path },
    'a server'       => sub { return endp_create($path) },
);

# Everything that is in the directory afterwards
sub clean { unlink map {"$dir/$_"} split ' ', names($dir) }

# Carries out endp_create with something that happens before its call number
# $when; false if it has no such call.
sub with_intruder {
    my ($when, $intrude, @options) = @_;
    my $happened;
    my $got = $program->endp_create($path, @options, sub {
        my ($call, $n) = @_;
        $happened = $intrude->() || $call if $n == $when;
        return 0;
    });
    return $happened && { %$got, before => "$happened, call $when" };
}

# For each thing that can be there, and each moment; says what was wrong.
sub at_every_moment {
    my ($name, $intrude, $check, @options) = @_;
    my ($count, @wrong) = (0);
    for my $what (sort keys %before) {
        my $got;
        for (my $when = 1; ; $when++) {
            my $server = $before{$what}->();
            $got = with_intruder($when, $intrude, @options);
            my $wrong = $got && $check->($got);
            push @wrong, "$what, before $got->{before}: $wrong" if $wrong;
            clean();
            last if !$got;
            $count++;
        }
    }
    cmp_ok $count, '>', 40, "$name, at $count moments";
    is join("\n", @wrong), '', '... is safe';
}

# Where a name has the content that it must keep.
sub precious { return eval { content($path) } || '' }

sub only {
    my ($expected) = @_;
    my $names = names($dir);
    return $names eq $expected ? () : "there is '$names'";
}

# Whoever was told that it serves does, or somebody has replaced it since; who
# was told that it doesn't has touched nothing.
for my $options ([], [ exclusive => 1 ], [ mode => 0600 ]) {
    at_every_moment("a file that is moved there, @$options", sub {
        write_file("$aside/file", 'precious');
        rename "$aside/file", $path or die "rename: $!";
        return;
    }, sub {
        my ($got) = @_;
        return 'it is lost'  if precious() ne 'precious';
        return "$got->{errno}" if !$got->{ok} && $got->{errno} ne 'EADDRINUSE';
        return only('server');
    }, @$options);

    # Before its end, a server removes its node; so does a clean-up.
    at_every_moment("a name that is removed, @$options", sub {
        unlink $path;
        return;
    }, sub {
        my ($got) = @_;
        return $got->{errno} if !$got->{ok} && $got->{errno} ne 'EADDRINUSE';
        return only(names($dir) ? 'server' : '');
    }, @$options);
}

# A file that is written to while it is empty: as long as it is found at its
# name. (Who holds it open may also write when it has been replaced.)
at_every_moment('a file that fills', sub {
    return if !-f $path;
    write_file($path, 'precious');
    return 'written';
}, sub {
    my ($got) = @_;
    return if $got->{before} !~ /^written/;
    return 'it is lost'  if precious() ne 'precious';
    return "$got->{errno}" if $got->{ok} || $got->{errno} ne 'EADDRINUSE';
    return only('server');
});

# The same when it is aside for a moment, where its writer has it open.
{
    my @wrong;
    for my $call (qw(renameat2 fstatat)) {
        write_file($path, '');
        open my $writer, '>>', $path or die "$path: $!";
        my $renamed = 0;
        my $got = $program->endp_create($path, sub {
            $renamed++ if $_[0] eq 'renameat2';
            syswrite $writer, 'precious'
                if $renamed == 1 && $_[0] eq $call && !-s $writer;
            return 0;
        });
        push @wrong, "$call: $got->{ok} $got->{errno} " . precious()
            if $got->{errno} ne 'EADDRINUSE' || precious() ne 'precious'
            || only('server');
        clean();
    }
    is "@wrong", '', 'a file that is written to by who has it open';
}

# Two things happen: a file is moved there when the name is about to change
# hands, and while it is aside for a moment the name is removed, or taken over
# by a third.
for my $second (
    [ 'the name is removed'    => sub { unlink $path } ],
    [ 'a third takes it over'  => sub { return endp_create($path) } ],
    [ 'a third, and is killed' => sub { undef(my $third = endp_create($path)) } ],
    )
{
    my ($what, $do) = @$second;
    my ($after, $got, @wrong) = (0);
    do {
        my ($third, $renamed, $done);
        { my $stale = endp_create($path) }
        $got = $program->endp_create($path, sub {
            my ($call, $n) = @_;
            if ($call eq 'renameat2' && !$renamed) {
                write_file("$aside/file", 'precious');
                rename "$aside/file", $path or die "rename: $!";
                $renamed = $n;
            }
            elsif ($renamed && $n == $renamed + $after && -S $path) {
                ($third, $done) = (scalar $do->(), $call);
            }
            return 0;
        });
        $after = $done || !$after ? $after + 1 : 0;
        push @wrong, "before $done: $got->{ok} $got->{errno}, " . names($dir)
            if $done
            && ($got->{errno} ne 'EADDRINUSE' || precious() ne 'precious');
        clean();
    } while $after;
    is join("\n", @wrong), '', "a file is moved there, then $what: it is safe";
}

# What takes the place of a new node at once is not taken for that when the rest
# fails.
for my $options ([], [ mode => 0600 ]) {
    my ($last, $moved) = ('', 0);
    my $got = $program->endp_create($path, @$options, sub {
        my ($call) = @_;
        if ("$last $call" eq 'bind fstatat') {
            write_file("$aside/file", 'precious');
            rename "$aside/file", $path or die "rename: $!";
            $moved++;
        }
        $last = $call;
        return $call eq 'listen' ? POSIX::ENOMEM() : 0;
    });
    is $moved, 1, "a file in place of the new node, which then cannot listen" . (@$options ? ', with a mode' : '');
    is precious(), 'precious', '... stays';
    is names($dir), 'server', '... and nothing else is there';
    clean();
}

# Two things in one takeover, at any two of its moments: the name is removed, and
# later a file is moved there, which a rename that looks before would destroy.
{
    my ($first, $pairs, @wrong) = (1, 0);
    my $happens = 1;
    while ($happens) {
        $happens = 0;
        for (my $second = $first + 1; ; $second++) {
            { my $stale = endp_create($path) }
            my $moved;
            my $got = $program->endp_create($path, sub {
                my ($call, $n) = @_;
                unlink $path if $n == $first;
                return 0 if $n != $second;
                write_file("$aside/file", 'precious');
                rename "$aside/file", $path or die "rename: $!";
                $moved = $call;
                return 0;
            });
            my $safe = precious() eq 'precious' && $got->{errno} =~ /\A(?:EADDRINUSE)?\z/
                && names($dir) eq 'server';
            push @wrong, "removed before call $first, a file before $moved, call $second:"
                . " $got->{ok} $got->{errno} " . names($dir)
                if $moved && !$safe;
            clean();
            last if !$moved;
            $happens = ++$pairs;
        }
        $first++;
    }
    cmp_ok $pairs, '>', 40, "a name that is removed, then a file, at $pairs pairs of moments";
    is join("\n", @wrong), '', '... is safe';
}

# The new node is removed from beside the name, which has become free: by a system
# that has no renameat2, too. Nobody can be served there, so nobody is told so.
for my $without ([], ['renameat2']) {
    { my $stale = endp_create($path) }
    my $got = $program->endp_create($path, sub {
        my ($call) = @_;
        unlink $path if $call eq 'listen';
        unlink glob "$dir/.fdp-*" if $call eq (@$without ? 'linkat' : 'renameat2');
        return $call eq "@$without" ? POSIX::ENOSYS() : 0;
    });
    is $got->{errno}, 'EADDRINUSE', "its node is removed when it moves in, without (@$without)";
    is names($dir), '', '... and nothing is there';
    clean();
}

# What came out of the name is removed by another just before we remove it.
{
    { my $stale = endp_create($path) }
    my $removed = 0;
    my $got = $program->endp_create($path, sub {
        $removed += unlink glob "$dir/.fdp-*" if $_[0] eq 'unlinkat';
        return 0;
    });
    is $removed, 1, 'the old node is removed by another';
    is $got->{errno}, '', '... and the new one serves';
    ok answers($path), '... at its name';
    is names($dir), 'server', '... and nothing else is there';
    undef $got;
    clean();
}

# A directory, a fifo
for my $thing (
    [ 'a directory' => sub { rmdir $path; unlink $path; mkdir $path } ],
    [ 'a fifo'      => sub { unlink $path; POSIX::mkfifo($path, 0600) } ],
    )
{
    my ($what, $make) = @$thing;
    my $inode;
    at_every_moment("$what that appears", sub {
        $make->() or die "$what: $!";
        $inode = inode($path);
        return;
    }, sub {
        my ($got) = @_;
        my $wrong = inode($path) ne $inode ? 'it is lost'
            : !$got->{ok} && $got->{errno} ne 'EADDRINUSE' ? $got->{errno}
            :                                             only('server');
        rmdir $path;
        return $wrong;
    });
}

# A server that is put there: exclusive never replaces it.
{
    my ($server, $inode);
    at_every_moment('a server that starts', sub {
        $server = endp_create("$aside/server");
        $inode  = inode("$aside/server");
        rename "$aside/server", $path or die "rename: $!";
        return;
    }, sub {
        my ($got) = @_;
        return 'it is lost' if inode($path) ne $inode;
        return $got->{errno} if !$got->{ok} && $got->{errno} ne 'EADDRINUSE';
        return 'it does not answer' if !answers($path);
        return only('server');
    }, exclusive => 1);
}

# In a directory where everybody can write: what belongs to somebody else
SKIP: {
    skip 'only root can make nodes for others', 6 if $> != 0;
    chmod 01777, $dir or die "chmod: $!";
    for my $foreign (
        [ 'socket'     => sub { undef(my $stale = endp_create($_[0])) } ],
        [ 'empty file' => sub { write_file($_[0], '') } ],
        [ 'link'       => sub { symlink '/etc/passwd', $_[0] } ],
        )
    {
        my ($what, $make) = @$foreign;
        my $inode;
        at_every_moment("somebody else's $what that appears", sub {
            $make->("$aside/foreign");
            # Perl has no lchown.
            system('chown', '-h', 65534, "$aside/foreign") == 0
                or die "chown: $?";
            $inode = inode("$aside/foreign");
            rename "$aside/foreign", $path or die "rename: $!";
            return;
        }, sub {
            my ($got) = @_;
            return 'it is lost' if inode($path) ne $inode;
            return $got->{errno}
                if !$got->{ok} && $got->{errno} ne 'EADDRINUSE';
            return only('server');
        });
    }
    chmod 0700, $dir;
}

$program->end;
no_leak();
done_testing;
