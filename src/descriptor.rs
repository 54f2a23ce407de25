//! Descriptors: what they are open for, what is behind them, and those that
//! nobody has taken yet.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{fcntl, FcntlArg, FdFlag, OFlag};
use nix::sys::stat::SFlag;

use crate::error::{Error, Result};
use crate::system::{self, socket_option, stat::fstat};

/// A descriptor of the caller's, by its number.
///
/// It is the caller's business that it stays open; if it is not open at all,
/// system calls say EBADF.
#[allow(unsafe_code)]
pub fn borrow(number: i64) -> Result<BorrowedFd<'static>> {
    let number = RawFd::try_from(number).map_err(|_| Error::NotADescriptor)?;
    if number < 0 {
        return Err(Error::NotADescriptor);
    }
    // SAFETY: the number is not -1, which is all that the type's layout asks.
    // That it stays open cannot be promised for a number that a program chose;
    // nothing is done with it but system calls, which check it, and it is
    // never closed here.
    Ok(unsafe { BorrowedFd::borrow_raw(number) })
}

/// In which direction a descriptor is open; open(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Read,
    Write,
    Append,
    ReadWrite,
    ReadAppend,
}

impl Mode {
    /// None for what can neither be read nor written: Linux's access mode 3, and
    /// O_PATH.
    pub fn from_flags(flags: OFlag) -> Option<Self> {
        if flags.intersects(system::OPEN_AS_NAME) {
            return None;
        }
        let append = flags.contains(OFlag::O_APPEND);
        match flags & OFlag::O_ACCMODE {
            mode if mode == OFlag::O_RDONLY => Some(Mode::Read),
            mode if mode == OFlag::O_WRONLY && append => Some(Mode::Append),
            mode if mode == OFlag::O_WRONLY => Some(Mode::Write),
            mode if mode == OFlag::O_RDWR && append => Some(Mode::ReadAppend),
            mode if mode == OFlag::O_RDWR => Some(Mode::ReadWrite),
            _ => None,
        }
    }

    /// As fopen(3) names it.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Read => "r",
            Mode::Write => "w",
            Mode::Append => "a",
            Mode::ReadWrite => "w+",
            Mode::ReadAppend => "a+",
        }
    }
}

/// F_GETFL, fcntl(2).
pub fn status_flags(descriptor: impl AsFd) -> Result<OFlag> {
    Ok(OFlag::from_bits_retain(fcntl(descriptor, FcntlArg::F_GETFL)?))
}

/// NotADescriptor, or what the system says, if the number is not open.
pub fn check_open(number: RawFd) -> Result<()> {
    status_flags(borrow(i64::from(number))?).map(drop)
}

/// Another number for the same file, close-on-exec, and none of the three that
/// programs take for their own.  TableFull if none is free.
#[allow(unsafe_code)]
pub fn duplicate(descriptor: BorrowedFd<'_>) -> Result<OwnedFd> {
    const FIRST: RawFd = 3;
    match fcntl(descriptor, FcntlArg::F_DUPFD_CLOEXEC(FIRST)) {
        // No such number is below the limit.
        Err(Errno::EINVAL) => Err(Error::TableFull),
        // SAFETY: fcntl has just made this number for us alone.
        number => Ok(unsafe { OwnedFd::from_raw_fd(number?) }),
    }
}

/// What kind of file decides how it is buffered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Socket,
    /// A terminal, a pipe: what is read and what is written are not one file.
    Stream,
    File,
}

/// fstat(2); where that fails, as of a file whose server is gone, what can seek is
/// a file.
pub fn kind(descriptor: impl AsFd) -> Kind {
    match fstat(&descriptor).map(|stat| stat.kind) {
        Ok(SFlag::S_IFSOCK) => Kind::Socket,
        Ok(SFlag::S_IFCHR | SFlag::S_IFIFO) => Kind::Stream,
        Ok(_) => Kind::File,
        Err(_) if system::position(descriptor.as_fd()) == Err(Errno::ESPIPE) => Kind::Stream,
        Err(_) => Kind::File,
    }
}

/// Whether clients connect to it; socket(7).
pub fn is_listener(descriptor: impl AsFd) -> bool {
    socket_option::is_listener(descriptor).unwrap_or(false)
}

/// F_GETFD, fcntl(2).
pub fn is_close_on_exec(descriptor: impl AsFd) -> Result<bool> {
    let flags = fcntl(descriptor, FcntlArg::F_GETFD)?;
    Ok(FdFlag::from_bits_retain(flags).contains(FdFlag::FD_CLOEXEC))
}

/// Sets or clears close-on-exec; F_SETFD, fcntl(2).
pub fn set_close_on_exec(descriptor: impl AsFd, on: bool) -> Result<()> {
    let flags = if on { FdFlag::FD_CLOEXEC } else { FdFlag::empty() };
    fcntl(descriptor, FcntlArg::F_SETFD(flags))?;
    Ok(())
}

/// What the kernel calls the file behind a descriptor, whichever number it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pub device: u64,
    pub inode: u64,
}

/// fstat(2).  None for what is not open, and where the system gives sockets no
/// number of their own.  A want of memory passes, and what half a message was
/// read from has to be known.
pub fn identity(descriptor: impl AsFd) -> Option<Identity> {
    const ATTEMPTS: usize = 3;
    let stat = (0..ATTEMPTS).find_map(|_| fstat(descriptor.as_fd()).ok())?;
    (stat.inode != 0).then_some(Identity { device: stat.device, inode: stat.inode })
}

/// Descriptors that nobody has taken yet.  No allocation for the usual one, and
/// small, as answers are moved often.
#[derive(Debug, Default)]
pub struct Descriptors {
    first: Option<OwnedFd>,
    #[allow(clippy::box_collection)]
    rest: Option<Box<Vec<OwnedFd>>>,
}

impl Descriptors {
    pub fn push(&mut self, descriptor: OwnedFd) {
        match self.first {
            None => self.first = Some(descriptor),
            Some(_) => self.rest.get_or_insert_with(Box::default).push(descriptor),
        }
    }

    /// These, and the others behind them.
    #[inline(always)]
    pub fn append(&mut self, others: Descriptors) {
        match self.first {
            None => *self = others,
            Some(_) => self.extend(others),
        }
    }

    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.as_ref().map_or(0, |rest| rest.len())
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub fn first(&self) -> Option<RawFd> {
        self.first.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// The only one; else all.
    pub fn only(mut self) -> std::result::Result<OwnedFd, Self> {
        match self.first.take() {
            Some(only) if self.rest.is_none() => Ok(only),
            first => Err(Descriptors { first, rest: self.rest }),
        }
    }

    /// Closes all but the first `count`; how many that were.
    pub fn truncate(&mut self, count: usize) -> usize {
        let surplus = self.len().saturating_sub(count);
        match (count, &mut self.rest) {
            (0, _) => *self = Descriptors::default(),
            (1, rest) => *rest = None,
            (_, Some(rest)) => rest.truncate(count - 1),
            (_, None) => {}
        }
        surplus
    }
}

impl From<OwnedFd> for Descriptors {
    fn from(descriptor: OwnedFd) -> Self {
        Descriptors { first: Some(descriptor), rest: None }
    }
}

impl FromIterator<OwnedFd> for Descriptors {
    fn from_iter<I: IntoIterator<Item = OwnedFd>>(all: I) -> Self {
        let mut descriptors = Descriptors::default();
        descriptors.extend(all);
        descriptors
    }
}

impl Extend<OwnedFd> for Descriptors {
    fn extend<I: IntoIterator<Item = OwnedFd>>(&mut self, more: I) {
        let mut more = more.into_iter();
        if self.first.is_none() {
            self.first = more.next();
        }
        if let Some(next) = more.next() {
            let rest = self.rest.get_or_insert_with(Box::default);
            rest.push(next);
            rest.extend(more);
        }
    }
}

impl IntoIterator for Descriptors {
    type Item = OwnedFd;
    type IntoIter = std::iter::Chain<std::option::IntoIter<OwnedFd>, std::vec::IntoIter<OwnedFd>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.rest.map_or_else(Vec::new, |rest| *rest))
    }
}
