//! What every Unix has, for the systems that have nothing better.
// Each takes what it lacks.
#![allow(dead_code)]

use std::ffi::CStr;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::socket::{bind, UnixAddr};
use nix::sys::stat::{umask, Mode};
use nix::unistd::{lseek, Whence};

use crate::identity::Ids;

/// What poll(2) says of a peer that has closed.
pub const HUNG_UP: PollFlags = PollFlags::POLLHUP;

/// open(2) for what is only to be named; it takes read permission.
pub const OPEN_AS_NAME: OFlag = OFlag::O_RDONLY;

/// TCP and UDP themselves refuse what comes with descriptors.
pub const NOT_OVER_TCP: i32 = 0;
pub const NOT_OVER_UDP: Option<i32> = None;

/// There is none through which a socket could be bound.
pub const PATH_OF_DESCRIPTORS: Option<&str> = None;

pub const ABSTRACT_NAMES: bool = false;

pub fn abstract_address(_: &[u8]) -> nix::Result<UnixAddr> {
    Err(Errno::ENOENT)
}

/// poll(2); a signal between taking off the mask and the wait goes unnoticed
/// until the wait ends.
pub fn poll_with_mask(
    fds: &mut [PollFd<'_>],
    timeout: Option<Duration>,
    mask: Option<&SigSet>,
) -> nix::Result<i32> {
    mask.map_or(Ok(()), SigSet::thread_set_mask)?;
    let timeout = timeout.map_or(PollTimeout::NONE, |timeout| {
        PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX)
    });
    poll(fds, timeout)
}

/// Takes one of the signals, which are blocked, if one is pending; sigpending(2),
/// sigwait(3).  This waits where another thread takes it in between: that has to
/// have blocked it as well, and it was sent to the process, not to a thread.
pub fn take_pending(signals: &SigSet) {
    if signals.iter().any(|signal| pending().contains(signal)) {
        let _ = signals.wait();
    }
}

#[allow(unsafe_code)]
fn pending() -> SigSet {
    // SAFETY: sigpending fills the set that it is given, and a set that was
    // filled by it, or by sigemptyset before, is one that SigSet may hold.
    unsafe {
        let mut set = *SigSet::empty().as_ref();
        libc::sigpending(&mut set);
        SigSet::from_sigset_t_unchecked(set)
    }
}

/// No such call.
pub fn rename_exchange(_: BorrowedFd<'_>, _: &CStr, _: &CStr) -> nix::Result<()> {
    Err(Errno::ENOSYS)
}

/// No such call.
pub fn rename_no_replace(_: BorrowedFd<'_>, _: &CStr, _: &CStr) -> nix::Result<()> {
    Err(Errno::ENOSYS)
}

/// There is no lock for a directory.
pub fn try_lock(_: BorrowedFd<'_>) -> nix::Result<Option<()>> {
    Err(Errno::EOPNOTSUPP)
}

/// Where it stands; lseek(2).
#[allow(clippy::useless_conversion)] // off_t differs between systems.
pub fn position(file: BorrowedFd<'_>) -> nix::Result<i64> {
    lseek(file, 0, Whence::SeekCur).map(i64::from)
}

/// bind(2) under a umask that leaves just `mode`; umask(2).  No signal handler
/// runs, or leaves, while that is in force.
pub fn bind_with_mode(
    socket: BorrowedFd<'_>,
    address: &UnixAddr,
    mode: Option<Mode>,
) -> nix::Result<()> {
    let Some(mode) = mode else {
        return bind(socket.as_raw_fd(), address);
    };
    let signals = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let before = umask(mode.complement());
    let bound = bind(socket.as_raw_fd(), address);
    umask(before);
    signals.thread_set_mask()?;
    bound
}

/// Nothing was cut off.
pub fn give_mode_back(_: BorrowedFd<'_>, _: &CStr, _: u64, _: Mode) -> nix::Result<()> {
    Ok(())
}

/// Nothing is known of the other end.
pub fn peer_ids(_: BorrowedFd<'_>) -> nix::Result<Ids> {
    Ok(Ids::default())
}

/// No descriptor stands for a process.
pub fn peer_process(_: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    Err(Errno::EOPNOTSUPP)
}

/// Groups are not told.
pub fn peer_groups(_: BorrowedFd<'_>) -> nix::Result<Vec<u32>> {
    Err(Errno::EOPNOTSUPP)
}

/// There are none, or none that could be sealed.
pub fn memory_file(_: &CStr, _: &[u8]) -> nix::Result<OwnedFd> {
    Err(Errno::EOPNOTSUPP)
}

/// Senders are not noted: where systems do, the note is of any length, and what
/// does not fit beside it is lost.
pub fn note_senders(_: BorrowedFd<'_>) -> nix::Result<()> {
    Err(Errno::EOPNOTSUPP)
}

pub fn ids_of(_: i32, _: i32, _: &[u8]) -> Option<Ids> {
    None
}

pub fn unasked_descriptor(_: i32, _: i32, _: &[u8]) -> Option<i32> {
    None
}

/// No cheap way to say is known.
pub fn is_any_free(_: [RawFd; 2]) -> bool {
    false
}

/// How many descriptors this process may have: RLIMIT_NOFILE, sysconf(3).
#[allow(unsafe_code)]
pub fn limit() -> usize {
    // SAFETY: takes an integer.
    let limit = unsafe { libc::sysconf(libc::_SC_OPEN_MAX) };
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Whether none of the numbers is open: of such poll(2) says POLLNVAL.
#[allow(unsafe_code)]
pub fn are_free(numbers: Range<usize>) -> bool {
    let mut entries: Vec<libc::pollfd> =
        numbers.map(|number| libc::pollfd { fd: number as RawFd, events: 0, revents: 0 }).collect();
    // SAFETY: as many as the vector has, initialised; the call writes `revents`.
    // nix's PollFd does not serve, as it borrows what is open.
    let told = unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, 0) };
    told == entries.len() as i32 && entries.iter().all(|one| one.revents == libc::POLLNVAL)
}

/// Nothing tells.
pub fn is_same_file(_: BorrowedFd<'_>, _: BorrowedFd<'_>) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::AsFd;
    use std::os::unix::fs::DirBuilderExt;
    use std::path::{Path, PathBuf};

    use nix::sys::signal::{raise, Signal};
    use nix::sys::socket::SockType;

    use super::*;
    use crate::system::stat::lstat;
    use crate::system::{socket, socketpair};

    /// Of its own; removed with what is in it.
    struct Directory(PathBuf);

    impl Directory {
        fn new() -> Self {
            let name = format!("fdpasser-{}-posix", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
            Directory(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_numbers_below_the_limit_are_free_unless_one_is_open() {
        let limit = crate::system::limit();
        assert_eq!(limit, super::limit());
        let last = limit.min(0x4000) - 8..limit.min(0x4000);
        assert!(are_free(last.clone()));
        // Linux tells of no number that its table has room for, of 64 at least.
        assert!(last.start < 64 || crate::system::are_free(last));
        for are_free in [are_free, crate::system::are_free] {
            assert!(!are_free(0..8));
        }
    }

    fn bind_to(path: &Path, mode: Mode) -> nix::Result<()> {
        let socket = socket(SockType::Stream)?;
        bind_with_mode(socket.as_fd(), &UnixAddr::new(path)?, Some(mode))
    }

    fn umask_now() -> Mode {
        let now = umask(Mode::all());
        umask(now);
        now
    }

    #[test]
    fn what_is_pending_is_taken_and_nothing_waited_for() {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGPIPE);
        signals.add(Signal::SIGUSR2);
        signals.thread_block().unwrap();
        for take in [take_pending, crate::system::take_pending] {
            raise(Signal::SIGPIPE).unwrap();
            assert!(pending().contains(Signal::SIGPIPE));
            take(&signals);
            assert!(!pending().contains(Signal::SIGPIPE));
            take(&signals);
        }
    }

    #[test]
    fn a_wait_is_under_the_mask_and_no_time_is_too_long_for_it() {
        let mut mask = SigSet::thread_get_mask().unwrap();
        mask.add(Signal::SIGUSR2);
        assert_eq!(poll_with_mask(&mut [], Some(Duration::ZERO), Some(&mask)), Ok(0));
        assert!(SigSet::thread_get_mask().unwrap().contains(Signal::SIGUSR2));
        let (end, other) = socketpair(SockType::Stream).unwrap();
        let closes = std::thread::spawn(move || drop(other));
        let mut fds = [PollFd::new(end.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll_with_mask(&mut fds, Some(Duration::MAX), None), Ok(1));
        closes.join().unwrap();
    }

    // One test: the umask is the whole process's.
    #[test]
    fn a_node_is_as_wide_as_its_mode_says() {
        let directory = Directory::new();
        let node = directory.0.join("node");
        let before = (umask_now(), SigSet::thread_get_mask().unwrap());
        for mode in [0, 0o600, 0o660, 0o666, 0o777].map(Mode::from_bits_truncate) {
            assert_eq!(bind_to(&node, mode), Ok(()));
            let found = lstat(&node).unwrap().permissions;
            assert_eq!(found, mode, "{mode:?}");
            assert_eq!((umask_now(), SigSet::thread_get_mask().unwrap()), before);
            // The name is taken now.
            assert_eq!(bind_to(&node, mode), Err(Errno::EADDRINUSE));
            assert_eq!((umask_now(), SigSet::thread_get_mask().unwrap()), before);
            fs::remove_file(&node).unwrap();
        }
    }
}
