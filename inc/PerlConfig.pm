package PerlConfig;

# What the build has to know of the perl that runs this. build.rs asks with
# `perl -Iinc -MPerlConfig -e PerlConfig::print_settings`; Makefile.PL and the
# other modules here call the functions. Loads nothing that a perl without its
# core modules lacks.

use strict;
use warnings;

use Config;

my $MODULE = 'perl/File/FDpasser.pm';

# One `key=value` a line; `ccflag` may come many times.
sub print_settings {
    print map { "$_->[0]=$_->[1]\n" } settings();
}

# Pairs of key and value, in a fixed order.
sub settings {
    my $version = module_version();
    return (
        [ perl          => "$Config{version} $Config{archname}" ],
        [ core          => core_directory() ],
        [ cc            => compiler() ],
        [ pointer_bytes => $Config{ptrsize} ],
        [ multiplicity  => $Config{usemultiplicity} ? 1 : 0 ],
        [ version       => $version ],
        [ crate_version => version->parse($version)->normal ],
        map { [ ccflag => $_ ] } compiler_flags(),
    );
}

# The module's version as it is written in the .pm, its only source.
sub module_version {
    open my $module, '<', $MODULE or die "$MODULE: $!\n";
    while ( my $line = <$module> ) {
        return $1 if $line =~ /^our \$VERSION = '([\d.]+)';/;
    }
    die "$MODULE has no line: our \$VERSION = '...';\n";
}

# The directory of perl.h. Apple keeps its perl's headers in the SDK.
sub core_directory {
    my $core = "$Config{archlibexp}/CORE";
    return $core if $Config{osname} ne 'darwin' || -e "$core/perl.h";
    chomp( my $sdk = `xcrun --show-sdk-path 2>/dev/null` || '' );
    return -e "$sdk$core/perl.h" ? "$sdk$core" : $core;
}

# $CC, else the compiler that made perl if it is here, else cc; '' if there is
# none. May be several words.
sub compiler {
    return $ENV{CC} if length( $ENV{CC} // '' );
    my ($command) = grep { find_program($_) } $Config{cc}, 'cc';
    return $command // '';
}

# The file that the first word of a command line runs, or nothing.
sub find_program {
    my ($program) = split ' ', shift;
    my @candidates = $program =~ m{/} ? $program : map {"$_/$program"} split /:/, $ENV{PATH};
    my ($found)    = grep { -f && -x _ } @candidates;
    return $found;
}

# Config's ccflags as words, without `-arch NAME`: a universal perl names all
# its architectures, this build makes the one that it runs on.
sub compiler_flags {
    my $flags = $Config{ccflags};
    $flags =~ s/(?:^|\s)-arch\s+\S+//g if $Config{osname} eq 'darwin';
    require Text::ParseWords;
    return grep { length } Text::ParseWords::shellwords($flags);
}

1;
