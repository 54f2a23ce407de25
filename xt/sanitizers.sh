#!/bin/sh
# The tests in t/ with a library that checks its own memory: its C side under
# AddressSanitizer and UndefinedBehaviorSanitizer, and where there is a nightly
# Rust its Rust side under AddressSanitizer as well. perl itself is as it is,
# but its memory comes from the sanitizer's allocator. Works on a copy.
#
#     sh xt/sanitizers.sh                 # all tests that can run like this
#     sh xt/sanitizers.sh t/wire_text.t   # these
set -eu
cd "$(dirname "$0")/.."

copy=$(mktemp -d "${TMPDIR:-/tmp}/fdpasser-sanitizers-XXXXXX")
trap 'rm -rf "$copy"' EXIT
tar --exclude=./.git --exclude=target --exclude=./blib --exclude=./Makefile -cf - . | tar -xf - -C "$copy"
cd "$copy"

if rustup run nightly rustc --version >/dev/null 2>&1; then
    RUSTUP_TOOLCHAIN=nightly RUSTFLAGS='-Zsanitizer=address -Cforce-frame-pointers=yes'
    export RUSTUP_TOOLCHAIN RUSTFLAGS
fi
CFLAGS='-fsanitize=address,undefined -fno-omit-frame-pointer -g -O1' \
CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_STRIP=false CARGO_PROFILE_RELEASE_DEBUG=1 \
    sh -c 'perl Makefile.PL && make' >build.log 2>&1 || { cat build.log; exit 1; }

# Not those that step through the system calls of a program, which are others
# here.
[ $# -gt 0 ] || set -- $(grep -L -e Stepped -e strace t/*.t)
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" \
FDPASSER_PATIENCE=10 ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    prove -b -j"$(nproc)" "$@"
