use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Situation;

# What Makefile.PL says and does on a machine that lacks something. The
# machine is made of programs that pretend, in a directory that is all of PATH.

use Config;
use Cwd        ();
use File::Copy ();

my $distribution = Cwd::getcwd();
my $make         = $Config{make} || 'make';
my %working      = (
    cargo => 'echo cargo 1.78.0',
    rustc => 'echo release: 1.78.0; echo host: any',
    cc    => 'exit 0',
    $make => 'exit 0',
);

# Where perl's Config has whole paths nothing can be hidden by PATH.
my $hidden_by_path = !grep {m{/}} $make, $Config{cc};
delete $working{$make} if $make =~ m{/};

# A directory with the programs given, each a line of shell.
sub machine {
    my (%programs) = @_;
    my $machine = workdir();
    while ( my ( $name, $does ) = each %programs ) {
        open my $program, '>', "$machine/$name" or die "$machine/$name: $!";
        print {$program} "#!/bin/sh\n$does\n";
        close $program;
        chmod 0755, "$machine/$name";
    }
    return $machine;
}

# A copy of what Makefile.PL reads.
sub unpacked {
    my $folder = workdir();
    mkdir "$folder/$_" or die "$folder/$_: $!" for qw(inc perl perl/File src);
    for my $file ( qw(Makefile.PL Cargo.toml perl/File/FDpasser.pm), glob 'inc/*.pm' ) {
        File::Copy::copy( $file, "$folder/$file" ) or die "$file: $!";
    }
    return $folder;
}

# Runs Makefile.PL on a machine; returns what it says, how it ends, and
# whether there is a Makefile then.
sub configured {
    my ( $machine, %environment ) = @_;
    my $folder = unpacked();
    open my $stale, '>', "$folder/Makefile" or die $!;
    close $stale;
    local @ENV{qw(PATH CC CARGO RUSTC AUTOMATED_TESTING)} = ( "$machine", 'cc' );
    local @ENV{ keys %environment } = values %environment;
    delete $ENV{$_} for grep { !defined $ENV{$_} } keys %ENV;
    my $said   = `cd '$folder' && exec '$^X' Makefile.PL 2>&1`;
    my $status = $? >> 8;
    return ( $said, $status, -s "$folder/Makefile" ? 'Makefile' : 'none' );
}

sub refused {
    my ( $name, $programs, $pattern ) = @_;
    my ( $said, $status, $makefile ) = configured( machine(%$programs) );
    like $said, $pattern, "$name: said";
    is_deeply [ $status, $makefile ], [ 1, 'none' ], "$name: exit 1 and no Makefile";
    return $said;
}

# A directory with a module that perl finds before its own.
sub library {
    my ( $module, $content ) = @_;
    my $library = workdir();
    my ( $folder, $file ) = $module =~ /\A(?:(\w+)::)?(\w+)\z/;
    $folder = defined $folder ? "$library/$folder" : "$library";
    -d $folder or mkdir $folder or die "$folder: $!";
    open my $handle, '>', "$folder/$file.pm" or die "$folder/$file.pm: $!";
    print {$handle} $content;
    close $handle;
    return $library;
}

sub without { my %rest = %working; delete $rest{ $_[0] }; return \%rest }
sub with    { return +{ %working, @_ } }

{
    my ( $said, $status, $makefile ) = configured( machine(%working) );
    is_deeply [ $status, $makefile ], [ 0, 'Makefile' ], 'nothing missing: a Makefile'
        or diag $said;
}

{
    my $said = refused( 'no cargo', without('cargo'), qr/^  cargo, the build tool of Rust$/m );
    like $said, qr/^  Debian 13, Ubuntu 25.10 +apt-get install cargo$/m, 'the command of Debian';
    like $said, qr/^  Debian 11, 12 +apt-get install cargo-web$/m, 'of an older one';
    like $said, qr/^  Ubuntu 22.04, 24.04 +apt-get install cargo-1.80 && export CARGO=cargo-1.80 RUSTC=rustc-1.80$/m,
        'of an older Ubuntu';
    for my $system ( 'Fedora', 'Alpine', 'FreeBSD', 'macOS', 'illumos' ) {
        like $said, qr/^  $system.* install|^  $system +apk add/m, "the command of $system";
    }
    unlike $said, qr/gcc|perl-dev|make$/m, 'no command installs what is there';
}

refused( 'no C library headers', with( cc => 'echo stdio.h: not found >&2; exit 1' ),
    qr/C library's headers \(cc says: stdio\.h: not found\)/ );
refused( 'no rustc', without('rustc'), qr/^  rustc [\d.]+ or newer/m );
refused( 'an old rustc', with( rustc => 'echo release: 1.77.2; echo host: any' ),
    qr/^  rustc 1\.78 or newer.*1\.77\.2/m );
like refused( 'rustup without a toolchain', with( cargo => 'echo no default toolchain >&2; exit 1' ),
    qr/a cargo that runs \(it says: no default toolchain\)/ ),
    qr/^Where rustup is there .*: rustup default stable$/m, '... and how to get one';

SKIP: {
    skip 'perl names its compiler or make by a whole path', 7 if !$hidden_by_path;
    refused( 'no C compiler', without('cc'),  qr/^  a C compiler/m );
    refused( 'no make',       without($make), qr/, which runs the build$/m );
    my $said = refused( 'nothing at all', {}, qr/cargo/ );
    like $said, qr/^  Debian 11, 12 +apt-get install gcc libc6-dev make cargo-web$/m,
        'one command installs it all';
}

# What Debian's perl-base lacks, say.
for my $module (qw(ExtUtils::MakeMaker File::Copy)) {
    my $library = library( $module, "die 'not here'" );
    local $ENV{PERL5LIB} = "$library";
    my $said = refused( "no $module", \%working, qr/^  $module, a module that belongs to perl$/m );
    like $said, qr/^  Debian 11, 12 +apt-get install libperl-dev$/m, "no $module: the command of Debian";
}

{
    my $library = library( 'Config', <<'PERL' );
package Config;
our %Config = ( archname => '', version => '', inc_version_list => '' );
sub import { no strict 'refs'; *{ caller() . '::Config' } = \%Config }
1;
PERL
    local $ENV{PERL5LIB} = "$library";
    refused( 'a perl that loads no libraries', \%working, qr/built without dynamic loading/ );
}

{
    my $library = library( 'Elsewhere', q($^O = 'MSWin32') );
    local @ENV{qw(PERL5LIB PERL5OPT)} = ( "$library", '-MElsewhere' );
    my ($said) = configured( machine(%working) );
    like $said, qr/^OS unsupported: File::FDpasser needs a Unix$/m, 'a system that is no Unix';
}

{
    my ( $said, $status, $makefile ) = configured( machine(), AUTOMATED_TESTING => 1 );
    is_deeply [ $status, $makefile ], [ 0, 'none' ], 'a CPAN tester: exit 0 and no Makefile';
    like $said, qr/cargo/, 'a CPAN tester is told as well';
}

{
    my ( $said, $status ) = configured( machine( %{ without('cargo') }, mycargo => 'exit 0' ), CARGO => 'mycargo' );
    is $status, 0, 'a cargo of another name, by $CARGO' or diag $said;
}

{
    local @INC = ( "$distribution/inc", @INC );
    require Prerequisites;
    no warnings qw(once redefine);
    local *PerlConfig::core_directory = sub {'/nowhere/CORE'};
    like Prerequisites::missing(), qr{perl\.h.*/nowhere/CORE/perl\.h.*libperl-dev}s, 'no headers of perl';
}

no_leak();
done_testing;
