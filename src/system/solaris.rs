//! Solaris.

pub use super::cloexec_later::{accept, after_receive, socket, socketpair, RECEIVE_CLOSE_ON_EXEC};
pub use super::posix::{
    abstract_address, bind_with_mode, ids_of, is_any_free, is_same_file, note_senders,
    notes_senders, poll_with_mask, rename_exchange, rename_no_replace, take_pending, try_lock,
    unasked_descriptor, ABSTRACT_NAMES, HUNG_UP, OPEN_AS_NAME, PATH_OF_DESCRIPTORS,
    WORDS_FOR_CREDENTIALS,
};
pub use super::posix::{memory_file, peer_groups, peer_process};
pub use super::ucred::peer_ids;
