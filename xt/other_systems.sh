#!/bin/sh
# Type-checks the Perl-free core for systems other than this one. Rust's own
# library is checked along, from source: on Debian cargo-web and rust-web-src
# bring what this needs, so they are used whatever else is on PATH.
set -eu
cd "$(dirname "$0")/.."

PATH=/usr/bin:/bin
RUSTC_BOOTSTRAP=1 # allows -Zbuild-std
export PATH RUSTC_BOOTSTRAP

for target in \
    aarch64-apple-darwin \
    i686-unknown-linux-gnu \
    x86_64-unknown-freebsd \
    x86_64-unknown-illumos \
    x86_64-unknown-linux-musl \
    x86_64-unknown-netbsd \
    x86_64-unknown-openbsd
do
    echo "$target"
    cargo check --quiet --locked --no-default-features --lib \
        -Zbuild-std=std,panic_unwind --target "$target" --target-dir target/other_systems
done
