//! What differs between systems: whole files with the same list of names, one
//! chosen here, once.  A file says where each name comes from: what systems
//! have in common is in files of its own, and `posix` has what all of them have.
//!
//! - `HUNG_UP`: the poll(2) event that says so although input is queued
//! - `poll_with_mask`: waits, with a signal mask in force, atomically
//! - `select_with_mask`: the same where there is no poll(2)
//! - `take_pending`: a signal that was blocked when it came
//! - `socket`, `nonblocking_socket`, `socketpair`, `accept`, `RECEIVE_CLOSE_ON_EXEC`,
//!   `after_receive`: close-on-exec, from the first moment where that can be had
//! - `listen`: with a queue of any length
//! - `OPEN_AS_NAME`: open(2) for what is only to be named
//! - `PATH_OF_DESCRIPTORS`: names for what is open, to shorten paths with
//! - `ABSTRACT_NAMES`, `abstract_address`: names outside the file system
//! - `rename_exchange`, `rename_no_replace`, `try_lock`: taking a name over
//! - `bind_with_mode`, `give_mode_back`: a node that is never wider than it should
//!   be, and then as wide
//! - `peer_ids`, `peer_process`, `peer_groups`: who is at the other end
//! - `memory_file`: a file that is sealed
//! - `note_senders`, `ids_of`: who sent
//! - `position`: where a file stands, however far
//! - `NOT_OVER_TCP`, `NOT_OVER_UDP`: what a pass has on it that only local sockets take
//! - `limit`, `is_any_free`, `are_free`: room in the table of descriptors
//! - `unasked_descriptor`, `is_same_file`
//! - `socket_option`: what a socket says of itself; `stat`: what a file is

// What the families are, and what they have, says build.rs.

#[cfg(linux_kernel)]
#[path = "linux.rs"]
mod current;
#[cfg(target_os = "freebsd")]
#[path = "freebsd.rs"]
mod current;
#[cfg(target_os = "dragonfly")]
#[path = "dragonfly.rs"]
mod current;
#[cfg(target_os = "netbsd")]
#[path = "netbsd.rs"]
mod current;
#[cfg(target_os = "openbsd")]
#[path = "openbsd.rs"]
mod current;
#[cfg(target_os = "macos")]
#[path = "macos.rs"]
mod current;
#[cfg(target_os = "illumos")]
#[path = "illumos.rs"]
mod current;
#[cfg(target_os = "solaris")]
#[path = "solaris.rs"]
mod current;
#[cfg(not(known_system))]
#[path = "other.rs"]
mod current;

mod listen;
mod select;
pub mod socket_option;
pub mod stat;

pub use current::*;
pub use listen::listen;
pub use select::select_with_mask;

// What Linux does not need is tested there all the same.
#[cfg(any(test, not(linux_kernel)))]
mod posix;

#[cfg(has_accept4)]
mod cloexec_at_once;
#[cfg(any(test, not(has_accept4)))]
mod cloexec_later;
#[cfg(has_flock)]
mod flock;
#[cfg(has_memfd)]
mod memory_file;
#[cfg(linux_kernel)]
mod peer_process;
#[cfg(has_ppoll)]
mod ppoll;
#[cfg(has_sigtimedwait)]
mod sigtimedwait;
#[cfg(has_narrow_stat)]
mod statx;
#[cfg(solarish)]
mod ucred;
