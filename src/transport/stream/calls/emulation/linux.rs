//! What the emulation asks of Linux's sockets.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{open, OFlag};
use nix::sys::socket::{bind, UnixAddr};
use nix::sys::stat::{Mode, SFlag};
use nix::unistd::{getegid, geteuid, getpid};

use super::super::Room;
use crate::system::{socket_option, stat::fstat};

/// Whether ids come with messages.
pub const NOTES_SENDERS: bool = true;

/// Who this process is, effectively, as a control message says it: its type
/// and data, a ucred.  The kernel checks it; unix(7).
pub fn own_credentials() -> (i32, [u8; 12]) {
    let pid = getpid().as_raw().to_ne_bytes();
    let (uid, gid) = (geteuid().as_raw().to_ne_bytes(), getegid().as_raw().to_ne_bytes());
    let mut data = [0; 12];
    for (part, id) in data.chunks_exact_mut(4).zip([pid, uid, gid]) {
        part.copy_from_slice(&id);
    }
    (libc::SCM_CREDENTIALS, data)
}

/// Whether so many small packets find room now.  The kernel takes one more while
/// what is on its way is less than SO_SNDBUF; SIOCOUTQ, unix(7).
pub fn room_for(end: BorrowedFd<'_>, count: usize) -> Room {
    /// What a small packet occupies, at most.
    const PACKET: usize = 1024;
    let mut queued: libc::c_int = 0;
    // SAFETY: SIOCOUTQ, which is TIOCOUTQ, writes one int to where the pointer says.
    let told = unsafe { libc::ioctl(end.as_raw_fd(), libc::TIOCOUTQ, &mut queued) };
    let most = socket_option::number(end, libc::SO_SNDBUF);
    let most = most.ok().and_then(|most| usize::try_from(most).ok()).unwrap_or(0);
    match usize::try_from(queued) {
        // What has no such count says so when it is sent to.
        _ if told != 0 => Room::Now,
        Err(_) => Room::Now,
        Ok(queued) if queued + (count - 1) * PACKET < most => Room::Now,
        // So does what nobody reads any more.
        Ok(_) if is_shut(end) => Room::Now,
        Ok(_) if (count - 1) * PACKET < most => Room::Later,
        Ok(_) => Room::Never,
    }
}

/// Whether the other end has said, by shutdown(2), that it will not read.  poll(2)
/// does not tell, but EPIPE comes before the kernel faults at bytes that are
/// nowhere, which it cannot send.
fn is_shut(end: BorrowedFd<'_>) -> bool {
    let (nowhere, flags) = (std::ptr::null(), libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL);
    // SAFETY: the kernel reads nothing there, it faults.
    let sent = unsafe { libc::send(end.as_raw_fd(), nowhere, 1, flags) };
    Errno::result(sent) == Err(Errno::EPIPE)
}

/// Whether a socket may be read and written, by the effective ids.  No open(2) of
/// one succeeds: EACCES comes before ENXIO.  C libraries do not all know what
/// faccessat(2) is to look at.
///
/// It is opened as what was looked at, whatever is at the path by then: to open a
/// device or a fifo may do something; connect(2) refuses it.  Without /proc only
/// connect(2) asks, for permission to write.
pub fn check_access(path: &CStr) -> nix::Result<()> {
    let node = open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    if fstat(&node)?.kind != SFlag::S_IFSOCK {
        return Ok(());
    }
    let name = format!("/proc/self/fd/{}", node.as_raw_fd());
    let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    match open(name.as_str(), flags, Mode::empty()) {
        Ok(_) | Err(Errno::ENXIO | Errno::ENOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// The end gets a name that its other end can ask for; autobind, unix(7).
pub fn name_end(end: BorrowedFd<'_>) -> nix::Result<()> {
    bind(end.as_raw_fd(), &UnixAddr::new_unnamed())
}

/// dup3(2): from now on the number stands for what `by` is.  By its number: not
/// every libc has a function for it.
pub fn replace(number: BorrowedFd<'_>, by: BorrowedFd<'_>, close_on_exec: bool) -> nix::Result<()> {
    let flags = if close_on_exec { libc::O_CLOEXEC } else { 0 };
    let copied =
        // SAFETY: two numbers go in and no memory is touched; that another file is
        // behind `number` from now on is what the caller asks for.
        unsafe { libc::syscall(libc::SYS_dup3, by.as_raw_fd(), number.as_raw_fd(), flags) };
    Errno::result(copied).map(drop)
}
