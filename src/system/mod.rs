//! What differs between systems: whole files with the same list of names,
//! chosen here once.
//!
//! - `HUNG_UP`: the poll(2) event that says so although input is queued
//! - `poll_with_mask`: waits with a signal mask in force, atomically
//! - `SOCKET_FLAGS`, `accept`, `RECEIVE_CLOSE_ON_EXEC`: the flag from the first moment
//! - `PATH_OF_DESCRIPTORS`: names for what is open, to shorten paths with
//! - `ABSTRACT_NAMES`: whether a name may start with a NUL byte
//! - `rename_exchange`, `rename_no_replace`
//! - `bind_with_mode`: a node that is never wider than it should be
//! - `peer_ids`, `note_senders`, `notes_senders`, `ids_of`: who is there, who sent

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use linux::*;

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod portable;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub use portable::*;
