#!/bin/sh
# Type-checks the Perl-free core for systems other than this one: all that it is
# written for, of 32 and 64 bits and either byte order, or those that are named. Rust's own library is checked along,
# from source, which has to be of the same version as cargo: as Debian's are
# (12: cargo-web, rust-web-src; 13: cargo, rust-src), whatever else is on PATH.
#
#     xt/other_systems.sh
#     xt/other_systems.sh x86_64-pc-solaris
set -eu
cd "$(dirname "$0")/.."

PATH=/usr/bin:/bin
RUSTC_BOOTSTRAP=1 # allows -Zbuild-std
# With crt-static musl has no shared libraries, and not every system unwinds unless
# told to. Rust's library would be compiled, not only checked.
RUSTFLAGS='-D warnings -C target-feature=-crt-static -C panic=unwind -Z no-codegen'
CARGO_PROFILE_DEV_DEBUG=0
export PATH RUSTC_BOOTSTRAP RUSTFLAGS CARGO_PROFILE_DEV_DEBUG

[ $# -gt 0 ] || set -- \
    aarch64-apple-darwin \
    aarch64-linux-android \
    armv7-linux-androideabi \
    armv7-unknown-linux-gnueabihf \
    i686-linux-android \
    i686-unknown-linux-gnu \
    s390x-unknown-linux-gnu \
    x86_64-pc-solaris \
    x86_64-unknown-dragonfly \
    x86_64-unknown-freebsd \
    x86_64-unknown-illumos \
    x86_64-unknown-linux-gnux32 \
    x86_64-unknown-linux-musl \
    x86_64-unknown-netbsd \
    x86_64-unknown-openbsd

for target do
    set -- "$@" --target "$target"
    shift
done
cargo check --quiet --locked --no-default-features --lib \
    -Zbuild-std=std,panic_unwind -Zbuild-std-features=panic-unwind \
    --target-dir target/other_systems "$@"
