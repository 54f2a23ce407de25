//! Endpoints: pairs, and names in the file system to create, take over, connect
//! to and accept from; unix(7).

pub mod accept;
pub mod connect;
pub mod create;
pub mod name;
mod takeover;

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use nix::sys::socket::SockType;

use name::Place;

use crate::error::Result;
use crate::system;

/// Two connected stream sockets; socketpair(2).
pub fn pair() -> Result<(OwnedFd, OwnedFd)> {
    Ok(system::socketpair(SockType::Stream)?)
}

/// Whether a server listens at the path.
pub fn is_alive(path: &CStr) -> Result<bool> {
    let place = Place::of(path)?;
    place.is_alive(&place.name)
}
