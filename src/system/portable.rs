//! Systems with nothing but what POSIX and 4.4BSD gave them.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{fcntl, renameat, AtFlags, FcntlArg, OFlag};
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::signal::SigSet;
use nix::sys::socket::{accept as accept_connection, bind, SockFlag, UnixAddr};
use nix::sys::stat::{fstatat, umask, Mode};

use crate::descriptor;
use crate::operation::Ids;

/// What poll(2) says of a peer that has closed.
pub const HUNG_UP: PollFlags = PollFlags::POLLHUP;

/// Close-on-exec cannot be asked for everywhere; see `after_receive`.
pub const SOCKET_FLAGS: SockFlag = SockFlag::empty();

/// open(2) for what is only to be named.
pub const OPEN_AS_NAME: OFlag = OFlag::O_RDONLY;

pub const RECEIVE_CLOSE_ON_EXEC: i32 = 0;

/// There is none through which a socket could be bound.
pub const PATH_OF_DESCRIPTORS: Option<&str> = None;

pub const ABSTRACT_NAMES: bool = false;

/// Credentials do not come with messages here.
pub const WORDS_FOR_CREDENTIALS: usize = 0;

/// poll(2); a signal between taking off the mask and the wait goes unnoticed
/// until the wait ends.
pub fn poll_with_mask(
    fds: &mut [PollFd<'_>],
    timeout: Option<Duration>,
    mask: &SigSet,
) -> nix::Result<i32> {
    mask.thread_set_mask()?;
    let timeout = timeout.map_or(PollTimeout::NONE, |timeout| {
        PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX)
    });
    poll(fds, timeout)
}

/// accept(2).
#[allow(unsafe_code)]
pub fn accept(listener: BorrowedFd<'_>, close_on_exec: bool) -> nix::Result<OwnedFd> {
    let number = accept_connection(listener.as_raw_fd())?;
    // SAFETY: accept has just returned this number to us alone.
    let connection = unsafe { OwnedFd::from_raw_fd(number) };
    // BSDs pass the listener's O_NONBLOCK on.
    fcntl(&connection, FcntlArg::F_SETFL(OFlag::empty()))?;
    after_receive(&connection, close_on_exec);
    Ok(connection)
}

/// No such call: the caller falls back to rename(2).
pub fn rename_exchange(_: BorrowedFd<'_>, _: &CStr, _: &CStr) -> nix::Result<()> {
    Err(Errno::ENOSYS)
}

/// renameat(2) after a look.
pub fn rename_no_replace(directory: BorrowedFd<'_>, from: &CStr, to: &CStr) -> nix::Result<()> {
    match fstatat(directory, to, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Err(Errno::ENOENT) => renameat(directory, from, directory, to),
        Err(errno) => Err(errno),
        Ok(_) => Err(Errno::EEXIST),
    }
}

/// bind(2) under a umask that leaves no more than `mode`; umask(2).
pub fn bind_with_mode(
    socket: BorrowedFd<'_>,
    address: &UnixAddr,
    mode: Option<Mode>,
) -> nix::Result<()> {
    let Some(mode) = mode else {
        return bind(socket.as_raw_fd(), address);
    };
    let before = umask(Mode::all());
    umask(before | mode.complement());
    let bound = bind(socket.as_raw_fd(), address);
    umask(before);
    bound
}

/// Not known here.
pub fn peer_ids(_: BorrowedFd<'_>) -> nix::Result<Ids> {
    Ok(Ids { of: IdsOf::Connection, ..Ids::UNKNOWN })
}

pub fn note_senders(_: BorrowedFd<'_>) -> nix::Result<()> {
    Err(Errno::EOPNOTSUPP)
}

pub fn notes_senders(_: BorrowedFd<'_>) -> bool {
    false
}

pub fn ids_of(_: i32, _: i32, _: &[u8]) -> Option<Ids> {
    None
}

pub fn unasked_descriptor(_: i32, _: i32, _: &[u8]) -> Option<i32> {
    None
}

/// The flag that recvmsg could not set.
pub fn after_receive(received: &OwnedFd, close_on_exec: bool) {
    // Cannot fail on a descriptor that is open.
    let _ = descriptor::set_close_on_exec(received, close_on_exec);
}

/// No cheap way to say is known here.
pub fn is_any_free(_: [std::os::fd::RawFd; 2]) -> bool {
    false
}
