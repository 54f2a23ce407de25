//! SCO's /dev/spx, as far as a test can have it: each open is a stream that
//! echoes what is written to it, until two of them are joined by I_FDINSERT.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicUsize, Ordering};

use fdpasser::streams;

/// A datagram socket that is connected to itself.
pub fn open() -> File {
    static MINOR: AtomicUsize = AtomicUsize::new(0);
    let minor = MINOR.fetch_add(1, Ordering::Relaxed);
    let name = format!("fdpasser-spx-{}-{minor}", std::process::id());
    let name = SocketAddr::from_abstract_name(name).expect("a name");
    let echo = UnixDatagram::bind_addr(&name).expect("a socket");
    echo.connect_addr(&name).expect("connected");
    File::from(OwnedFd::from(echo))
}

/// Puts the ends of a pipe behind the two descriptors.
pub fn join(one: &File, other: &File) {
    let (first, second) = streams::pipe().expect("a pipe");
    for (end, number) in [(first, one), (second, other)] {
        // SAFETY: two numbers go in; what `number` stands for from now on is a
        // stream, as its owner asked.
        let copied = unsafe { libc::dup2(end.as_raw_fd(), number.as_raw_fd()) };
        assert!(copied >= 0, "dup2");
    }
}
