//! OpenBSD.

use std::os::fd::BorrowedFd;

use super::socket_option;
use crate::identity::{Ids, IdsOf};

pub use super::cloexec_at_once::*;
pub use super::flock::try_lock;
pub use super::posix::*;
pub use super::ppoll::poll_with_mask;

/// SO_PEERCRED, getsockopt(2): effective ids at the time of connect.
#[allow(unsafe_code)]
pub fn peer_ids(connection: BorrowedFd<'_>) -> nix::Result<Ids> {
    let peer: libc::sockpeercred =
        // SAFETY: the structure is three integers.
        unsafe { socket_option::get(connection, libc::SOL_SOCKET, libc::SO_PEERCRED)? };
    Ok(Ids {
        pid: (peer.pid > 0).then_some(i64::from(peer.pid)),
        uid: Some(i64::from(peer.uid)),
        gid: Some(i64::from(peer.gid)),
        of: IdsOf::Connection,
    })
}
