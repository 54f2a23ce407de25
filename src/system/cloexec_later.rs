//! Close-on-exec set when the descriptor is there: another thread that starts a
//! program just then passes it on.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::fcntl::{fcntl, FcntlArg, OFlag};
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType};

use crate::descriptor;

/// recvmsg(2) has no such flag; see `after_receive`.
pub const RECEIVE_CLOSE_ON_EXEC: i32 = 0;

/// socket(2).
pub fn socket(kind: SockType) -> nix::Result<OwnedFd> {
    let socket = socket::socket(AddressFamily::Unix, kind, SockFlag::empty(), None)?;
    after_receive(&socket, true);
    Ok(socket)
}

/// socketpair(2).
pub fn socketpair(kind: SockType) -> nix::Result<(OwnedFd, OwnedFd)> {
    let pair = socket::socketpair(AddressFamily::Unix, kind, None, SockFlag::empty())?;
    after_receive(&pair.0, true);
    after_receive(&pair.1, true);
    Ok(pair)
}

/// accept(2).
#[allow(unsafe_code)]
pub fn accept(listener: BorrowedFd<'_>, close_on_exec: bool) -> nix::Result<OwnedFd> {
    let number = socket::accept(listener.as_raw_fd())?;
    // SAFETY: accept has just returned this number to us alone.
    let connection = unsafe { OwnedFd::from_raw_fd(number) };
    // BSDs pass the listener's O_NONBLOCK on.
    fcntl(&connection, FcntlArg::F_SETFL(OFlag::empty()))?;
    after_receive(&connection, close_on_exec);
    Ok(connection)
}

/// The flag that could not be asked for.
pub fn after_receive(received: &OwnedFd, close_on_exec: bool) {
    // Cannot fail on a descriptor that is open.
    let _ = descriptor::set_close_on_exec(received, close_on_exec);
}
