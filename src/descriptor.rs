//! Descriptors: modes, flags, free slots in the table.

use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use nix::fcntl::{fcntl, FcntlArg, FdFlag, OFlag};
use nix::sys::stat::{fstat, SFlag};

use crate::error::{Error, Result};
use crate::system;

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
    /// None for Linux's access mode 3, which allows neither reading nor writing.
    pub fn from_flags(flags: OFlag) -> Option<Self> {
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

/// What kind of file decides how it is buffered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Socket,
    /// A terminal, a pipe: what is read and what is written are not one file.
    Stream,
    File,
}

/// fstat(2).
pub fn kind(descriptor: impl AsFd) -> Kind {
    let Ok(stat) = fstat(descriptor) else {
        return Kind::File;
    };
    match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFSOCK => Kind::Socket,
        SFlag::S_IFCHR | SFlag::S_IFIFO => Kind::Stream,
        _ => Kind::File,
    }
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

/// Numbers that may well be free: where descriptors were received last and the
/// time before, as one is often closed only when the next has come.  Only ever
/// guesses, so that interpreters can share them.
static LIKELY_FREE: [AtomicI32; 2] = [AtomicI32::new(0), AtomicI32::new(0)];

/// Notes where a descriptor was received.
pub fn note_received(number: RawFd) {
    let last = LIKELY_FREE[0].swap(number, Ordering::Relaxed);
    if last != number {
        LIKELY_FREE[1].store(last, Ordering::Relaxed);
    }
}

/// TableFull unless this process can open one more descriptor now.
///
/// Proved anew each time: the limit may have changed, and what was free may be
/// taken.  A guess is cheaper to prove than a slot is to find.
#[allow(unsafe_code)]
#[inline(always)]
pub fn prove_free_slot(any: BorrowedFd<'_>) -> Result<()> {
    let guesses = [&LIKELY_FREE[0], &LIKELY_FREE[1]].map(|guess| guess.load(Ordering::Relaxed));
    if system::is_any_free(guesses) {
        return Ok(());
    }
    let number = fcntl(any, FcntlArg::F_DUPFD_CLOEXEC(0))?;
    // SAFETY: fcntl has just made this number for us alone.
    drop(unsafe { OwnedFd::from_raw_fd(number) });
    Ok(())
}

/// Whether at least so many slots are free: those just below the limit, which
/// fill last.  poll(2) says POLLNVAL for a number that is not open.
#[allow(unsafe_code)]
pub fn plenty_free(count: usize) -> bool {
    // SAFETY: takes an integer.
    let limit = unsafe { libc::sysconf(libc::_SC_OPEN_MAX) };
    let highest = RawFd::try_from(limit).unwrap_or(RawFd::MAX);
    let mut candidates: Vec<libc::pollfd> = (1..=count as RawFd)
        .map(|below| libc::pollfd { fd: (highest - below).max(0), events: 0, revents: 0 })
        .collect();
    // SAFETY: as many as the vector has, initialised; the call writes `revents`.
    // nix's PollFd does not serve, as it borrows what is open.
    let told = unsafe { libc::poll(candidates.as_mut_ptr(), candidates.len() as libc::nfds_t, 0) };
    told == count as i32 && candidates.iter().all(|one| one.revents == libc::POLLNVAL)
}
