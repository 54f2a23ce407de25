//! A lock on an open directory; flock(2).

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

/// Locked until dropped.
#[derive(Debug)]
pub struct Lock<'a>(BorrowedFd<'a>);

/// None if somebody else has it.
pub fn try_lock(directory: BorrowedFd<'_>) -> nix::Result<Option<Lock<'_>>> {
    match flock(directory, libc::LOCK_EX | libc::LOCK_NB) {
        Ok(()) => Ok(Some(Lock(directory))),
        Err(Errno::EWOULDBLOCK) => Ok(None),
        Err(errno) => Err(errno),
    }
}

impl Drop for Lock<'_> {
    /// Closing would not be enough: a process that was forked meanwhile has the
    /// directory open as well.
    fn drop(&mut self) {
        let _ = flock(self.0, libc::LOCK_UN);
    }
}

#[allow(unsafe_code)]
fn flock(directory: BorrowedFd<'_>, operation: i32) -> nix::Result<()> {
    // SAFETY: takes two integers.
    Errno::result(unsafe { libc::flock(directory.as_raw_fd(), operation) }).map(drop)
}
