//! illumos.

use nix::poll::PollFlags;

pub use super::cloexec_at_once::{
    accept, after_receive, socket, socketpair, RECEIVE_CLOSE_ON_EXEC,
};
pub use super::flock::try_lock;
pub use super::posix::{
    abstract_address, bind_with_mode, ids_of, is_any_free, is_same_file, note_senders,
    notes_senders, poll_with_mask, rename_exchange, rename_no_replace, take_pending,
    unasked_descriptor, ABSTRACT_NAMES, OPEN_AS_NAME, PATH_OF_DESCRIPTORS, WORDS_FOR_CREDENTIALS,
};
pub use super::posix::{memory_file, peer_groups, peer_process};
pub use super::ucred::peer_ids;

/// What poll(2) says of a peer that has closed, or shut down its side.
pub const HUNG_UP: PollFlags = PollFlags::from_bits_retain(libc::POLLRDHUP);
