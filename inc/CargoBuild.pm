package CargoBuild;

# Runs cargo for make: `perl -Iinc -MCargoBuild -e CargoBuild::run CARGO LIBRARY KIND`
# builds the native library and leaves it in the file LIBRARY. KIND is
# `optimised`, or `quick`: built in seconds, and slow.

use strict;
use warnings;

use Config;
use File::Basename ();
use File::Copy     ();
use File::Path     ();
use PerlConfig     ();
use Prerequisites  ();

my $TARGET_DIRECTORY = 'target';
my $CRATE            = 'fdpasser';
my $RECORD           = "$TARGET_DIRECTORY/built";    # how the library was built

# rustup's Rust for musl makes static programs unless told otherwise, and no
# shared libraries.
my $MUSL_IS_DYNAMIC
    = q{target.'cfg(target_env = "musl")'.rustflags = ["-C", "target-feature=-crt-static"]};

my %PROFILE = (
    optimised => {},
    quick     => {
        CARGO_INCREMENTAL                   => 1,
        CARGO_PROFILE_RELEASE_LTO           => 'off',
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS => 16,
        CARGO_PROFILE_RELEASE_OPT_LEVEL     => 0,
    },
);

sub run {
    my ( $cargo, $library, $kind ) = @ARGV;
    my %rust = Prerequisites::rust();
    die "rustc does not run: $rust{complaint}\n" if defined $rust{complaint};
    unlink $RECORD;
    build( $cargo, $rust{host}, $PROFILE{$kind} );
    install_file( "$TARGET_DIRECTORY/$rust{host}/release/" . library_name(), $library );
    record( $kind, warnings_are_errors() ? 'without a warning' : () );
}

# For a library that is newer than its sources. What is optimised serves where
# a quick build is asked for.
sub run_if_built_otherwise {
    my ( undef, undef, $kind ) = @ARGV;
    my %is = map { $_ => 1 } recorded();
    run()
        if !( $is{$kind} || $is{optimised} ) || warnings_are_errors() && !$is{'without a warning'};
}

sub warnings_are_errors { return ( $ENV{FDPASSER_WERROR} // '' ) eq '1' }

sub record {
    open my $record, '>', $RECORD or die "$RECORD: $!\n";
    print {$record} map {"$_\n"} @_;
    close $record or die "$RECORD: $!\n";
}

# Nothing where the last build failed.
sub recorded {
    open my $record, '<', $RECORD or return;
    chomp( my @lines = readline $record );
    return @lines;
}

# The target directory and the target are named on the command line, where no
# environment variable and no configuration file of the user can change where
# the library goes. One crate type, because cargo does no link-time
# optimisation for a crate that is also an rlib.
sub build {
    my ( $cargo, $host, $profile ) = @_;
    local %ENV = ( environment(), settings(), %$profile );
    my @command = (
        $cargo, 'rustc', '--release', '--locked', '--lib', '--crate-type', 'cdylib',
        '--target', $host, '--target-dir', $TARGET_DIRECTORY, '--config', $MUSL_IS_DYNAMIC
    );
    system(@command) == 0
        or die "cargo could not build the native part of File::FDpasser (" . reason() . ")\n";
}

# What cargo finds in its environment, less what make left there for other
# makes: cargo would look for a job server that recipes can't reach.
sub environment {
    my %environment = %ENV;
    delete @environment{qw(MAKEFLAGS MFLAGS CARGO_MAKEFLAGS)};
    return %environment;
}

# For build.rs: this perl, and what its Config says, so that another perl
# rebuilds. For cargo: what a user's configuration must not change.
sub settings {
    return (
        PERL                        => $^X,
        FDPASSER_PERL               => join( ' ', map {@$_} PerlConfig::settings() ),
        CARGO_PROFILE_RELEASE_PANIC => 'unwind',
        CARGO_BUILD_BUILD_DIR       => $TARGET_DIRECTORY,
    );
}

sub reason {
    return "it did not start: $!" if $? == -1;
    return 'signal ' . ( $? & 127 ) if $? & 127;
    return 'exit status ' . ( $? >> 8 );
}

sub library_name {
    return "lib$CRATE." . ( $Config{osname} eq 'darwin' ? 'dylib' : 'so' );
}

# In one step, so that a process that has the old library mapped keeps it.
sub install_file {
    my ( $from, $to ) = @_;
    File::Path::make_path( File::Basename::dirname($to) );
    File::Copy::copy( $from, "$to.new" ) or die "copy $from to $to.new: $!\n";
    chmod 0755, "$to.new";
    rename "$to.new", $to or die "rename $to.new to $to: $!\n";
}

1;
