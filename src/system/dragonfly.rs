//! DragonFly BSD.

use std::os::fd::BorrowedFd;

use nix::unistd::getpeereid;

use crate::identity::{Ids, IdsOf};

pub use super::cloexec_at_once::*;
pub use super::flock::try_lock;
pub use super::posix::*;
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
