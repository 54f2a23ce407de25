//! Close-on-exec asked for with each descriptor: SOCK_CLOEXEC, accept4(2),
//! MSG_CMSG_CLOEXEC.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType};

/// recvmsg(2)'s flag for descriptors that do not survive exec.
pub const RECEIVE_CLOSE_ON_EXEC: i32 = libc::MSG_CMSG_CLOEXEC;

/// socket(2).
pub fn socket(kind: SockType) -> nix::Result<OwnedFd> {
    socket::socket(AddressFamily::Unix, kind, SockFlag::SOCK_CLOEXEC, None)
}

/// socket(2), with O_NONBLOCK.
pub fn nonblocking_socket(kind: SockType) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket::socket(AddressFamily::Unix, kind, flags, None)
}

/// socketpair(2).
pub fn socketpair(kind: SockType) -> nix::Result<(OwnedFd, OwnedFd)> {
    socket::socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)
}

/// accept4(2): blocking; close-on-exec as asked for.  nix has it not for every system
/// that has it.
#[allow(unsafe_code)]
pub fn accept(listener: BorrowedFd<'_>, close_on_exec: bool) -> nix::Result<OwnedFd> {
    let flags = if close_on_exec { libc::SOCK_CLOEXEC } else { 0 };
    let nobody = std::ptr::null_mut();
    // SAFETY: the call may leave out who connected, and there is room for nobody.
    let number = unsafe { libc::accept4(listener.as_raw_fd(), nobody, nobody.cast(), flags) };
    // SAFETY: accept4 has just returned this number to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(Errno::result(number)?) })
}

/// recvmsg has set the flag already.
pub fn after_receive(_descriptor: &OwnedFd, _close_on_exec: bool) {}
