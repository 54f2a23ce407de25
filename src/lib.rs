//! The native part of the Perl module File::FDpasser: open file descriptors
//! passed between processes.
//!
//! # The layers, in the order of a call
//!
//! | layer | what it knows |
//! | --- | --- |
//! | `perl/File/FDpasser.pm` | loads this library, exports the names |
//! | `xs` | Perl: arguments, handles, `$!`; the only place that does |
//! | [`passing`] | the front door: what can be asked for; picks the transport |
//! | [`operation`] | how a call that may have to wait proceeds, step by step |
//! | [`transport`] | how bytes and descriptors travel: over a `socket`, over a `stream` |
//! | [`endpoint`] | names in the file system: to look at, to take over |
//! | [`system`] | what differs between systems |
//!
//! What these work with:
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`message`] | the two-byte protocol: bytes in, verdict out |
//! | [`half_read`] | which connections have given half a message |
//! | [`text`] | the peer's text: handed on in pieces, shown on a terminal |
//! | [`wait`] | blocking, so that signals get through |
//! | [`slots`] | free numbers in the table of descriptors, proved |
//! | [`threads`] | whether others may take them meanwhile |
//! | [`descriptor`] | modes, flags, what is behind one; those that nobody has taken yet |
//! | [`identity`] | who somebody is |
//! | [`sigpipe`] | holding that signal back |
//! | [`error`] | every failure and its errno |
//!
//! Everything but `xs` knows no Perl: it builds and is tested with
//! `--no-default-features`.  [`passing`] has an example that runs.
//!
//! # One call, from Perl to the kernel and back
//!
//! `my $fh = recv_fh($conn)`:
//!
//! 1. `xs/trampoline.c` is every XSUB.  `xs/arguments.c` reads `$conn`, which may
//!    run Perl code: nothing is owned yet.
//! 2. `xs/boundary.rs` is entered, finds the row in `xs/table.rs`, and calls
//!    `recv_fh` of `xs/subs.rs`, which asks [`passing::receive`].
//! 3. [`passing`] sees that the descriptor is a socket ([`transport`]) and begins
//!    a [`transport::socket::Receive`].
//! 4. `socket/receive.rs` takes two bytes (`socket/take.rs`): a slot in the table
//!    is proved free ([`slots`]), then `socket/control.rs` makes the one recvmsg(2)
//!    and walks the control messages; each number is an owner at once.
//! 5. The bytes are a message ([`message`]): the operation is over, with an
//!    [`operation::Answer`].  Had nothing been there it would have asked for a
//!    wait: C calls `fdp_wait` ([`wait`]), with nothing of Rust's on the stack,
//!    and enters again.
//! 6. `xs/answer.rs` gives the descriptor to the call; `xs/handle.c` makes the
//!    handle that owns it from then on, and `xs/trampoline.c` sets `$!` last.
//!
//! # Rules that hold everywhere
//!
//! A received number becomes an [`std::os::fd::OwnedFd`] on the next line; only
//! `xs` lets one go, to Perl.  No Rust frame that owns anything is on the stack
//! while Perl code can run: an operation that has to wait, or that has text
//! from the peer, returns a [`operation::Step`] and is entered again.  What it
//! holds then is never a descriptor that has come.
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
pub mod half_read;
pub mod identity;
pub mod message;
pub mod operation;
pub mod passing;
pub mod sigpipe;
pub mod slots;
pub mod system;
pub mod text;
pub mod threads;
pub mod transport;
pub mod wait;

#[cfg(feature = "perl")]
mod xs;
