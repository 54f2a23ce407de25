//! DragonFly BSD.

use std::os::fd::BorrowedFd;

use nix::unistd::getpeereid;

use crate::identity::{Ids, IdsOf};

pub use super::cloexec_at_once::{
    accept, after_receive, socket, socketpair, RECEIVE_CLOSE_ON_EXEC,
};
pub use super::flock::try_lock;
pub use super::posix::{
    abstract_address, bind_with_mode, ids_of, is_any_free, is_same_file, note_senders,
    notes_senders, rename_exchange, rename_no_replace, unasked_descriptor, ABSTRACT_NAMES, HUNG_UP,
    OPEN_AS_NAME, PATH_OF_DESCRIPTORS, WORDS_FOR_CREDENTIALS,
};
pub use super::posix::{memory_file, peer_groups, peer_process};
pub use super::ppoll::poll_with_mask;
pub use super::sigtimedwait::take_pending;

/// getpeereid(3): effective ids at the time of connect; no process id.
pub fn peer_ids(connection: BorrowedFd<'_>) -> nix::Result<Ids> {
    let (uid, gid) = getpeereid(connection)?;
    Ok(Ids {
        pid: None,
        uid: Some(i64::from(uid.as_raw())),
        gid: Some(i64::from(gid.as_raw())),
        of: IdsOf::Connection,
    })
}
