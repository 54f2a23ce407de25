//! Names for streams; fattach(3C), fdetach(3C).

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{open, OFlag};
use nix::sys::stat::{Mode, SFlag};
use nix::unistd::unlink;

use super::declarations;
use crate::endpoint::name::{Name, Place};
use crate::endpoint::Listening;
use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::system::stat::{lstat, stat, Stat};
use crate::wait::Signals;

/// How often the name may change under our hands.
const ATTEMPTS: usize = 100;

fn fattach(named: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // SAFETY: the path is a C string.
    let told = unsafe { declarations::fattach(named.as_raw_fd(), path.as_ptr()) };
    Ok(Errno::result(told).map(drop)?)
}

fn fdetach(path: &CStr) -> Result<()> {
    // SAFETY: the path is a C string.
    Ok(Errno::result(unsafe { declarations::fdetach(path.as_ptr()) }).map(drop)?)
}

/// Names the end as an endpoint: over an empty file of ours, which is made if
/// the name is free, and anew if permissions are asked for: the name has those
/// of the file.  A name that is attached is detached first, so that there is a
/// moment at which it leads to the covered file.
pub struct Attaching {
    named: OwnedFd,
    path: CString,
    options: Listening,
}

impl Attaching {
    /// The system knows the server's end.
    pub fn new(
        named: BorrowedFd<'_>,
        _server: Option<BorrowedFd<'_>>,
        terminated: &[u8],
        options: Listening,
    ) -> Result<Self> {
        let Name::Path(path) = Name::parse(terminated)? else {
            return Err(Error::NoSuchName);
        };
        let named = named.try_clone_to_owned().map_err(|_| Error::TableFull)?;
        Ok(Attaching { named, path: path.to_owned(), options })
    }

    fn attach(&self) -> Result<Answer> {
        // Whether the file has the permissions that are asked for.
        let mut fits = self.options.mode.is_none();
        for _ in 0..ATTEMPTS {
            if self.check_file()? == Found::EmptyFile && !fits {
                unlink(self.path.as_c_str())?;
                fits = self.make_file()?;
            }
            match fattach(self.named.as_fd(), &self.path) {
                Ok(()) => return Ok(Answer::default()),
                Err(Error::System(Errno::ENOENT)) => fits |= self.make_file()?,
                Err(Error::System(Errno::EBUSY)) if !self.options.exclusive => {
                    fdetach(&self.path)?;
                }
                Err(Error::System(Errno::EBUSY)) => return Err(Error::InUse),
                Err(error) => return Err(error),
            }
        }
        Err(Error::InUse)
    }

    /// False if something has the name.
    fn make_file(&self) -> Result<bool> {
        let mode = self.options.mode.unwrap_or(Mode::from_bits_truncate(0o666));
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        match open(self.path.as_c_str(), flags, mode) {
            Ok(_) => Ok(true),
            Err(Errno::EEXIST) => {
                // A link that leads nowhere: itself is replaced.
                if self.is_link()? {
                    unlink(self.path.as_c_str())?;
                }
                Ok(false)
            }
            Err(errno) => Err(Error::from(errno)),
        }
    }

    fn is_link(&self) -> Result<bool> {
        let node = lstat(self.path.as_c_str())?;
        Ok(node.kind == SFlag::S_IFLNK)
    }

    /// InUse where something would be covered that is not ours to cover, for
    /// root as well.
    fn check_file(&self) -> Result<Found> {
        let path = self.path.as_c_str();
        // A link is somebody's, and so is what it leads to.
        let (Some(_), Some(node)) = (self.own(lstat(path))?, self.own(stat(path))?) else {
            return Ok(Found::Nothing);
        };
        kind_of(&node).ok_or(Error::InUse)
    }

    /// None if there is nothing; InUse if it is somebody else's.
    fn own(&self, node: nix::Result<Stat>) -> Result<Option<Stat>> {
        match node {
            Err(Errno::ENOENT) => Ok(None),
            node => {
                let node = node?;
                let foreign = self.is_foreign(&node)?;
                (!foreign).then_some(Some(node)).ok_or(Error::InUse)
            }
        }
    }

    /// By path: a stream's may be longer than a [`Place`] takes.
    fn is_foreign(&self, node: &Stat) -> Result<bool> {
        let parent = Path::new(OsStr::from_bytes(self.path.to_bytes())).parent();
        let named = parent.filter(|parent| !parent.as_os_str().is_empty());
        let directory = stat(named.unwrap_or(Path::new(".")))?;
        Ok(Place::is_foreign_in(&directory, node))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    EmptyFile,
    /// Attached, or a fifo: these look the same.
    Stream,
}

fn kind_of(node: &Stat) -> Option<Found> {
    match node.kind {
        SFlag::S_IFREG if node.size == 0 => Some(Found::EmptyFile),
        SFlag::S_IFIFO => Some(Found::Stream),
        _ => None,
    }
}

impl Operation for Attaching {
    fn advance(&mut self) -> Result<Step> {
        Ok(self.attach()?.into())
    }

    /// It never waits.
    fn wait(&mut self, _: Signals<'_>) {}
}
