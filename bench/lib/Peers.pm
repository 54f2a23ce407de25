package Peers;

# The programs that are compared: how each is started, what it is called, and
# which are missing here, and why.

use strict;
use warnings;

use Config;
use Exporter 'import';

our @EXPORT = qw(find_peers run_peer);

# find_peers($build): { NAME => { title, command => [...], does => {...} } }
# and { NAME => why it is missing }. What has to be compiled goes to $build.
sub find_peers {
    my $build = shift;
    my ( %found, %missing );
    for my $peer ( all($build) ) {
        my $name = $peer->{name};
        my $version = eval { $peer->{prepare}->() };
        if ( defined $version && eval { $peer->{does} = works_of($peer); 1 } ) {
            $found{$name} = { %$peer, version => $version };
        }
        else {
            ( $missing{$name} = $@ || "it does not start\n" ) =~ s/\s+\z//;
        }
    }
    return ( \%found, \%missing );
}

sub all {
    my $build = shift;
    my $perl  = sub { ( $^X, "bench/peers/$_[0].pl" ) };
    return (
        {
            name    => 'fdpasser',
            title   => 'File::FDpasser',
            command => [ $^X, "-I$build/lib", 'bench/peers/fdpasser.pl' ],
            prepare => sub { install("$build/lib") },
        },
        {
            name    => 'io_fdpass',
            title   => 'IO::FDPass',
            command => [ $perl->('io_fdpass') ],
            prepare => sub { version_of('IO::FDPass') },
        },
        {
            name    => 'socket_msghdr',
            title   => 'Socket::MsgHdr',
            command => [ $perl->('socket_msghdr') ],
            prepare => sub { version_of('Socket::MsgHdr') },
        },
        {
            name    => 'io_socket_unix',
            title   => 'IO::Socket::UNIX',
            command => [ $perl->('io_socket_unix') ],
            prepare => sub { version_of('IO::Socket::UNIX') },
        },
        {
            name    => 'perl_builtins',
            title   => 'Perl built-ins',
            command => [ $perl->('perl_builtins') ],
            prepare => sub { sprintf 'perl %vd', $^V },
        },
        {
            name    => 'python',
            title   => 'Python',
            command => [ 'python3', 'bench/peers/python.py' ],
            prepare => sub { first_line( 'python3', '--version' ) },
        },
        {
            name    => 'ruby',
            title   => 'Ruby',
            command => [ 'ruby', 'bench/peers/ruby.rb' ],
            prepare => sub { first_line( 'ruby', '--version' ) },
        },
        {
            name    => 'core',
            title   => 'Rust core alone',
            command => ["$build/core/release/fdpasser-core"],
            prepare => sub { build_core("$build/core") },
        },
        {
            name    => 'floor',
            title   => 'C floor',
            command => ["$build/floor"],
            prepare => sub { build_floor("$build/floor") },
        },
    );
}

# run_peer($peer, @arguments): what it printed; dies if it failed.
sub run_peer {
    my ( $peer, @arguments ) = @_;
    return output( @{ $peer->{command} }, @arguments );
}

sub works_of {
    my $peer = shift;
    return { map { $_ => 1 } split /\n/, run_peer($peer) };
}

sub version_of {
    my $module = shift;
    return first_line( $^X, "-M$module", '-e', "print $module->VERSION" );
}

# As `make install` does it: all in one directory, where XSLoader finds the
# library at once.
sub install {
    my $directory = shift;
    mkdir $directory or die "$directory: $!\n";
    output( qw(cp -R blib/lib/. blib/arch/.), $directory );
    return first_line( $^X, "-I$directory", '-MFile::FDpasser', '-e', 'print File::FDpasser->VERSION' );
}

sub build_floor {
    my $program = shift;
    output( split( ' ', $Config{cc} ), qw(-O2 -o), $program, 'bench/peers/floor.c' );
    return first_line( split( ' ', $Config{cc} ), '--version' );
}

sub build_core {
    my $directory = shift;
    output( qw(cargo build --quiet --release --locked --manifest-path bench/core/Cargo.toml --target-dir), $directory );
    return first_line( 'rustc', '--version' );
}

sub first_line {
    my ($line) = split /\n/, output(@_);
    return $line;
}

sub output {
    my @command = @_;
    defined( my $child = open my $pipe, '-|' ) or die "fork: $!\n";
    if ( !$child ) {
        open STDERR, '>&', \*STDOUT;
        exec { $command[0] } @command or print "$command[0]: $!\n";
        require POSIX;
        close STDOUT;
        POSIX::_exit(1);
    }
    my $output = do { local $/; <$pipe> };
    return $output if close $pipe;
    $output = defined $output && $output =~ /(\S[^\n]*)/ ? $1 : 'no output';
    die "$command[0] fails: $output\n";
}

1;
