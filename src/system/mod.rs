//! What differs between systems: whole files with the same list of names, one
//! chosen here, once.  A file says where each name comes from: what systems
//! have in common is in files of its own, and `posix` has what all of them have.
//!
//! - `HUNG_UP`: the poll(2) event that says so although input is queued
//! - `poll_with_mask`: waits with a signal mask in force, atomically
//! - `select_with_mask`: the same where there is no poll(2)
//! - `take_pending`: a signal that was blocked when it came
//! - `socket`, `socketpair`, `accept`, `RECEIVE_CLOSE_ON_EXEC`, `after_receive`:
//!   close-on-exec, from the first moment where that can be had
//! - `OPEN_AS_NAME`: open(2) for what is only to be named
//! - `PATH_OF_DESCRIPTORS`: names for what is open, to shorten paths with
//! - `ABSTRACT_NAMES`, `abstract_address`: names outside the file system
//! - `rename_exchange`, `rename_no_replace`, `try_lock`: taking a name over
//! - `bind_with_mode`: a node that is never wider than it should be
//! - `peer_ids`, `peer_process`, `peer_groups`: who is at the other end
//! - `memory_file`: a file that is sealed
//! - `note_senders`, `notes_senders`, `ids_of`, `WORDS_FOR_CREDENTIALS`: who sent
//! - `unasked_descriptor`, `is_any_free`, `is_same_file`

#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "linux.rs"]
mod chosen;
#[cfg(target_os = "freebsd")]
#[path = "freebsd.rs"]
mod chosen;
#[cfg(target_os = "dragonfly")]
#[path = "dragonfly.rs"]
mod chosen;
#[cfg(target_os = "netbsd")]
#[path = "netbsd.rs"]
mod chosen;
#[cfg(target_os = "openbsd")]
#[path = "openbsd.rs"]
mod chosen;
#[cfg(target_os = "macos")]
#[path = "macos.rs"]
mod chosen;
#[cfg(target_os = "illumos")]
#[path = "illumos.rs"]
mod chosen;
#[cfg(target_os = "solaris")]
#[path = "solaris.rs"]
mod chosen;
#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "macos",
    target_os = "illumos",
    target_os = "solaris",
)))]
#[path = "other.rs"]
mod chosen;

mod select;

pub use chosen::*;
pub use select::select_with_mask;

// What Linux does not need is tested there all the same.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
mod posix;

#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "illumos",
))]
mod cloexec_at_once;
#[cfg(any(
    test,
    not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "dragonfly",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "illumos",
    ))
))]
mod cloexec_later;

#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "macos",
    target_os = "illumos",
))]
mod flock;

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
mod memory_file;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod peer_process;

#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_os = "netbsd",
    target_os = "openbsd",
))]
mod ppoll;

#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_os = "netbsd",
))]
mod sigtimedwait;

#[cfg(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"))]
mod socket_option;

#[cfg(any(target_os = "illumos", target_os = "solaris"))]
mod ucred;
