use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Errno qw(EACCES ENOENT);
use Fcntl qw(:mode);
use Files;
use Situation;
use Stepped;

# The permissions of a node between any two system calls: never wider than
# asked for.

use File::FDpasser;

my $dir  = workdir();
my $path = "$dir/server";

sub octal { return sprintf '%04o', $_[0] }

# The modes of all sockets in the directory but the old one
sub modes {
    my ($old) = @_;
    my %seen;
    for my $name (split ' ', names($dir)) {
        my ($inode, $mode) = (lstat "$dir/$name")[ 1, 2 ];
        next if !defined $mode || !S_ISSOCK($mode) || $inode == $old;
        $seen{ octal(S_IMODE($mode)) } = 1;
    }
    return keys %seen;
}

sub never_seen_wider {
    my ($program, $mode, $stale) = @_;
    if ($stale) {
        umask 0;
        my $other = endp_create($path);
    }
    my $old = $stale ? (lstat $path)[1] : 0;
    my (%seen, $count);
    my $got = $program->endp_create($path, mode => $mode, sub {
        $seen{$_} = 1 for modes($old);
        $count++;
        return 0;
    });
    my $title = sprintf 'mode %s, %s', octal($mode),
        $stale ? 'over a node of mode 0777' : 'a free name';
    is join(' ', grep { oct($_) & ~$mode } sort keys %seen), '',
        "$title: never wider in all of $count calls";
    is octal(S_IMODE((lstat $path)[2])), octal($mode), '... and that in the end';
    unlink $path;
}

for my $umask (0, 022, 077) {
    umask $umask;
    my $program = Stepped->new;
    note sprintf 'umask %03o', $umask;
    for my $mode (0, 0600, 0660, 0666, 0777) {
        never_seen_wider($program, $mode, $_) for 0, 1;
    }
    $program->end;
}

# A node that can't get its mode is not made.
{
    my $program = Stepped->new;
    my $got = $program->endp_create($path, mode => 0600,
        sub { $_[0] eq 'fchmod' ? EACCES : 0 });
    is $got->{errno}, 'EACCES', 'a mode that is refused: no endpoint';
    is names($dir), '', '... and no node';
    umask 077;
    $program->end;
    $program = Stepped->new;
    $got = $program->endp_create($path, mode => 0666,
        sub { $_[0] =~ /fchmodat/ ? EACCES : 0 });
    is $got->{errno}, 'EACCES', 'what the umask cut off cannot be given back: no endpoint';
    is names($dir), '', '... and no node';
    $got = $program->endp_create($path, mode => 0666,
        sub { $_[0] =~ /fchmodat/ ? ENOENT : 0 });
    is $got->{errno}, 'ENOENT', '... because there is no /proc: no endpoint';
    is names($dir), '', '... and no node';
    $got = $program->endp_create($path, mode => 0666, sub {
        unlink $path if $_[0] =~ /fchmodat/;
        return $_[0] =~ /fchmodat/ ? ENOENT : 0;
    });
    is $got->{errno}, '', 'but a node that was removed meanwhile needs none';
    umask 022;
    $program->end;
}

# What somebody else has put at the name by then keeps its permissions.
{
    my $other = "$dir/other";
    write_file($other, '');
    my %instead = (
        'a file'            => sub { link $other, $path },
        'a link to a file'  => sub { symlink $other, $path },
        'a link to nowhere' => sub { symlink "$dir/nowhere", $path },
    );
    umask 077;
    my $program = Stepped->new;
    for my $what (sort keys %instead) {
        chmod 0600, $other or die "chmod: $!";
        my $opens = 0;
        my $got = $program->endp_create($path, mode => 0666, sub {
            my ($call) = @_;
            return 0 if $call ne 'openat' || $opens++;
            unlink $path;
            $instead{$what}->() or die "$what: $!";
            return 0;
        });
        is $got->{errno}, '', "$what instead of the node: no failure";
        is $opens, 1, '... it is opened once';
        is octal(S_IMODE((stat $other)[2])), '0600', '... and left alone';
        unlink $path;
    }
    $program->end;
    umask 022;
}

no_leak();
done_testing;
