//! NetBSD.

use std::os::fd::BorrowedFd;

use super::socket_option;
use crate::identity::{Ids, IdsOf};

pub use super::cloexec_at_once::*;
pub use super::flock::try_lock;
pub use super::posix::*;
pub use super::ppoll::poll_with_mask;
pub use super::sigtimedwait::take_pending;

/// The level of the options of local sockets; unix(4).
const SOL_LOCAL: i32 = 0;

/// LOCAL_PEEREID, unix(4): effective ids at the time of connect.
#[allow(unsafe_code)]
pub fn peer_ids(connection: BorrowedFd<'_>) -> nix::Result<Ids> {
    let peer: libc::unpcbid =
        // SAFETY: the structure is three integers.
        unsafe { socket_option::get(connection, SOL_LOCAL, libc::LOCAL_PEEREID)? };
    Ok(Ids {
        pid: (peer.unp_pid > 0).then_some(i64::from(peer.unp_pid)),
        uid: Some(i64::from(peer.unp_euid)),
        gid: Some(i64::from(peer.unp_egid)),
        of: IdsOf::Connection,
    })
}
