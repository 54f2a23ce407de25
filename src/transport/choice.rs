//! Which transport serves a descriptor.
//!
//! Which one is used for what the module makes itself is decided once, when the
//! library is loaded.  Where that is streams, each descriptor that comes from
//! outside is asked whether it is one; sockets are served as sockets.

use std::env;
use std::os::fd::BorrowedFd;
use std::sync::OnceLock;

use nix::unistd::{getegid, geteuid, getgid, getuid};

use crate::streams;

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
            _ => streams::IS_DEFAULT,
        }
    });
}

/// Not where the program has rights that its user has not.
fn trusts_environment() -> bool {
    getuid() == geteuid() && getgid() == getegid()
}

/// Whether endpoints are made as streams.
pub fn makes_streams() -> bool {
    STREAMS.get() == Some(&true)
}

/// Whether the descriptor is served as a stream.
pub fn is_stream(descriptor: BorrowedFd<'_>) -> bool {
    makes_streams() && streams::isastream(descriptor).unwrap_or(false)
}

pub fn name() -> &'static str {
    if makes_streams() {
        streams::NAME
    } else {
        "socket"
    }
}
