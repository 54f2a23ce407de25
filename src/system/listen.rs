//! listen(2) with a queue of any length; nix takes none that is longer than the C
//! library's SOMAXCONN, and musl's is that of Linux before 5.4.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

/// As many as the system lets wait, where that is less.
const SOMAXCONN: i32 = if cfg!(linux_kernel) { 4096 } else { libc::SOMAXCONN };

/// With SOMAXCONN if no length is asked for.
#[allow(unsafe_code)]
pub fn listen(socket: impl AsFd, length: Option<i32>) -> nix::Result<()> {
    let length = length.unwrap_or(SOMAXCONN);
    // SAFETY: takes two integers.
    Errno::result(unsafe { libc::listen(socket.as_fd().as_raw_fd(), length) }).map(drop)
}
