//! What the emulation asks of the sockets of other systems.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, AT_FDCWD};
use nix::poll::PollFlags;
use nix::unistd::{faccessat, AccessFlags};

use super::super::Room;
use crate::descriptor;
use crate::error::{Error, Result};
use crate::wait;

/// Whether ids come with messages.
pub const NOTES_SENDERS: bool = false;

/// Not sent: see `NOTES_SENDERS`.
pub fn own_credentials() -> (i32, [u8; 12]) {
    (0, [0; 12])
}

/// Whether there is room to send at all.
pub fn room_for(end: BorrowedFd<'_>, _count: usize) -> Room {
    Room::now(wait::ready(end, PollFlags::POLLOUT))
}

/// Whether the node may be read and written, by the effective ids; access(2).
pub fn check_access(path: &CStr) -> nix::Result<()> {
    faccessat(AT_FDCWD, path, AccessFlags::R_OK | AccessFlags::W_OK, AtFlags::AT_EACCESS)
}

/// There are no names outside the file system.
pub fn name_end(_: BorrowedFd<'_>) -> nix::Result<()> {
    Err(Errno::EOPNOTSUPP)
}

/// dup2(2): from now on the number stands for what `by` is.
pub fn replace(number: BorrowedFd<'_>, by: BorrowedFd<'_>, close_on_exec: bool) -> Result<()> {
    // SAFETY: two numbers go in and no memory is touched; that another file is
    // behind `number` from now on is what the caller asks for.
    let copied = unsafe { libc::dup2(by.as_raw_fd(), number.as_raw_fd()) };
    Errno::result(copied).map_err(Error::from)?;
    descriptor::set_close_on_exec(number, close_on_exec)
}
