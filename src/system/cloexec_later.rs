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

/// socket(2), with O_NONBLOCK.
pub fn nonblocking_socket(kind: SockType) -> nix::Result<OwnedFd> {
    let socket = socket(kind)?;
    fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
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

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use nix::sys::socket::{bind, connect, listen, Backlog};

    use super::*;
    use crate::descriptor::is_close_on_exec;
    use crate::system;

    #[test]
    fn every_socket_is_close_on_exec() {
        let lonely = socket(SockType::Stream).unwrap();
        let impatient = nonblocking_socket(SockType::Stream).unwrap();
        assert!(descriptor::status_flags(&impatient).unwrap().contains(OFlag::O_NONBLOCK));
        let (one, other) = socketpair(SockType::Stream).unwrap();
        for made in [lonely, impatient, one, other] {
            assert_eq!(is_close_on_exec(&made), Ok(true));
        }
        assert_eq!(RECEIVE_CLOSE_ON_EXEC, 0);
    }

    #[test]
    #[cfg(linux_kernel)]
    fn an_accepted_one_is_as_asked_for_and_blocks() {
        let name = format!("fdpasser {} cloexec_later", std::process::id());
        let address = system::abstract_address(name.as_bytes()).unwrap();
        let listener = socket(SockType::Stream).unwrap();
        bind(listener.as_raw_fd(), &address).unwrap();
        listen(&listener, Backlog::MAXCONN).unwrap();
        for asked_for in [true, false] {
            let client = socket(SockType::Stream).unwrap();
            connect(client.as_raw_fd(), &address).unwrap();
            let accepted = accept(listener.as_fd(), asked_for).unwrap();
            assert_eq!(is_close_on_exec(&accepted), Ok(asked_for));
            let flags = descriptor::status_flags(&accepted).unwrap();
            assert!(!flags.contains(OFlag::O_NONBLOCK));
        }
    }
}
