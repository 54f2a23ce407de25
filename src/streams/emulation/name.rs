//! Names for emulated streams: connld and fattach.
//!
//! A named stream is a listening socket.  Naming an end puts the listener where
//! the server's end was.  No covered file is kept aside: a server that is killed
//! would leave it there.

use std::ffi::CStr;
use std::fs;
use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::socket::{
    getpeername, getsockname, getsockopt, setsockopt, sockopt, SockType, SockaddrLike, UnixAddr,
};
use nix::sys::stat::{fchmodat, stat, FchmodatFlags, FileStat, Mode, SFlag};
use nix::unistd::{geteuid, unlink};

use super::super::HANGUP;
use super::isastream;
use super::packet_socket::{replace, NOTES_SENDERS};
use crate::descriptor;
use crate::endpoint::create::{self, Create};
use crate::endpoint::is_alive;
use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::system;
use crate::wait::{self, Signals};

const INVALID: Error = Error::InvalidArgument;

/// That it was pushed is remembered in an option that means nothing to a local
/// socket, SO_KEEPALIVE: it belongs to the end, whoever has a descriptor of it.
pub fn push_connld(end: BorrowedFd<'_>) -> Result<()> {
    if !isastream(end)? {
        return Err(INVALID);
    }
    if has_connld(end)? || wait::hung_up(end) {
        return Err(HANGUP);
    }
    Ok(setsockopt(&end, sockopt::KeepAlive, &true)?)
}

fn has_connld(end: BorrowedFd<'_>) -> Result<bool> {
    Ok(getsockopt(&end, sockopt::KeepAlive)?)
}

/// Names the end as an endpoint.  What is at the name is taken over or left
/// alone as [`create`] says.
pub struct Attaching {
    listening: Create,
    servers: Vec<Server>,
}

/// A descriptor that the listener is put behind. What could fail of that is
/// asked before the name is taken.
struct Server {
    number: BorrowedFd<'static>,
    close_on_exec: bool,
}

impl Server {
    fn new(number: BorrowedFd<'static>) -> Result<Self> {
        Ok(Server { number, close_on_exec: descriptor::is_close_on_exec(number)? })
    }
}

impl Attaching {
    /// The server's end, if it is not given, is looked for among the descriptors
    /// of this process.
    pub fn new(
        named: BorrowedFd<'_>,
        server: Option<BorrowedFd<'_>>,
        terminated: &[u8],
        options: create::Options,
    ) -> Result<Self> {
        let servers = match server {
            Some(server) => vec![descriptor::borrow(i64::from(server.as_raw_fd()))?],
            None => other_ends(named)?,
        };
        let servers = servers.into_iter().map(Server::new).collect::<Result<_>>()?;
        let options = create::Options { note_senders: NOTES_SENDERS, ..options };
        let listening = Create::of_kind(SockType::SeqPacket, terminated, options)?;
        Ok(Attaching { listening, servers })
    }

    fn put_in_place(&self, answer: Answer) -> Result<Answer> {
        for listener in answer.descriptors {
            for server in &self.servers {
                replace(server.number, listener.as_fd(), server.close_on_exec)?;
            }
        }
        Ok(Answer::default())
    }
}

impl Operation for Attaching {
    fn step(&mut self) -> Step {
        match self.listening.step() {
            Step::Done(listener) => {
                Step::Done(listener.and_then(|answer| self.put_in_place(answer)))
            }
            step => step,
        }
    }

    fn wait(&mut self, signals: Signals<'_>) {
        self.listening.wait(signals);
    }
}

/// All descriptors of the end's other end in this process.
fn other_ends(named: BorrowedFd<'_>) -> Result<Vec<BorrowedFd<'static>>> {
    let peer: UnixAddr = getpeername(named.as_raw_fd()).map_err(|_| INVALID)?;
    if peer.len() as usize <= offset_of!(libc::sockaddr_un, sun_path) {
        // A pair that was not made here: its ends have no names.
        return Err(INVALID);
    }
    let listing = fs::read_dir(system::PATH_OF_DESCRIPTORS.ok_or(Error::NotSupported)?);
    let listing = listing.map_err(|error| from_io(&error))?;
    let ends: Vec<_> = listing
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|number| descriptor::borrow(number).ok())
        .filter(|end| getsockname::<UnixAddr>(end.as_raw_fd()) == Ok(peer))
        .collect();
    if ends.is_empty() {
        return Err(INVALID);
    }
    Ok(ends)
}

fn from_io(error: &std::io::Error) -> Error {
    Error::from(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}

/// The name shows the covered file's mode.  A file with something in it would
/// be lost: EBUSY.
pub fn fattach(named: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    if !isastream(named)? {
        return Err(INVALID);
    }
    let covered = stat(path)?;
    check_owner(&covered)?;
    if is_attached(path, &covered)? {
        return Err(Error::System(Errno::EBUSY));
    }
    let mode = Mode::from_bits_truncate(covered.st_mode);
    let options = create::Options { mode: Some(mode), ..create::Options::default() };
    match Attaching::new(named, None, path.to_bytes_with_nul(), options)?.step() {
        Step::Done(Err(Error::InUse)) => return Err(Error::System(Errno::EBUSY)),
        Step::Done(attached) => drop(attached?),
        // Nobody else is waited for without the option `exclusive`.
        _ => return Err(Error::System(Errno::EBUSY)),
    }
    // More than the umask leaves.
    Ok(fchmodat(AT_FDCWD, path, mode, FchmodatFlags::FollowSymlink)?)
}

/// EPERM if the file is not ours, EACCES if we may not write to it.
fn check_owner(file: &FileStat) -> Result<()> {
    let own = geteuid();
    if own.is_root() {
        return Ok(());
    }
    if own.as_raw() != file.st_uid {
        return Err(Error::System(Errno::EPERM));
    }
    if file.st_mode & Mode::S_IWUSR.bits() == 0 {
        return Err(Error::System(Errno::EACCES));
    }
    Ok(())
}

fn is_attached(path: &CStr, node: &FileStat) -> Result<bool> {
    let kind = SFlag::from_bits_truncate(node.st_mode) & SFlag::S_IFMT;
    Ok(kind == SFlag::S_IFSOCK && is_alive(path)?)
}

/// Clients that wait already are served yet.
pub fn fdetach(path: &CStr) -> Result<()> {
    let node = stat(path)?;
    if !is_attached(path, &node)? {
        return Err(INVALID);
    }
    if !geteuid().is_root() && geteuid().as_raw() != node.st_uid {
        return Err(Error::System(Errno::EPERM));
    }
    Ok(unlink(path)?)
}
