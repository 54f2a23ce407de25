//! Taking over a name that is not free, without destroying anything and
//! without a moment at which the name is missing.
//!
//! The new listener is bound to a temporary name beside the old one and then
//! changes places with it; what came out is looked at again, and put back if
//! it may not be replaced.  So a race can put the wrong thing aside for a
//! moment, but never destroy it.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::SystemTime;

use nix::errno::Errno;
use nix::fcntl::{renameat, AtFlags};
use nix::sys::socket::{connect, SockType};
use nix::sys::stat::{Mode, SFlag};
use nix::unistd::{geteuid, linkat, unlinkat, UnlinkatFlags};

use super::name::Place;
use crate::error::{Error, Result};
use crate::system;
use crate::system::stat::{fstat, lstat_in, Stat};

/// How often names may change under our hands before we give up.
const ATTEMPTS: usize = 100;

/// What is at a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// A socket, a symbolic link or an empty regular file, not somebody else's.
    Replaceable,
    /// Anything else.
    Kept,
}

impl Place {
    pub fn look(&self, name: &CStr) -> Result<Found> {
        match self.node(name) {
            Err(Errno::ENOENT) => Ok(Found::Nothing),
            Err(errno) => Err(Error::from(errno)),
            Ok(node) if is_replaceable(&node) && !self.is_foreign(&node)? => Ok(Found::Replaceable),
            Ok(_) => Ok(Found::Kept),
        }
    }

    /// The name itself, also if it is a symbolic link.
    fn node(&self, name: &CStr) -> nix::Result<Stat> {
        lstat_in(self.directory(), name)
    }

    /// In a directory that others can write to: does the node belong to
    /// neither us nor the directory's owner?
    fn is_foreign(&self, node: &Stat) -> Result<bool> {
        Ok(Self::is_foreign_in(&fstat(self.directory())?, node))
    }

    /// The same, of a directory that need not be open.
    pub fn is_foreign_in(directory: &Stat, node: &Stat) -> bool {
        let shared = directory.permissions.intersects(Mode::S_IWGRP | Mode::S_IWOTH);
        shared && node.owner != geteuid().as_raw() && node.owner != directory.owner
    }

    /// Whether a server listens at the name.  Connecting a socket for datagrams
    /// tells, and disturbs nobody: of another type it is EPROTOTYPE, connect(2),
    /// of datagrams from one peer only EPERM.
    pub fn is_alive(&self, name: &CStr) -> Result<bool> {
        match self.probe(name) {
            // A link may lead nowhere, in all these ways.
            Err(Error::System(
                Errno::ECONNREFUSED | Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP,
            )) => Ok(false),
            Ok(()) | Err(Error::System(Errno::EPROTOTYPE | Errno::EPERM | Errno::EACCES)) => {
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    fn probe(&self, name: &CStr) -> Result<()> {
        let address = self.address_of_existing(name)?;
        let probe = system::socket(SockType::Datagram)?;
        Ok(connect(probe.as_raw_fd(), &address.address)?)
    }

    /// Also if it has gone already.
    fn remove(&self, name: &CStr) -> Result<()> {
        let removed = unlinkat(self.directory(), name, UnlinkatFlags::NoRemoveDir);
        yes_unless(removed, &[Errno::ENOENT]).map(drop)
    }
}

fn is_replaceable(node: &Stat) -> bool {
    match node.kind {
        SFlag::S_IFSOCK | SFlag::S_IFLNK => true,
        SFlag::S_IFREG => node.size == 0,
        _ => false,
    }
}

/// The node of a listener of ours; removed when dropped, unless it is kept.
pub struct Node<'a> {
    place: &'a Place,
    name: CString,
    /// None: not to be removed.
    inode: Option<u64>,
}

impl<'a> Node<'a> {
    /// Binds the socket to the name itself.  InUse if that is not free,
    /// NameTooLong if it cannot be said in an address.
    pub fn bind(place: &'a Place, socket: BorrowedFd<'_>, mode: Option<Mode>) -> Result<Self> {
        Self::bind_to(place, &place.name, socket, mode)
    }

    /// Binds the socket to a name beside it that nobody has: `.fdp-PID-N`.
    pub fn bind_beside(
        place: &'a Place,
        socket: BorrowedFd<'_>,
        mode: Option<Mode>,
    ) -> Result<Self> {
        for attempt in 0..ATTEMPTS {
            match Self::bind_to(place, &temporary_name(attempt)?, socket, mode) {
                Err(Error::InUse) => {}
                done => return done,
            }
        }
        Err(Error::InUse)
    }

    fn bind_to(
        place: &'a Place,
        name: &CStr,
        socket: BorrowedFd<'_>,
        mode: Option<Mode>,
    ) -> Result<Self> {
        let address = place.address(name)?;
        match system::bind_with_mode(socket, &address.address, mode) {
            Err(Errno::EADDRINUSE) => return Err(Error::InUse),
            bound => bound?,
        }
        let inode = match place.node(name) {
            Ok(node) if node.kind == SFlag::S_IFSOCK => Some(node.inode),
            // Somebody has removed it already, or put something else there.
            Ok(_) | Err(Errno::ENOENT) => None,
            Err(errno) => {
                let _ = place.remove(name);
                return Err(Error::from(errno));
            }
        };
        let node = Node { place, name: name.to_owned(), inode };
        if let (Some(mode), Some(inode)) = (mode, inode) {
            match system::give_mode_back(place.directory(), name, inode, mode) {
                Err(Errno::ENOENT) if place.node(name) == Err(Errno::ENOENT) => {}
                given => given?,
            }
        }
        Ok(node)
    }

    pub fn keep(mut self) {
        self.inode = None;
    }

    /// Moves the node from beside to the name.  `may_replace` is asked of what
    /// is at the name, before, and of what has come out of it, after.
    pub fn move_in(self, may_replace: impl Fn(&CStr) -> Result<Found>) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let moved = match may_replace(&self.place.name)? {
                Found::Kept => return Err(Error::InUse),
                Found::Nothing => self.take_free_name()?,
                Found::Replaceable => self.change_places(&may_replace)?,
            };
            if moved {
                self.keep();
                return Ok(());
            }
        }
        Err(Error::InUse)
    }

    /// False if the name is no longer free.
    fn take_free_name(&self) -> Result<bool> {
        let directory = self.place.directory();
        match system::rename_no_replace(directory, &self.name, &self.place.name) {
            Err(errno) if is_unknown_call(errno) => self.link_to_free_name(),
            moved => yes_unless(moved, &[Errno::EEXIST, Errno::ENOENT]),
        }
    }

    /// link(2) does not replace either, but then the node has two names for a
    /// moment.
    fn link_to_free_name(&self) -> Result<bool> {
        let (directory, flags) = (self.place.directory(), AtFlags::empty());
        let linked =
            linkat(directory, self.name.as_c_str(), directory, self.place.name.as_c_str(), flags);
        let moved = yes_unless(linked, &[Errno::EEXIST, Errno::ENOENT])?;
        if moved {
            // Then it has two names for good.
            let _ = self.place.remove(&self.name);
        }
        Ok(moved)
    }

    /// False if the name has become free.
    fn change_places(&self, may_replace: impl Fn(&CStr) -> Result<Found>) -> Result<bool> {
        match self.exchange() {
            // A file system that cannot: NFS, for one.  What appears between
            // the look and this is replaced unseen.
            Err(errno) if is_unknown_call(errno) => self.replace(),
            exchanged => {
                let exchanged = yes_unless(exchanged, &[Errno::ENOENT])?;
                if exchanged {
                    self.settle(may_replace)?;
                }
                Ok(exchanged)
            }
        }
    }

    /// Removes what has come out of the name, or puts it back.
    fn settle(&self, may_replace: impl Fn(&CStr) -> Result<Found>) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let removed = may_replace(&self.name).and_then(|found| match found {
                Found::Replaceable => self.place.remove(&self.name),
                Found::Nothing => Ok(()),
                Found::Kept => Err(Error::InUse),
            });
            let Err(why_not) = removed else { return Ok(()) };
            // If our node was removed from the name meanwhile, that is free.
            if yes_unless(self.exchange(), &[Errno::ENOENT])? || self.take_free_name()? {
                return Err(why_not);
            }
        }
        Err(Error::InUse)
    }

    fn exchange(&self) -> nix::Result<()> {
        system::rename_exchange(self.place.directory(), &self.name, &self.place.name)
    }

    fn replace(&self) -> Result<bool> {
        let directory = self.place.directory();
        renameat(directory, self.name.as_c_str(), directory, self.place.name.as_c_str())?;
        Ok(true)
    }
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        let Some(inode) = self.inode else { return };
        if self.place.node(&self.name).is_ok_and(|node| node.inode == inode) {
            // What cannot be removed stays; there is nobody to tell.
            let _ = self.place.remove(&self.name);
        }
    }
}

/// Not the same twice: what a killed process left behind must not be in the way
/// for ever where process ids are few, as in a container.
fn temporary_name(attempt: usize) -> Result<CString> {
    let number = match attempt {
        0 => 0,
        _ => SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(attempt as u32, |now| now.subsec_nanos()),
    };
    let name = format!(".fdp-{}-{number}", std::process::id());
    CString::new(name).map_err(|_| Error::NoSuchName)
}

/// Whether the system or the file system has no such call, or a sandbox allows
/// none: seccomp(2) filters say EPERM.
fn is_unknown_call(errno: Errno) -> bool {
    matches!(errno, Errno::ENOSYS | Errno::EINVAL | Errno::EOPNOTSUPP | Errno::EPERM)
}

/// False for the failures that say so.
fn yes_unless(done: nix::Result<()>, no: &[Errno]) -> Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(errno) if no.contains(&errno) => Ok(false),
        Err(errno) => Err(Error::from(errno)),
    }
}
