//! Two connected sockets; socketpair(2).

use std::os::fd::{AsFd, OwnedFd};

use nix::sys::socket::SockType;

use crate::error::Result;
use crate::system;

pub fn pair(kind: SockType, note_senders: bool) -> Result<(OwnedFd, OwnedFd)> {
    let (one, other) = system::socketpair(kind)?;
    if note_senders {
        system::note_senders(one.as_fd())?;
        system::note_senders(other.as_fd())?;
    }
    Ok((one, other))
}
