//! Creating a listening endpoint.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::poll::PollTimeout;
use nix::sys::socket::{
    bind, listen, setsockopt, socket, sockopt, AddressFamily, Backlog, SockType,
};
use nix::sys::stat::Mode;
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::unlink;

use super::name::{Address, Name, Place};
use super::takeover::{Found, Temporary};
use crate::error::{Error, Result};
use crate::system;

/// So long that it never comes; but a wait with any limit ends when a signal
/// comes, also where its handler was installed with SA_RESTART; signal(7).
pub const FOR_EVER_BUT_SIGNALS: i64 = 1_000_000_000;

/// How long another starter may hold the directory.
const LONGEST_START: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Permissions of the node, less the umask; by default what the umask leaves.
    pub mode: Option<Mode>,
    /// Connections that wait to be accepted; by default as many as the system allows.
    pub backlog: Option<i32>,
    /// InUse if a server is alive at the name.
    pub exclusive: bool,
    /// Connections note who sends.
    pub note_senders: bool,
}

/// A listening socket at the name (`terminated` by a NUL byte); bind(2), listen(2).
pub fn create(terminated: &[u8], options: &Options) -> Result<OwnedFd> {
    let name = Name::parse(terminated)?;
    let listener = new_listener(options)?;
    match name {
        Name::Abstract(name) => bind_abstract(&listener, name, options)?,
        Name::Path(path) if options.exclusive => bind_exclusive(&listener, path, options)?,
        Name::Path(path) => bind_path(&listener, path, options)?,
    }
    Ok(listener)
}

fn new_listener(options: &Options) -> Result<OwnedFd> {
    let listener = socket(AddressFamily::Unix, SockType::Stream, system::SOCKET_FLAGS, None)?;
    setsockopt(&listener, sockopt::ReceiveTimeout, &TimeVal::seconds(FOR_EVER_BUT_SIGNALS))?;
    if options.note_senders {
        system::note_senders(listener.as_fd())?;
    }
    Ok(listener)
}

fn start(listener: &OwnedFd, options: &Options) -> Result<()> {
    let backlog = match options.backlog {
        None => Backlog::MAXCONN,
        Some(backlog) => Backlog::new(backlog).unwrap_or(Backlog::MAXCONN),
    };
    Ok(listen(listener, backlog)?)
}

fn bind_abstract(listener: &OwnedFd, name: &[u8], options: &Options) -> Result<()> {
    if options.mode.is_some() {
        return Err(Error::InvalidArgument);
    }
    bind(listener.as_raw_fd(), &Address::of_abstract(name)?.address)?;
    start(listener, options)
}

/// One starter at a time, from the look at the name until it listens there:
/// else two could find it stale, and both win.
fn bind_exclusive(listener: &OwnedFd, path: &CStr, options: &Options) -> Result<()> {
    let place = Place::lockable(path)?;
    let _lock = lock(place.directory())?;
    bind_in(listener, path, &place, options)
}

fn bind_path(listener: &OwnedFd, path: &CStr, options: &Options) -> Result<()> {
    match Address::of_new(path) {
        Ok(address) => match bind_here(listener, path, &address, options) {
            Err(Error::InUse) => bind_in(listener, path, &Place::of(path)?, options),
            done => done,
        },
        Err(_) => bind_in(listener, path, &Place::of(path)?, options),
    }
}

/// InUse if the name is not free.
fn bind_here(listener: &OwnedFd, path: &CStr, address: &Address, options: &Options) -> Result<()> {
    match system::bind_with_mode(listener.as_fd(), &address.address, options.mode) {
        Err(Errno::EADDRINUSE) => return Err(Error::InUse),
        bound => bound?,
    }
    start(listener, options).inspect_err(|_| {
        // Nothing was there before.
        let _ = unlink(path);
    })
}

fn bind_in(listener: &OwnedFd, path: &CStr, place: &Place, options: &Options) -> Result<()> {
    if place.look(&place.name)? == Found::Nothing {
        if let Ok(address) = place.address(&place.name) {
            match bind_here(listener, path, &address, options) {
                Err(Error::InUse) => {}
                done => return done,
            }
        }
    }
    take_over(listener, place, options)
}

fn take_over(listener: &OwnedFd, place: &Place, options: &Options) -> Result<()> {
    let may_replace = |name: &CStr| match place.look(name)? {
        Found::Replaceable if options.exclusive && place.is_alive(name)? => Ok(Found::Kept),
        found => Ok(found),
    };
    if may_replace(&place.name)? == Found::Kept {
        return Err(Error::InUse);
    }
    let temporary = Temporary::bind(place, listener.as_fd(), options.mode)?;
    start(listener, options)?;
    temporary.move_in(may_replace)
}

/// flock(2) on the directory, until dropped.  A signal ends the wait.
fn lock(directory: BorrowedFd<'_>) -> Result<Flock<OwnedFd>> {
    let mut directory = directory.try_clone_to_owned().map_err(|_| Error::TableFull)?;
    let deadline = Instant::now() + LONGEST_START;
    loop {
        match Flock::lock(directory, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((back, Errno::EWOULDBLOCK)) if Instant::now() < deadline => directory = back,
            Err((_, Errno::EWOULDBLOCK)) => return Err(Error::InUse),
            Err((_, errno)) => return Err(Error::from(errno)),
        }
        nix::poll::poll(&mut [], PollTimeout::from(5u8))?;
    }
}
