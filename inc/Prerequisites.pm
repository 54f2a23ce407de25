package Prerequisites;

# What must be on the machine before anything can be built, and the commands
# that bring it.

use strict;
use warnings;

use Config;
use PerlConfig ();

# What looks for each tool: returns nothing when all is well, else one line
# that says what is wrong.
my @CHECKS = (
    [ perl => \&complaint_about_perl ],
    [ make => \&complaint_about_make ],
    [ cc   => \&complaint_about_compiler ],
    [ rust => \&complaint_about_cargo ],
    [ rust => \&complaint_about_rustc ],
);

# The packages that bring each tool, and what else is to be done for it; a tool
# that is not named comes with the system itself.  Of several releases the
# oldest is named with which a line begins to hold.
my @SYSTEMS = (
    {   name => 'Debian 13, Ubuntu 25.10', command => 'apt-get install',
        perl => 'libperl-dev', make => 'make', cc => 'gcc libc6-dev', rust => 'cargo',
    },
    {   name => 'Debian 11, 12', command => 'apt-get install',
        perl => 'libperl-dev', make => 'make', cc => 'gcc libc6-dev', rust => 'cargo-web',
    },
    {   name => 'Ubuntu 22.04, 24.04', command => 'apt-get install',
        perl => 'libperl-dev', make => 'make', cc => 'gcc libc6-dev', rust => 'cargo-1.80',
        instead => { rust => 'export CARGO=cargo-1.80 RUSTC=rustc-1.80' },
    },
    {   name => 'Fedora', command => 'dnf install',
        perl => 'perl perl-devel', make => 'make', cc => 'gcc', rust => 'cargo',
    },
    {   name => 'Alpine', command => 'apk add',
        perl => 'perl-dev', make => 'make', cc => 'gcc musl-dev', rust => 'cargo',
    },
    { name => 'FreeBSD', command => 'pkg install', perl => 'perl5', rust => 'rust' },
    {   name => 'macOS', command => 'brew install', perl => 'perl', rust => 'rust',
        instead => { make => 'xcode-select --install', cc => 'xcode-select --install' },
    },
    {   name => 'illumos (OpenIndiana)', command => 'pkg install',
        perl => 'build-essential', make => 'build-essential', cc => 'build-essential',
        rust => 'developer/lang/rustc',
    },
    {   name => 'illumos (OmniOS)', command => 'pkg install',
        perl => 'runtime/perl', make => 'developer/build/gnu-make', cc => 'developer/gcc14',
        rust => 'ooce/developer/rust',
    },
);

# What is missing here, for a person to read, or nothing.
sub missing {
    my ( @complaints, %tools );
    for my $check (@CHECKS) {
        my ( $tool, $complaint ) = ( $check->[0], $check->[1]->() );
        next unless defined $complaint;
        push @complaints, $complaint;
        $tools{$tool} = 1;
    }
    return unless @complaints;
    return report( \@complaints, sort keys %tools );
}

sub report {
    my ( $complaints, @tools ) = @_;
    return join "\n",
        'File::FDpasser cannot be built yet. What is missing:', '',
        ( map {"  $_"} @$complaints ), '',
        'The command that installs it:', '',
        ( map { sprintf '  %-23s %s', $_->{name}, command( $_, @tools ) } @SYSTEMS ), '',
        ( grep { $_ eq 'rust' } @tools ) ? rustup_hint() : (),
        "Then run: perl Makefile.PL\n";
}

sub rustup_hint {
    return (
        'Rust for any of these systems, of the newest version: https://rustup.rs',
        'Where rustup is there and has no toolchain yet: rustup default stable', ''
    );
}

sub command {
    my ( $system, @tools ) = @_;
    my @packages = map { split ' ', $system->{$_} // '' } @tools;
    my @commands = map { $system->{instead}{$_} // () } @tools;
    unshift @commands, join ' ', $system->{command}, unique(@packages) if @packages;
    return join( ' && ', unique(@commands) ) || '(part of the system)';
}

sub unique {
    my %seen;
    return grep { !$seen{$_}++ } @_;
}

# Some systems put perl's headers, and many of the modules that belong to it,
# into packages of their own.
sub complaint_about_perl {
    my $header = PerlConfig::core_directory() . '/perl.h';
    return "perl.h, the headers of $^X (looked for as $header)" if !-e $header;
    my @modules = qw(ExtUtils::MakeMaker File::Copy File::Find File::Path Text::ParseWords);
    my ($absent) = grep { my $file = s{::}{/}gr . '.pm'; !eval { require $file } } @modules;
    return $absent && "$absent, a module that belongs to perl";
}

sub complaint_about_make {
    return if PerlConfig::find_program( $Config{make} || 'make' );
    return "$Config{make}, which runs the build";
}

# A compiler without the C library's headers, which the shim's includes, is of
# no use.
sub complaint_about_compiler {
    my $compiler = PerlConfig::compiler() or return 'a C compiler (cc)';
    my $said     = `$compiler -E src/xs/shim.h 2>&1 >/dev/null`;
    return if $? == 0;
    return "a C compiler that works with the C library's headers ($compiler says: " . first_line($said) . ')';
}

sub complaint_about_cargo {
    return 'cargo, the build tool of Rust' if !PerlConfig::find_program( cargo() );
    my $cargo = cargo();
    my $said  = `$cargo --version 2>&1`;
    return if $? == 0;
    return 'a cargo that runs (it says: ' . first_line($said) . ')';
}

sub complaint_about_rustc {
    my $needed = needed_rust();
    return "rustc $needed or newer, the compiler of Rust" if !PerlConfig::find_program( rustc() );
    my %rust = rust();
    return "a rustc that runs (it says: $rust{complaint})" if defined $rust{complaint};
    return if version->parse("v$rust{release}") >= version->parse("v$needed");
    return "rustc $needed or newer (here is $rust{release})";
}

sub cargo { return $ENV{CARGO} || 'cargo' }
sub rustc { return $ENV{RUSTC} || 'rustc' }

# The release and the host triple of the Rust compiler, or its complaint.
sub rust {
    my $rustc = rustc();
    my $said  = `$rustc -vV 2>&1`;
    my ($release) = $said =~ /^release: ([\d.]+)/m;
    my ($host)    = $said =~ /^host: (\S+)/m;
    return ( complaint => first_line($said) ) if $? != 0 || !$release || !$host;
    return ( release => $release, host => $host );
}

# The oldest Rust that will do, from Cargo.toml.
sub needed_rust {
    open my $manifest, '<', 'Cargo.toml' or die "Cargo.toml: $!\n";
    my ($needed) = map { /^rust-version = "([\d.]+)"/ ? $1 : () } <$manifest>;
    return $needed // die "Cargo.toml names no rust-version\n";
}

sub first_line {
    my ($line) = grep {/\S/} split /\n/, shift;
    return $line // 'nothing';
}

1;
