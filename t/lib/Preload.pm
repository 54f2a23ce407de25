package Preload;

# Programs in which a system call of the native library, or of perl, does what
# only a race or another system could bring: a small library in C (LD_PRELOAD)
# stands between them and libc.
#
#     use Preload;                         # skips the test where it can't work
#
#     my $library = library(<<'END');      # an object: gone when dropped
#     int poll(void *fds, unsigned long n, int timeout)
#     {
#         REAL(int, poll, (void *, unsigned long, int));
#         return IS_OURS ? 1 : real(fds, n, timeout);
#     }
#     END
#     local $ENV{LD_PRELOAD} = $library->path;

use strict;
use warnings;

use Config;
use Exporter 'import';
use File::Temp ();
use Test::More ();

our @EXPORT = qw(library);

my $HEAD = <<'END';
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Whether the call comes from the library that is tested. */
static int is_ours(const void *caller)
{
    Dl_info who;
    return dladdr(caller, &who) && strstr(who.dli_fname, "FDpasser");
}
#define IS_OURS is_ours(__builtin_return_address(0))
#define REAL(type, name, parameters) \
    type (*real) parameters = (type (*) parameters)dlsym(RTLD_NEXT, #name)
END

sub library {
    my ($source) = @_;
    Test::More::plan(skip_all => "LD_PRELOAD is used on Linux only, not on $^O") if $^O ne 'linux';
    my $directory = File::Temp->newdir('fdpasser-XXXXXX', TMPDIR => 1);
    open my $out, '>', "$directory/library.c" or die "$directory: $!";
    print {$out} $HEAD, $source;
    close $out or die "$directory: $!";
    my $command = "$Config{cc} -shared -fPIC -w -fno-builtin -o $directory/library.so $directory/library.c -ldl";
    Test::More::plan(skip_all => "no library can be made with $Config{cc}")
        if system("$command >$directory/log 2>&1") != 0;
    return bless { directory => $directory }, __PACKAGE__;
}

sub path { my ($self) = @_; return "$self->{directory}/library.so" }

1;
