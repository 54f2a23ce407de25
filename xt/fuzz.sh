#!/bin/sh
# Each fuzz target for some seconds, beginning with the inputs that are in the
# repository. New inputs and what the fuzzer says are kept in target/, an input
# that fails in xt/fuzz/artifacts. Where there is no nightly Rust nothing is run.
#
#     sh xt/fuzz.sh        # 20 seconds each
#     sh xt/fuzz.sh 600
set -eu
cd "$(dirname "$0")/.."

seconds=${1:-20}
if ! rustup run nightly rustc --version >/dev/null 2>&1; then
    echo 'There is no nightly Rust to fuzz with.'
    exit 0
fi
unset RUSTFLAGS # cargo-fuzz has its own
if ! cargo fuzz --version >/dev/null 2>&1; then
    cargo install --quiet --locked --version 0.13.2 --root target/cargo-fuzz cargo-fuzz
    PATH="$PWD/target/cargo-fuzz/bin:$PATH"
fi
for target in front control_messages receive; do
    found=target/fuzz-corpus/$target
    mkdir -p "$found"
    if ! cargo +nightly fuzz run --fuzz-dir xt/fuzz --target-dir target/fuzz "$target" \
        "$found" "xt/fuzz/corpus/$target" -- -max_total_time="$seconds" -max_len=512 \
        >"$found.log" 2>&1
    then
        cat "$found.log"
        exit 1
    fi
    printf '%s: ' "$target"
    tail -1 "$found.log"
done
