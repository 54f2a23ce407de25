//! The native part of the Perl module File::FDpasser: open file descriptors
//! passed between processes.
//!
//! # The layers, in the order of a call
//!
//! | layer | what it knows |
//! | --- | --- |
//! | `perl/File/FDpasser.pm` | loads this library, exports the names |
//! | `xs` | Perl: arguments, handles, `$!`; the only place that does |
//! | [`operation`] | how a call that may have to wait proceeds, step by step |
//! | [`message`] | the two-byte protocol: bytes in, verdict out |
//! | [`transport`] | how bytes and descriptors travel: `receive`, `send`, `ancillary`; `sysv_stream` |
//! | [`streams`] | the system calls of STREAMS, real or emulated |
//! | [`endpoint`] | names in the file system: create, take over, connect, accept |
//! | [`descriptor`] | modes, flags, free slots in the descriptor table |
//! | [`wait`] | blocking, so that signals get through |
//! | [`error`] | every failure and its errno |
//!
//! Everything but `xs` knows no Perl: it builds and is tested with
//! `--no-default-features`.
//!
//! # Rules that hold everywhere
//!
//! A received number becomes an [`std::os::fd::OwnedFd`] on the next line; only
//! `xs` lets one go, to Perl.  No Rust frame that owns anything is on the stack
//! while Perl code can run: an operation that has to wait, or that has text
//! from the peer, returns a [`operation::Step`] and is entered again.
//!
//! The functions that every pass goes through are `#[inline(always)]`: behind a
//! system call each return costs more than the code it returns from.

#[cfg(not(panic = "unwind"))]
compile_error!(
    "File::FDpasser needs panic = \"unwind\": a panic has to become a Perl exception \
     (is -C panic=abort in RUSTFLAGS or in cargo's configuration?)"
);

pub mod descriptor;
pub mod endpoint;
pub mod error;
pub mod message;
pub mod operation;
pub mod sigpipe;
pub mod streams;
pub mod system;
pub mod text;
pub mod threads;
pub mod transport;
pub mod wait;

#[cfg(feature = "perl")]
mod xs;
