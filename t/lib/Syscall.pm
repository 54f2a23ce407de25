package Syscall;

# System calls that Perl has no function for, on any Linux: their numbers, and
# constants, are those of the C compiler that built the module, or of the
# headers that h2ph has translated for this perl.
#
#     use Syscall;
#
#     defined system_call('sendmsg', fileno $socket, $header, 0) or die "$!";
#     plan skip_all => 'no unshare' if !has_system_call('unshare');
#     constant('SO_PASSCRED');
#     my $limit = pack_64(1024) . pack_64(4096);         # as a u64 of C
#     my $old = descriptor_limit(64);                    # RLIMIT_NOFILE
#
# A string is passed as a pointer to it, a number as itself.

use strict;
use warnings;

use Config;
use Exporter 'import';
use File::Temp ();

our @EXPORT = qw(system_call has_system_call constant pack_64 unpack_64
    descriptor_limit);

my @CALLS = qw(fcntl pread64 prlimit64 recvmsg sendmmsg sendmsg setgroups setgroups32
    setxattr unshare utimensat utimensat_time64);

# As most machines have them.
my %CONSTANTS = (
    RLIMIT_NOFILE => 7, SO_PASSCRED => 16, SO_PASSPIDFD => 76, SO_PASSSEC => 34,
    SO_TIMESTAMP => 29, SO_TIMESTAMPING => 37,
);

# Found once, also for the programs that a test runs.
my $CACHE = 'FDPASSER_SYSCALLS';
$ENV{$CACHE} = join ' ', %{ known() } if !defined $ENV{$CACHE};
my %found  = split ' ', ($ENV{$CACHE} =~ /\A([\w ]*)\z/)[0];
my %number = (%CONSTANTS, map { $_ => 0 + $found{$_} } keys %found);    # no strings

sub known {
    return {} if $^O ne 'linux';
    my %known = by_compiler();
    return %known ? \%known : { by_headers() };
}

# What the preprocessor makes of the names: numbers, or sums of numbers.
sub by_compiler {
    delete local @ENV{qw(IFS CDPATH ENV BASH_ENV)} if ${^TAINT};
    local $ENV{PATH} = '/usr/bin:/bin' if ${^TAINT};
    my @names  = ((map {"SYS_$_"} @CALLS), keys %CONSTANTS);
    my $source = File::Temp->new(SUFFIX => '.c', TMPDIR => 1);
    print {$source} <<'HEAD', map {qq{"$_" = $_ ;\n}} @names;
#include <sys/syscall.h>
#include <sys/socket.h>
#ifdef __GLIBC__
#include <asm/resource.h>
#else
#include <sys/resource.h>
#endif
HEAD
    close $source or die "$source: $!";
    my $made = `$Config{cc} $Config{ccflags} -E '$source' 2>/dev/null`;
    $made =~ s/^#.*\n//mg;    # where a line came from, also within one of ours
    my %known = $made =~ /"(?:SYS_)?(\w+)" = ([\d\sxa-fA-F()+]*\d[\d\sxa-fA-F()+]*);/g;
    return map { $_ => eval $known{$_} } keys %known;
}

sub by_headers {
    local ($@, $SIG{__WARN__}) = ('', sub { });
    package main;    # h2ph's functions are there
    eval { require 'sys/syscall.ph' } or return;
    return map { $_ => scalar eval "&main::SYS_$_()" } grep { defined &{"main::SYS_$_"} } @CALLS;
}

sub has_system_call { my ($name) = @_; return defined $number{$name} }

# The system may write into the arguments themselves.
sub system_call {
    my $got = syscall $number{ $_[0] }, @_[ 1 .. $#_ ];
    return $got == -1 ? undef : $got;
}

sub constant { my ($name) = @_; return $number{$name} }

# Perls have no Q where their numbers have 32 bits.
my $BIG_ENDIAN = pack('S', 1) eq "\0\1";

sub pack_64 {
    my ($number) = @_;
    return pack 'L L', $BIG_ENDIAN ? (0, $number) : ($number, 0);
}

# What does not fit into 32 bits is as large as those can be.
sub unpack_64 {
    my ($low, $high) = unpack 'L L', $_[0];
    ($low, $high) = ($high, $low) if $BIG_ENDIAN;
    return $high ? 0xFFFF_FFFF : $low;
}

# descriptor_limit(), descriptor_limit($soft): the soft RLIMIT_NOFILE as it was;
# sets another, at run time, without a shell.
sub descriptor_limit {
    my @new = @_;
    my ($soft, $hard) = limits();
    limit_descriptors(pack_64($new[0]) . $hard, 0) if @new;
    return unpack_64($soft);
}

sub most_descriptors { return unpack_64((limits())[1]) }

# The soft one and the hard one, packed.
sub limits {
    my $limits = "\0" x 16;
    limit_descriptors(0, $limits);
    return unpack 'a8 a8', $limits;
}

sub limit_descriptors {
    defined system_call('prlimit64', 0, constant('RLIMIT_NOFILE'), $_[0], $_[1])
        or die "prlimit: $!";
}

1;
