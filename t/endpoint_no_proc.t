use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Errno qw(EACCES EMFILE ENOENT ENOTDIR);
use Files;
use Identity;
use Meeting;
use Situation;
use Stepped;

# Long paths take /proc: where it is missing (a chroot) they are refused and
# nothing is touched; who is not allowed to look at others' may use its own.

use File::FDpasser;

my $dir  = workdir();
my $long = 'long' x 30;
mkdir "$dir/$long" or die "mkdir: $!";

# Paths that do not fit into an address, whatever the directory is called
my %too_long = (
    'a long directory' => "/$long/server",
    'a long name'      => '/' . 'n' x 120,
);

sub without_proc {
    my ($path) = @_;
    my @got;
    for my $options ([], [ exclusive => 1 ], [ mode => 0600 ]) {
        $! = 0;
        push @got, endp_create($path, @$options) ? 'serves' : errno_name($!);
    }
    $! = 0;
    push @got, answers($path) ? 'connects' : errno_name($!);
    $! = 0;
    my $number = cli_conn($path);
    push @got, $number < 0 ? errno_name($!) : 'connects';
    return "@got";
}

sub in_chroot {
    my ($code) = @_;
    errno_name(ENOENT);    # loads what it takes
    return (in_child {
        chroot $dir or die "chroot: $!";
        chdir '/' or die "chdir: $!";
        return $code->();
    })->result;
}

SKIP: {
    skip 'only root can chroot', 11 if $> != 0;
    skip 'there is no /proc to be without', 11 if !-d '/proc/self/fd';
    for my $what (sort keys %too_long) {
        is in_chroot(sub { without_proc($too_long{$what}) }),
            join(' ', ('ENAMETOOLONG') x 3, ('ENOENT') x 2), "chroot: $what";
        is names($dir), $long, '... nothing is there';
        is names("$dir/$long"), '', '... nor there';
        my $listener = endp_create("$dir$too_long{$what}");
        is in_chroot(sub { without_proc($too_long{$what}) }),
            join(' ', ('ENAMETOOLONG') x 5), '... where a server is';
        ok answers("$dir$too_long{$what}"), '... it still serves';
        unlink "$dir$too_long{$what}" or die "unlink: $!";
    }
    my $got = in_chroot(sub {
        my $listener = endp_create('/server', exclusive => 1);
        $listener = endp_create('/server');
        return $listener && answers('/server') ? names('/') : errno_name($!);
    });
    is $got, "$long server", 'chroot: a short path works';
    unlink "$dir/server";
}

# The same for a system where a path is too long from the start
{
    my $program = Stepped->new;
    for my $errno (ENOENT, ENOTDIR, EACCES) {
        for my $what (sort keys %too_long) {
            my $got = $program->endp_create("$dir$too_long{$what}",
                sub { $_[0] =~ /stat/ ? $errno : 0 });
            is $got->{errno}, 'ENAMETOOLONG', "/proc is " . errno_name($errno) . ": $what";
            is names($dir), $long, '... nothing is there';
        }
    }
    my $got = $program->endp_create("$dir$too_long{'a long directory'}",
        sub { $_[0] eq 'fcntl' ? EMFILE : 0 });
    is $got->{errno}, 'EMFILE', 'a full table: a long directory';
    is names("$dir/$long"), '', '... nothing is there';
    $program->end;
}

# A process that was root may not be looked at by others through /proc.
SKIP: {
    skip $Identity::WHY_NOT, 4 if $Identity::WHY_NOT;
    skip 'there is no /proc', 4 if !-d '/proc/self/fd';
    chmod 0777, $dir, "$dir/$long" or die "chmod: $!";
    for my $what (sort keys %too_long) {
        my $path = "$dir$too_long{$what}";
        my $got  = as_user($NOBODY, sub {
            my $listener = endp_create($path, exclusive => 1)
                or return 'endp_create: ' . errno_name($!);
            my $client = elsewhere { endp_connect($path) };
            serv_accept_fh($listener, my $uid)
                or return 'serv_accept_fh: ' . errno_name($!);
            $client->end or return 'endp_connect: ' . errno_name($!);
            return $uid;
        });
        is $got, $NOBODY, "a process that was root: $what";
        ok unlink($path), '... was there';
    }
}

no_leak();
done_testing;
