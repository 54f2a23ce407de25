//! Two connected sockets; socketpair(2).

use std::os::fd::OwnedFd;

use nix::sys::socket::SockType;

use crate::error::Result;
use crate::system;

pub fn pair(kind: SockType) -> Result<(OwnedFd, OwnedFd)> {
    Ok(system::socketpair(kind)?)
}
