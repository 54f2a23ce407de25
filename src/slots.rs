//! Free numbers in the table of descriptors, proved: what would come into a
//! full one is lost.

use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use nix::errno::Errno;
use nix::fcntl::{fcntl, FcntlArg};

use crate::error::{Error, Result};
use crate::system;

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
pub fn prove_one(any: BorrowedFd<'_>) -> Result<()> {
    let guesses = [&LIKELY_FREE[0], &LIKELY_FREE[1]].map(|guess| guess.load(Ordering::Relaxed));
    if system::is_any_free(guesses) {
        return Ok(());
    }
    let number = match fcntl(any, FcntlArg::F_DUPFD_CLOEXEC(0)) {
        // No number at all is below the limit.
        Err(Errno::EINVAL) => return Err(Error::TableFull),
        number => number?,
    };
    // SAFETY: fcntl has just made this number for us alone.
    drop(unsafe { OwnedFd::from_raw_fd(number) });
    Ok(())
}

/// Where to look for free slots at most: fs.nr_open may have been set below the
/// limit, but not this low.
const HIGHEST: usize = 0x1_0000;

/// Whether at least so many slots are free: those just below the limit, which
/// fill last.
pub fn are_free(count: usize) -> bool {
    let end = system::limit().min(HIGHEST);
    end >= count && system::are_free(end - count..end)
}
