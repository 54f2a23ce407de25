//! FreeBSD.

use std::os::fd::BorrowedFd;

use nix::fcntl::OFlag;
use nix::poll::PollFlags;

use super::socket_option;
use crate::identity::{Ids, IdsOf};

pub use super::cloexec_at_once::*;
pub use super::flock::try_lock;
pub use super::memory_file::memory_file;
pub use super::posix::*;
pub use super::ppoll::poll_with_mask;
pub use super::sigtimedwait::take_pending;

/// What poll(2) says of a peer that has closed, or shut down its side.
pub const HUNG_UP: PollFlags = PollFlags::from_bits_retain(libc::POLLRDHUP);

/// open(2) for what is only to be named, not read; it takes no read permission.
pub const OPEN_AS_NAME: OFlag = OFlag::O_PATH;

/// LOCAL_PEERCRED, unix(4): effective ids at the time of connect.
#[allow(unsafe_code)]
pub fn peer_ids(connection: BorrowedFd<'_>) -> nix::Result<Ids> {
    let peer: libc::xucred =
        // SAFETY: the structure is integers, and a pointer that nobody follows.
        unsafe { socket_option::get(connection, libc::SOL_LOCAL, libc::LOCAL_PEERCRED)? };
    // SAFETY: as far as it is a process id all of its bytes are one.
    let pid = unsafe { peer.cr_pid__c_anonymous_union.cr_pid };
    Ok(Ids {
        // Known since FreeBSD 13.
        pid: (pid > 0).then_some(i64::from(pid)),
        uid: Some(i64::from(peer.cr_uid)),
        gid: (peer.cr_ngroups > 0).then_some(i64::from(peer.cr_groups[0])),
        of: IdsOf::Connection,
    })
}
