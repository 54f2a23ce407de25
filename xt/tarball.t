use strict;
use warnings;

# The tarball that `make dist` makes: what is in it, and that it installs from
# nothing else, without a warning. Makes it first. As root the installation has
# no network.

use CPAN::Meta ();
use Cwd        ();
use File::Find ();
use File::Temp ();
use lib 't/lib';
use Test::More;
use Files;

alarm 1200;

my $LIMIT = 5 * 1024 * 1024;

# Every other crate is there because one of these needs it.
my @CRATES = qw(cc cfg_aliases libc nix);

my $scratch   = File::Temp->newdir('fdpasser-tarball-XXXXXX', TMPDIR => 1);
my $tarball   = packed();
my ($version) = $tarball =~ /-([\d.]+)\.tar\.gz\z/;
my $top       = "File-FDpasser-$version";

sub run { my $said = `($_[0]) 2>&1 </dev/null`; return $said }

sub succeeds {
    my ( $command, $name ) = @_;
    my $said = run($command);
    return ok( $? == 0, $name ) || diag( substr $said, -4000 );
}

sub packed {
    my $said = run("$^X Makefile.PL && make dist");
    BAIL_OUT("make dist: $said") if $? != 0;
    my ($made) = $said =~ /^Created (\S+)$/m;
    return Cwd::getcwd() . "/$made";
}

sub files_below {
    my $folder = shift;
    my @files;
    File::Find::find( { wanted => sub { push @files, $_ if !-d }, no_chdir => 1 }, $folder );
    return [ sort map {s{^\Q$folder\E/}{}r} @files ];
}

sub licences {
    my $crate = shift;
    return grep { -s && m{/(?:LICEN[CS]E|COPYING|COPYRIGHT)[^/]*\z} } glob "$crate/*";
}

succeeds( 'make disttest TEST_FILES=t/load.t', 'make disttest' );
ok !-e 'vendor' && !-e '.cargo', 'a checkout has no crates: it takes them from the registry';

cmp_ok -s $tarball, '<', $LIMIT, 'its size';

succeeds( "tar -C $scratch -xf $tarball", 'it unpacks' );
is_deeply [ grep { !/^\Q$top\E\// } split /\n/, run("tar -tf $tarball") ], [], 'into one directory';

chdir "$scratch/$top" or die "$scratch/$top: $!";
my $files = files_below('.');
is_deeply $files, [ sort map {/^(\S+)/} split /\n/, content('MANIFEST') ], 'MANIFEST names what it holds';
is_deeply [ grep { -l || !-r _ || ( stat _ )[2] & 022 } @$files ], [], 'no link, nothing that others may write';
is_deeply [ grep {m{^(?:\.(?!cargo/)|xt/|bench/|debian/)|~$|\.(?:o|so|orig)$}} @$files ], [],
    'nothing of a checkout or a build';

# META
for my $file (qw(META.json META.yml)) {
    my $meta = eval { CPAN::Meta->load_file($file) };
    ok $meta, $file or diag $@;
    is $meta->version, $version, "$file: version";
    is_deeply [ $meta->licenses ], ['perl_5'], "$file: licence";
    is_deeply +{ map { $_ => $meta->resources->{$_} ? 1 : 0 } qw(license homepage bugtracker) },
        { license => 1, homepage => 1, bugtracker => 1 }, "$file: resources";
    is $meta->effective_prereqs->requirements_for( 'runtime', 'requires' )->requirements_for_module('perl'),
        '5.016', "$file: the oldest perl";
    is_deeply +{ map { $_->{file} => $_->{version} } values %{ $meta->provides } },
        +{ map { $_ => $version } grep {m{^perl/.*\.pm\z}} @$files }, "$file: provides";
}

# Crates
my $dependencies = join '', content('Cargo.toml') =~ /^\[(?:build-)?dependencies\]\n(.*?)(?=^\[)/gms;
is_deeply [ sort $dependencies =~ /^(\w+) = /gm ], \@CRATES, 'the crates that are asked for';
my @locked = content('Cargo.lock') =~ /^name = "(?!file-fdpasser")(.*"\nversion = ".*)"$/gm;
s/"\nversion = "/-/ for @locked;
is_deeply [ sort map {s{^vendor/}{}r} glob 'vendor/*' ], [ sort @locked ], 'the crates of Cargo.lock, no other';
is_deeply [ grep { !licences($_) } glob 'vendor/*' ], [], 'each with its licence';

# Offline, by cpanm, into a local::lib of its own, with the tests.
my $no_network = $> == 0 ? 'unshare --net' : '';
my $library    = "$scratch/library";
{
    local @ENV{qw(CARGO_HOME PERL_CPANM_HOME)} = map {"$scratch/$_"} qw(cargo cpanm);
    local $ENV{HARNESS_OPTIONS} = 'j2';
    my $said = run("$no_network cpanm --verbose --mirror file://$scratch --mirror-only"
            . " --local-lib-contained $library $tarball");
    is $?, 0, 'cpanm' or diag substr $said, -4000;
    is_deeply [ grep { /warning|deprecated|uninitialized/i && !m{^\Q$top\E/} } split /\n/, $said ], [], 'without a warning';
}
for my $module ( 'File::FDpasser', map {"File::FDpasser::$_"} qw(Channel Loop Queue) ) {
    is run("cd / && $^X -Mlocal::lib=--no-create,$library -M$module -e 'print \$$module\::VERSION'"),
        $version, "$module is installed";
}
my @pages = grep { content($_) =~ /^=head1 NAME/m } grep {m{^perl/}} @$files;
cmp_ok scalar @pages, '>', 7, 'the manual has parts';
for my $page (@pages) {
    my $name = $page =~ s{^perl/(.*)[.]\w+\z}{$1}r =~ s{/}{::}gr;
    is run("find $library/lib/perl5 -path '*/" . ( $page =~ s{^perl/}{}r ) . q{' | wc -l}), "1\n", "$name: where perldoc finds it";
    like run("cd / && man -l $library/man/man3/$name.3*"), qr/NAME.*\Q$name\E/s, "$name: and man"
        if -x '/usr/bin/man';
}

chdir '/';
done_testing;
