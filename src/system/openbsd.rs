//! OpenBSD.

use std::os::fd::BorrowedFd;

use super::socket_option;
use crate::identity::{Ids, IdsOf};

pub use super::cloexec_at_once::{
    accept, after_receive, socket, socketpair, RECEIVE_CLOSE_ON_EXEC,
};
pub use super::flock::try_lock;
pub use super::posix::{
    abstract_address, bind_with_mode, ids_of, is_any_free, is_same_file, note_senders,
    notes_senders, rename_exchange, rename_no_replace, take_pending, unasked_descriptor,
    ABSTRACT_NAMES, HUNG_UP, OPEN_AS_NAME, PATH_OF_DESCRIPTORS, WORDS_FOR_CREDENTIALS,
};
pub use super::posix::{memory_file, peer_groups, peer_process};
pub use super::ppoll::poll_with_mask;

/// SO_PEERCRED, getsockopt(2): effective ids at the time of connect.
#[allow(unsafe_code)]
pub fn peer_ids(connection: BorrowedFd<'_>) -> nix::Result<Ids> {
    // SAFETY: the structure is three integers.
    let peer: libc::sockpeercred =
        unsafe { socket_option::get(connection, libc::SOL_SOCKET, libc::SO_PEERCRED)? };
    Ok(Ids {
        pid: (peer.pid > 0).then_some(i64::from(peer.pid)),
        uid: Some(i64::from(peer.uid)),
        gid: Some(i64::from(peer.gid)),
        of: IdsOf::Connection,
    })
}
