package VendoredCrates;

# Puts the crates that Cargo.lock names into a distribution that `make dist`
# is about to pack, so that it builds without a network:
# `perl -Iinc -MVendoredCrates -e VendoredCrates::run CARGO DIRECTORY`.
# A git checkout has none of this and takes them from the registry.

use strict;
use warnings;

use ExtUtils::Manifest ();
use File::Find         ();
use File::Path         ();
use JSON::PP           ();

# Below the top of the distribution.
my $CRATES        = 'vendor';
my $CONFIGURATION = '.cargo/config.toml';

# What of a crate its build reads, and its licences. The rest (tests, change
# logs, CI) is left out.
my $NEEDED = qr{\A (?: Cargo\.toml | build\.rs | src/.* | (?:LICEN[CS]E|COPYING|COPYRIGHT|NOTICE)[^/]* ) \z}x;

sub run {
    my ( $cargo, $distribution ) = @ARGV;
    chdir $distribution or die "$distribution: $!\n";
    return if -d $CRATES;    # packed again from an unpacked distribution
    copy_crates($cargo);
    trim($_) for glob "$CRATES/*";
    configure_cargo();
    list_in_manifest( $CONFIGURATION, files_below($CRATES) );
}

sub copy_crates {
    my $cargo = shift;
    system("$cargo vendor --quiet --locked --versioned-dirs $CRATES") == 0
        or die "cargo could not copy the crates of Cargo.lock\n";
}

# Read by every cargo that runs in the distribution, or below.
sub configure_cargo {
    File::Path::make_path('.cargo');
    write_file( $CONFIGURATION, <<"TOML" );
[source.crates-io]
replace-with = "the crates of the distribution"

[source."the crates of the distribution"]
directory = "$CRATES"
TOML
}

# cargo compares each file that the list of checksums names, so that what goes
# has to go from there too. The checksum of the whole crate, which Cargo.lock
# names, stays.
sub trim {
    my $crate = shift;
    my $list  = JSON::PP->new->canonical->decode( read_file("$crate/.cargo-checksum.json") );
    for my $file ( map {s{^\Q$crate\E/}{}r} files_below($crate) ) {
        next if $file eq '.cargo-checksum.json' || $file =~ $NEEDED;
        unlink "$crate/$file" or die "$crate/$file: $!\n";
        delete $list->{files}{$file};
    }
    File::Find::finddepth( sub { rmdir if -d }, $crate );    # those that are empty now
    write_file( "$crate/.cargo-checksum.json", JSON::PP->new->canonical->encode($list) );
}

sub list_in_manifest {
    ExtUtils::Manifest::maniadd( { map { $_ => '' } @_ } );
}

sub files_below {
    my $top = shift;
    my @files;
    File::Find::find( { wanted => sub { push @files, $_ if -f }, no_chdir => 1 }, $top );
    @files = sort @files;
    return @files;
}

sub read_file {
    my $file = shift;
    open my $handle, '<', $file or die "$file: $!\n";
    local $/;
    return scalar <$handle>;
}

sub write_file {
    my ( $file, $content ) = @_;
    open my $handle, '>', $file or die "$file: $!\n";
    print {$handle} $content;
    close $handle or die "$file: $!\n";
}

1;
