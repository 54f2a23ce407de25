//! Taking over a name that is not free, without destroying anything and
//! without a moment at which the name is missing.
//!
//! The new listener is bound to a temporary name beside the old one and then
//! changes places with it; what came out is looked at again, and put back if
//! it may not be replaced.  So a race can put the wrong thing aside for a
//! moment, but never destroy it.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{renameat, AtFlags};
use nix::sys::socket::{connect, socket, AddressFamily, SockType};
use nix::sys::stat::{fstat, fstatat, FileStat, Mode, SFlag};
use nix::unistd::{geteuid, unlinkat, UnlinkatFlags};

use super::name::Place;
use crate::error::{Error, Result};
use crate::system;

/// How often names may change under our hands before we give up.
const ATTEMPTS: usize = 100;

/// What is at a name.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// A socket, a symbolic link or an empty regular file, not somebody else's.
    Replaceable,
    /// Anything else.
    Kept,
}

impl Place {
    pub fn look(&self, name: &CStr) -> Result<Found> {
        match fstatat(self.directory(), name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(Errno::ENOENT) => Ok(Found::Nothing),
            Err(errno) => Err(Error::from(errno)),
            Ok(node) if is_replaceable(&node) && !self.is_foreign(&node)? => Ok(Found::Replaceable),
            Ok(_) => Ok(Found::Kept),
        }
    }

    /// In a directory that others can write to: does the node belong to
    /// neither us nor the directory's owner?
    fn is_foreign(&self, node: &FileStat) -> Result<bool> {
        let directory = fstat(self.directory())?;
        let shared = directory.st_mode & (Mode::S_IWGRP | Mode::S_IWOTH).bits() != 0;
        Ok(shared && node.st_uid != geteuid().as_raw() && node.st_uid != directory.st_uid)
    }

    /// Whether a server listens at the name.  Connecting a socket of another
    /// type tells, and disturbs nobody; see connect(2), EPROTOTYPE.
    pub fn is_alive(&self, name: &CStr) -> Result<bool> {
        let address = self.address_of_existing(name)?;
        let probe = socket(AddressFamily::Unix, SockType::Datagram, system::SOCKET_FLAGS, None)?;
        match connect(probe.as_raw_fd(), &address.address) {
            Err(Errno::ECONNREFUSED | Errno::ENOENT | Errno::ELOOP) => Ok(false),
            _ => Ok(true),
        }
    }

    fn remove(&self, name: &CStr) {
        // What cannot be removed stays; there is nobody to tell.
        let _ = unlinkat(self.directory(), name, UnlinkatFlags::NoRemoveDir);
    }
}

fn is_replaceable(node: &FileStat) -> bool {
    match SFlag::from_bits_truncate(node.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFSOCK | SFlag::S_IFLNK => true,
        SFlag::S_IFREG => node.st_size == 0,
        _ => false,
    }
}

/// A node of ours under a temporary name; removed when dropped.
pub struct Temporary<'a> {
    place: &'a Place,
    name: CString,
    inode: u64,
}

impl<'a> Temporary<'a> {
    /// Binds the socket to a name that nobody has: `.fdp-PID-N`.
    pub fn bind(place: &'a Place, socket: BorrowedFd<'_>, mode: Option<Mode>) -> Result<Self> {
        for attempt in 0..ATTEMPTS {
            let name = format!(".fdp-{}-{attempt}", std::process::id());
            let name = CString::new(name).map_err(|_| Error::NoSuchName)?;
            let address = place.address(&name)?;
            match system::bind_with_mode(socket, &address.address, mode) {
                Err(Errno::EADDRINUSE) => continue,
                bound => bound?,
            }
            let node = fstatat(place.directory(), name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            return Ok(Temporary { place, name, inode: node.st_ino });
        }
        Err(Error::InUse)
    }

    /// Moves the node to its name.  `may_replace` is asked of what is at the
    /// name, before and after.
    pub fn move_in(self, may_replace: impl Fn(&CStr) -> Result<Found>) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let moved = match may_replace(&self.place.name)? {
                Found::Kept => return Err(Error::InUse),
                Found::Nothing => self.take_free_name()?,
                Found::Replaceable => self.change_places(&may_replace)?,
            };
            if moved {
                return Ok(());
            }
        }
        Err(Error::InUse)
    }

    /// False if the name is no longer free.
    fn take_free_name(&self) -> Result<bool> {
        match system::rename_no_replace(self.place.directory(), &self.name, &self.place.name) {
            Ok(()) => Ok(true),
            Err(Errno::EEXIST) => Ok(false),
            Err(errno) => Err(Error::from(errno)),
        }
    }

    /// False if the name has become free.
    fn change_places(&self, may_replace: impl Fn(&CStr) -> Result<Found>) -> Result<bool> {
        match self.exchange() {
            Ok(()) => {}
            Err(Errno::ENOENT) => return Ok(false),
            // A file system that cannot: NFS, for one.  What appears between
            // the look and this is replaced unseen.
            Err(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP) => return self.replace(),
            Err(errno) => return Err(Error::from(errno)),
        }
        match may_replace(&self.name) {
            Ok(Found::Replaceable) => self.place.remove(&self.name),
            Ok(Found::Nothing) => {}
            kept => {
                self.exchange()?;
                kept?;
                return Err(Error::InUse);
            }
        }
        Ok(true)
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

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        let node =
            fstatat(self.place.directory(), self.name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
        if node.is_ok_and(|node| node.st_ino == self.inode) {
            self.place.remove(&self.name);
        }
    }
}
