# The terminals of containers, from crun and runc.

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use RealProgram;
use Cookbook;
use Files;
use JSON::PP;
use Program;
use Situation;

my $dir = workdir();
plan skip_all => 'containers with a terminal are root\'s here' if $> != 0;
plan skip_all => 'nothing may be mounted here' if !may_mount();
my $busybox = path_of('busybox') or plan skip_all => 'no busybox here';

# A container whose only program says hello to its terminal.
mkdir "$dir/$_" or die "$_: $!" for 'root', map {"root/$_"} qw(bin dev proc);
write_file("$dir/root/bin/busybox", content($busybox));
chmod 0755, "$dir/root/bin/busybox" or die "busybox: $!";
sub mount_of { return { destination => "/$_[0]", type => $_[1], source => $_[1], options => $_[2] || [] } }
write_file("$dir/config.json", JSON::PP->new->encode({
    ociVersion => '1.0.2',
    process    => {
        terminal => \1,
        user     => { uid => 0, gid => 0 },
        args     => [ '/bin/busybox', 'sh', '-c', 'test -t 0 -a -t 1 && echo hello' ],
        env      => ['PATH=/bin'],
        cwd      => '/',
    },
    root   => { path => 'root' },
    mounts => [
        mount_of('proc', 'proc'), mount_of('dev', 'tmpfs'),
        mount_of('dev/pts', 'devpts', [ 'newinstance', 'ptmxmode=0666' ]),
    ],
    linux => { namespaces => [ map { { type => $_ } } qw(pid mount ipc uts) ] },
}));

my ($console) = recipe('Hold the terminal of a container', $dir);

# In a mount namespace, so that crun finds control groups as it likes them.
my $sh = 'mount -t cgroup2 none /sys/fs/cgroup || exit 77; cd "$1"; shift; exec "$@"';
for my $runtime (qw(runc crun)) {
    SKIP: {
        needs($runtime => '--version') or skip "no $runtime here", 3;
        my @prepare = $runtime eq 'crun' ? ('unshare', '-m', 'sh', '-c', $sh, 'sh', "$dir")
            : ('sh', '-c', 'cd "$1"; shift; exec "$@"', 'sh', "$dir");
        my @runtime = ($runtime, '--root', "$dir/state");
        my $run = run(@prepare, $^X, $console, "$dir/console",
            @runtime, 'run', '--detach', '--console-socket', "$dir/console", "fdpasser-$$");
        skip "$runtime: no control groups", 3 if $run->{status} >> 8 == 77;
        is $run->{out}, "hello\r\n", "$runtime: what the container prints" or diag $run->{err};
        is $run->{err}, '', '... and nothing else';
        run(@prepare, @runtime, 'delete', '--force', "fdpasser-$$");

        like run(@prepare, $^X, $console, "$dir/console", @runtime, 'run', '--detach',
            '--console-socket', "$dir/console", '--bundle', "$dir/root", 'bad')->{err},
            qr/^$runtime has failed$/m, '... a container that cannot be made';
    }
}

no_leak();
done_testing;
