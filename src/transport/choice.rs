//! Which transport serves a descriptor.
//!
//! Which one is used for what the module makes itself is decided once, when the
//! library is loaded.  Where that is streams, each descriptor that comes from
//! outside is asked whether it is one; sockets are served as sockets.

use std::env;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::sys::socket::{getsockname, UnixAddr};
use nix::unistd::{getegid, geteuid, getgid, getuid};

use super::stream::calls;
use crate::error::{Error, Result};

/// Set once; read on every call, which costs a load.
static STREAMS: OnceLock<bool> = OnceLock::new();

const VARIABLE: &str = "FDPASSER_TRANSPORT";

/// Decides, once; `tainting` is whether Perl distrusts its environment.
pub fn choose(tainting: bool) {
    STREAMS.get_or_init(|| {
        let wanted = (!tainting && trusts_environment()).then(|| env::var_os(VARIABLE)).flatten();
        match wanted.as_deref().and_then(|wanted| wanted.to_str()) {
            Some("streams") => true,
            Some("socket") => false,
            _ => calls::IS_DEFAULT,
        }
    });
}

/// Not where the program has rights that its user has not.
fn trusts_environment() -> bool {
    getuid() == geteuid() && getgid() == getegid()
}

/// Whether endpoints are made as streams.
#[inline(always)]
pub fn makes_streams() -> bool {
    STREAMS.get() == Some(&true)
}

pub fn name() -> &'static str {
    if makes_streams() {
        calls::NAME
    } else {
        "socket"
    }
}

/// The transport that serves a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    Stream,
    Socket,
}

/// NotLocal for sockets that carry no descriptors.  What is no socket at all the
/// call itself meets.
#[inline(always)]
pub fn serving(connection: BorrowedFd<'_>) -> Result<Serving> {
    if makes_streams() && calls::isastream(connection).unwrap_or(false) {
        return Ok(Serving::Stream);
    }
    let number = connection.as_raw_fd();
    if slot_of(number).load(Ordering::Relaxed) != number {
        check_local(connection)?;
    }
    Ok(Serving::Socket)
}

const SLOTS: usize = 64;

#[allow(clippy::declare_interior_mutable_const)] // It is copied into the table.
const NOBODY: AtomicI32 = AtomicI32::new(-1);

/// Numbers of local sockets, as far as they were asked: Linux takes a descriptor
/// that is sent over another socket, and drops it.  A hint, so that a pass does
/// not pay for the question: a number may stand for something else by now, of
/// which TCP and UDP refuse what is sent ([`super::socket::control::send`]).
static LOCAL: [AtomicI32; SLOTS] = [NOBODY; SLOTS];

#[inline(always)]
fn slot_of(number: i32) -> &'static AtomicI32 {
    &LOCAL[number as usize % SLOTS]
}

/// getsockname(2).
#[cold]
pub(super) fn check_local(connection: BorrowedFd<'_>) -> Result<()> {
    let number = connection.as_raw_fd();
    match getsockname::<UnixAddr>(number) {
        Ok(_) => slot_of(number).store(number, Ordering::Relaxed),
        // Its address is of another family.
        Err(Errno::EINVAL) => {
            slot_of(number).store(-1, Ordering::Relaxed);
            return Err(Error::NotLocal);
        }
        Err(_) => {}
    }
    Ok(())
}
