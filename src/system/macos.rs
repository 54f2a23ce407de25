//! macOS.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::unistd::getpeereid;

use super::socket_option;
use crate::identity::{Ids, IdsOf};

pub use super::cloexec_later::*;
pub use super::flock::try_lock;
pub use super::posix::*;

/// renameatx_np(2): the two names change places, or nothing happens.
pub fn rename_exchange(directory: BorrowedFd<'_>, one: &CStr, other: &CStr) -> nix::Result<()> {
    rename(directory, one, other, libc::RENAME_SWAP)
}

/// renameatx_np(2): EEXIST if `to` is there already.
pub fn rename_no_replace(directory: BorrowedFd<'_>, from: &CStr, to: &CStr) -> nix::Result<()> {
    rename(directory, from, to, libc::RENAME_EXCL)
}

#[allow(unsafe_code)]
fn rename(directory: BorrowedFd<'_>, from: &CStr, to: &CStr, flags: u32) -> nix::Result<()> {
    let directory = directory.as_raw_fd();
    let renamed =
        // SAFETY: both names are strings that end with a NUL byte.
        unsafe { libc::renameatx_np(directory, from.as_ptr(), directory, to.as_ptr(), flags) };
    match Errno::result(renamed) {
        Ok(_) => Ok(()),
        // The file system has no such call.
        Err(Errno::ENOTSUP) => Err(Errno::ENOSYS),
        Err(errno) => Err(errno),
    }
}

/// getpeereid(3), and LOCAL_PEERPID while the peer is there: effective ids at
/// the time of connect.
#[allow(unsafe_code)]
pub fn peer_ids(connection: BorrowedFd<'_>) -> nix::Result<Ids> {
    let (uid, gid) = getpeereid(connection)?;
    let pid: nix::Result<libc::pid_t> =
        // SAFETY: any bytes are a process id.
        unsafe { socket_option::get(connection, libc::SOL_LOCAL, libc::LOCAL_PEERPID) };
    Ok(Ids {
        pid: pid.ok().filter(|&pid| pid > 0).map(i64::from),
        uid: Some(i64::from(uid.as_raw())),
        gid: Some(i64::from(gid.as_raw())),
        of: IdsOf::Connection,
    })
}
