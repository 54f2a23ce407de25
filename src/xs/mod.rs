//! All that knows Perl.
//!
//! `shim.h` is the whole contract with C: C reads the arguments, runs Perl
//! code and makes scalars; Rust does the work in between, in steps.

mod answer;
#[allow(clippy::all)]
mod bindings;
mod boot;
mod boundary;
mod call;
mod options;
mod panic;
mod subs;
mod table;
