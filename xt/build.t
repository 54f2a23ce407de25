use strict;
use warnings;

# The habits of building and installing that users rely on, each tried on a
# copy of what MANIFEST ships. Builds the library several times: for
# maintainers and CI. Run from the top of the distribution: prove -v xt/build.t

use Config;
use Cwd                ();
use ExtUtils::Manifest ();
use File::Find         ();
use File::Path         ();
use File::Temp         ();
use Test::More;

alarm 1200;

delete $ENV{FDPASSER_WERROR};    # set where it counts

my $scratch = File::Temp->newdir('fdpasser-build-XXXXXX', TMPDIR => 1);
my $copy    = "$scratch/File-FDpasser";
my $library = "blib/arch/auto/File/FDpasser/FDpasser.$Config{dlext}";
my $source  = Cwd::getcwd();
my $unused  = "$scratch/unused";

sub unpack_distribution {
    local $ExtUtils::Manifest::Quiet = 1;
    my $files = ExtUtils::Manifest::maniread();
    ExtUtils::Manifest::manicopy( $files, $copy, 'cp' );
    chdir $copy or die "$copy: $!";
}

# Runs a shell command; returns its output, with $? set.
sub run { my $said = `($_[0]) 2>&1 </dev/null`; return $said }

sub succeeds {
    my ( $command, $name ) = @_;
    my $said = run($command);
    return ok( $? == 0, $name ) || diag($said);
}

sub fails_saying {
    my ( $command, $pattern, $name ) = @_;
    my $said = run($command);
    isnt $?, 0, "$name: fails";
    like $said, $pattern, "$name: says why";
}

# The files and directories under one, but for a list of names at its top.
sub tree {
    my ( $top, @but ) = @_;
    my %but = map { ( "$top/$_" => 1 ) } @but;
    my @found;
    File::Find::find(
        {   no_chdir => 1,
            wanted   => sub { $but{$_} ? $File::Find::prune = 1 : push @found, $_ },
        }, $top
    );
    return [ sort @found ];
}

sub append {
    my ( $name, $text ) = @_;
    open my $file, '>>', $name or die "$name: $!";
    print {$file} $text;
    close $file or die "$name: $!";
}

# A PATH on which cargo is a program that fails.
sub path_with_broken_cargo {
    my $folder = "$scratch/broken";
    mkdir $folder or die "$folder: $!";
    symlink '/bin/false', "$folder/cargo" or die "$folder/cargo: $!";
    return "$folder:$ENV{PATH}";
}

# A pass through the module, with the library of an @INC.
my $pass = q{-MFile::FDpasser -e '($a, $b) = spipe; send_file($a, *STDIN) and print defined recv_fd($b)'};

unpack_distribution();
my $shipped = tree('.');

succeeds( "$^X Makefile.PL && make -j4", 'make -j4 builds' );
ok -x $library, "the library is $library";
is run("PERL_DL_NONLAZY=1 $^X -Mblib $pass"), 1, 'it passes a descriptor with PERL_DL_NONLAZY=1';
unlike run('make'), qr/CargoBuild/, 'a second make does not call cargo again';
succeeds( 'make -j4 test TEST_FILES=t/load.t', 'make -j4 test' );

{
    local $ENV{PATH} = path_with_broken_cargo();
    succeeds( "make install DESTDIR=$scratch/staged", 'make install with DESTDIR runs no cargo' );
}
ok -x "$scratch/staged$Config{installsitearch}/auto/File/FDpasser/FDpasser.$Config{dlext}",
    'DESTDIR: the library is below it';
ok -e "$scratch/staged$Config{installsiteman3dir}/File::FDpasser.$Config{man3ext}",
    'DESTDIR: and the manual page';

succeeds( "$^X Makefile.PL INSTALL_BASE=$scratch/base && make && make install", 'INSTALL_BASE' );
is run("cd / && PERL5LIB=$scratch/base/lib/perl5 $^X $pass"), 1, 'INSTALL_BASE: a script with PERL5LIB';
ok -e "$scratch/base/man/man3/File::FDpasser.$Config{man3ext}", 'INSTALL_BASE: the manual page';

succeeds( "$^X Makefile.PL PREFIX=$scratch/prefix && make && make install", 'PREFIX' );
my ($installed) = grep {m{/FDpasser\.pm\z}} @{ tree("$scratch/prefix") };
like $installed, qr{^$scratch/prefix/.*File/FDpasser\.pm\z}, 'PREFIX: installed below it';

{
    local $ENV{CC}              = 'cc -DANOTHER_COMPILER';
    local $ENV{FDPASSER_WERROR} = 1;
    my $said = run("$^X Makefile.PL && make");
    like $said, qr/Compiling file-fdpasser/, 'another compiler (so also another perl): built again';
    unlike $said, qr/^warning: (?:file-fdpasser|unused)|generated \d+ warning/m, 'without a warning of the C compiler or of rustc';
}

# What `make quick` leaves is slow: for tests, not to be installed.
my ( $compiles, $optimised ) = ( qr/Compiling file-fdpasser/, qr/profile \[optimized\]/ );
utime undef, undef, 'src/lib.rs' or die $!;
my $said = run('make quick');
like $said,   $compiles,  'make quick compiles';
unlike $said, $optimised, '... and does not optimise';
unlike run('make test TEST_FILES=t/load.t'), $compiles, '... make test takes that library';
like run("make install DESTDIR=$scratch/after_quick"), $optimised, '... make install does not';
unlike run('make && make quick'), $compiles, '... and then it is for both';
{
    append( 'src/xs/guard.c', "static void unused(void) {}\n" );
    succeeds( 'make', 'make, with a warning of the C compiler' );
    local $ENV{FDPASSER_WERROR} = 1;
    fails_saying( $_, qr/unused/, "$_, with FDPASSER_WERROR=1" ) for 'make', 'make quick';
}
File::Copy::copy( "$source/src/xs/guard.c", 'src/xs/guard.c' ) or die "guard.c: $!";

succeeds( 'make clean', 'make clean' );
is_deeply tree( '.', 'Makefile.old', qw(MYMETA.yml MYMETA.json) ), $shipped,
    'make clean leaves nothing that was built';
succeeds( "$^X Makefile.PL && make realclean", 'make realclean' );
is_deeply tree('.'), $shipped, 'make realclean leaves nothing';

# A user's own configuration and environment of cargo.
mkdir "$scratch/.cargo" or die $!;
open my $configuration, '>', "$scratch/.cargo/config.toml" or die $!;
print {$configuration} <<"TOML";
[build]
target = "wasm32-unknown-unknown"
target-dir = "$unused"
build-dir = "$unused"
[profile.release]
panic = "abort"
TOML
close $configuration;
{
    local $ENV{CARGO_TARGET_DIR}   = $unused;
    local $ENV{CARGO_BUILD_TARGET} = 'wasm32-unknown-unknown';
    local $ENV{RUSTFLAGS}          = '-C target-cpu=native';
    succeeds( "$^X Makefile.PL && make", 'a user\'s cargo configuration: make' );
    is run("$^X -Mblib $pass"), 1, 'a user\'s cargo configuration: the library works';
    ok !-e $unused, 'a user\'s cargo configuration: no other target directory is used';
    succeeds( 'make realclean', 'a user\'s cargo configuration: make realclean' );
    is_deeply tree('.'), $shipped, 'a user\'s cargo configuration: and nothing is left';
}
File::Path::remove_tree("$scratch/.cargo");

{
    local $ENV{RUSTFLAGS} = '-C panic=abort';
    fails_saying( "$^X Makefile.PL && make", qr/needs panic = "?unwind/, 'RUSTFLAGS that abort on panic' );
    run('make realclean');
}

{
    local $ENV{CC} = 'false';
    fails_saying( "$^X Makefile.PL", qr/C compiler that works/, 'a compiler that does nothing' );
}

SKIP: {
    my $as_nobody = q{-e '$> = getpwnam "nobody"; do "./Makefile.PL"; die $@ if $@'};
    skip 'no user nobody to be', 2 if $> == 0 && !getpwnam 'nobody';
    chmod 0755, "$scratch";
    chmod 0555, $copy;
    fails_saying( "$^X " . ( $> == 0 ? $as_nobody : 'Makefile.PL' ),
        qr/cannot be written to/, 'a read-only source tree' );
    chmod 0755, $copy;
}

chdir '/';
done_testing;
