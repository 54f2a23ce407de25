//! Linux.

use std::ffi::CStr;
use std::fs::read_to_string;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{openat, OFlag, AT_FDCWD};
use nix::poll::PollFlags;
use nix::sys::socket::{bind, setsockopt, sockopt, UnixAddr};
use nix::sys::stat::{fchmod, fchmodat, FchmodatFlags, Mode};
use nix::unistd::{lseek64, Whence};

use super::{socket_option, stat::fstat};
use crate::identity::{Ids, IdsOf};

pub use super::cloexec_at_once::*;
pub use super::flock::try_lock;
pub use super::memory_file::memory_file;
pub use super::peer_process::{peer_groups, peer_process};
pub use super::ppoll::poll_with_mask;
pub use super::sigtimedwait::take_pending;

/// What poll(2) says of a peer that has closed, or shut down its side.
pub const HUNG_UP: PollFlags = PollFlags::from_bits_retain(libc::POLLRDHUP);

/// open(2) for what is only to be named, not read; it takes no read permission.
pub const OPEN_AS_NAME: OFlag = OFlag::O_PATH;

/// proc(5): a directory with a name for each open descriptor.
pub const PATH_OF_DESCRIPTORS: Option<&str> = Some("/proc/self/fd");

/// unix(7): a name outside the file system starts with a NUL byte.
pub const ABSTRACT_NAMES: bool = true;

pub fn abstract_address(name: &[u8]) -> nix::Result<UnixAddr> {
    UnixAddr::new_abstract(name)
}

/// Whether one of the numbers, the likelier first, is free and below the limit,
/// or false if that would be dear to say.
///
/// poll(2) would say both at once.  But it takes a descriptor that only names a
/// file (O_PATH) for none, and of a number that is taken it asks the file itself,
/// and in a file system of a user's own (FUSE) that may never answer.
#[inline(always)]
pub fn is_any_free(numbers: [RawFd; 2]) -> bool {
    let is_free = |number| is_closed(number) && (number as usize) < limit();
    LIMIT_IS_CHEAP && numbers.into_iter().any(is_free)
}

/// F_GETFD, fcntl(2).
#[allow(unsafe_code)]
#[inline(always)]
fn is_closed(number: RawFd) -> bool {
    // SAFETY: F_GETFD takes no argument and changes nothing.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    Errno::result(flags) == Err(Errno::EBADF)
}

/// Where it is not, opening something costs less.
const LIMIT_IS_CHEAP: bool = cfg!(all(target_arch = "x86_64", target_pointer_width = "64"));

/// sendmsg(2)'s flag for the first bytes of a TCP connection: EISCONN where there is
/// one.  No other family looks at it; tcp(7).
pub const NOT_OVER_TCP: i32 = libc::MSG_FASTOPEN;

/// The level of control messages for UDP, which refuses types that it does not know:
/// EINVAL, since Linux 4.18.  Sockets of other families pass over them; udp(7).
pub const NOT_OVER_UDP: Option<i32> = Some(libc::SOL_UDP);

/// How many descriptors this process may have: RLIMIT_NOFILE, getrlimit(2).  Not
/// by prlimit64, which C libraries call for it: that costs twice as much.  Not
/// every architecture has the older call.
#[allow(unsafe_code)]
#[inline(always)]
pub fn limit() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
    // SAFETY: getrlimit writes one rlimit, which on this architecture has the
    // kernel's layout.
    unsafe {
        libc::syscall(libc::SYS_getrlimit, libc::RLIMIT_NOFILE, &mut limit)
    };
    #[cfg(not(all(target_arch = "x86_64", target_pointer_width = "64")))]
    // SAFETY: getrlimit writes one rlimit.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit)
    };
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}

/// Whether none of the numbers, which end at the limit, is open, or false if that
/// would be dear to say.
///
/// The second attempt is for programs with many descriptors: qemu-user knows no
/// numbers beyond FD_SETSIZE, and aborts.
pub fn are_free(numbers: Range<usize>) -> bool {
    [libc::FD_SETSIZE, MOST_KNOWN].iter().any(|most| is_beyond_table(numbers.start.min(most - 1)))
}

/// Of more numbers nothing is known.
const MOST_KNOWN: usize = 0x4000;

/// Whether the table of descriptors, which grows with the highest number, does not
/// reach to there.
///
/// Of a number that is not open select(2) says EBADF, but not of one that is
/// beyond the table: "BUGS" in its manual.
#[allow(unsafe_code)]
fn is_beyond_table(number: usize) -> bool {
    const BITS: usize = libc::c_ulong::BITS as usize;
    if !is_closed(number as RawFd) {
        return false;
    }
    let mut set: [libc::c_ulong; MOST_KNOWN / BITS] = [0; MOST_KNOWN / BITS];
    set[number / BITS] = 1 << (number % BITS);
    let mut at_once = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let null = std::ptr::null_mut();
    // SAFETY: the set is a bit for each number below the first argument, of whole
    // words as the kernel has them; it and the time outlive the call.
    let told = unsafe {
        libc::select(number as i32 + 1, null, null, set.as_mut_ptr().cast(), &mut at_once)
    };
    told == 0
}

/// renameat2(2): the two names change places, or nothing happens.
pub fn rename_exchange(directory: BorrowedFd<'_>, one: &CStr, other: &CStr) -> nix::Result<()> {
    renameat2(directory, one, other, i64::from(libc::RENAME_EXCHANGE))
}

/// renameat2(2): EEXIST if `to` is there already.
pub fn rename_no_replace(directory: BorrowedFd<'_>, from: &CStr, to: &CStr) -> nix::Result<()> {
    renameat2(directory, from, to, i64::from(libc::RENAME_NOREPLACE))
}

/// By its number: not every libc has a function for it.
#[allow(unsafe_code)]
fn renameat2(directory: BorrowedFd<'_>, from: &CStr, to: &CStr, flags: i64) -> nix::Result<()> {
    let (directory, flags) = (directory.as_raw_fd(), flags as libc::c_uint);
    // SAFETY: both names are strings that end with a NUL byte.
    let renamed = unsafe {
        libc::syscall(libc::SYS_renameat2, directory, from.as_ptr(), directory, to.as_ptr(), flags)
    };
    Errno::result(renamed).map(drop)
}

/// Where it stands; lseek(2).
pub fn position(file: BorrowedFd<'_>) -> nix::Result<i64> {
    lseek64(file, 0, Whence::SeekCur)
}

/// bind(2); the node gets the permissions in `mode` less the umask, which
/// [`give_mode_back`] gives back.  Linux takes them from the socket itself, set by
/// fchmod before.
pub fn bind_with_mode(
    socket: BorrowedFd<'_>,
    address: &UnixAddr,
    mode: Option<Mode>,
) -> nix::Result<()> {
    if let Some(mode) = mode {
        fchmod(socket, mode)?;
    }
    bind(socket.as_raw_fd(), address)
}

/// Gives the node what the umask has cut off its permissions, through a descriptor
/// of the node itself: by now the name may stand for another, which is left alone.
pub fn give_mode_back(
    directory: BorrowedFd<'_>,
    name: &CStr,
    inode: u64,
    mode: Mode,
) -> nix::Result<()> {
    let node = openat(
        directory,
        name,
        OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC,
        Mode::empty(),
    )?;
    let found = fstat(&node)?;
    if found.inode != inode || found.permissions.contains(mode) {
        return Ok(());
    }
    // Not every kernel has a call that takes such a descriptor.
    let path = format!("/proc/self/fd/{}", node.as_raw_fd());
    fchmodat(AT_FDCWD, path.as_str(), mode, FchmodatFlags::FollowSymlink)
}

/// SO_PEERCRED, unix(7): effective ids at the time of connect.
#[allow(unsafe_code)]
pub fn peer_ids(connection: BorrowedFd<'_>) -> nix::Result<Ids> {
    let peer: libc::ucred =
        // SAFETY: the structure is three integers.
        unsafe { socket_option::get(connection, libc::SOL_SOCKET, libc::SO_PEERCRED)? };
    // A socket that has no peer says pid 0 and ids of -1; a listener says who
    // listens, and has no peer either.
    let nobody = peer.pid == 0 && peer.uid == u32::MAX;
    if nobody || socket_option::is_listener(connection)? {
        return Err(Errno::ENOTCONN);
    }
    Ok(ids_from(peer.pid, peer.uid, peer.gid, IdsOf::Connection))
}

/// SO_PASSCRED, unix(7).
pub fn note_senders(connection: BorrowedFd<'_>) -> nix::Result<()> {
    setsockopt(&connection, sockopt::PassCred, &true)
}

/// The sender in a control message, if it is one of SCM_CREDENTIALS and the
/// kernel knew who sent.
#[allow(unsafe_code)]
pub fn ids_of(level: i32, kind: i32, data: &[u8]) -> Option<Ids> {
    let whole = data.len() >= std::mem::size_of::<libc::ucred>();
    if level != libc::SOL_SOCKET || kind != libc::SCM_CREDENTIALS || !whole {
        return None;
    }
    // SAFETY: `data` is as long as a ucred, which is three integers, any bytes
    // of which are valid.
    let sender = unsafe { data.as_ptr().cast::<libc::ucred>().read_unaligned() };
    is_noted(&sender).then(|| ids_from(sender.pid, sender.uid, sender.gid, IdsOf::Message))
}

/// pid 0 is said of a message from before SO_PASSCRED, and the ids that stand
/// for unknown ones; but also of a sender whose process has no number here, as
/// seen from inside a container (pid_namespaces(7)), and its true ids.
fn is_noted(sender: &libc::ucred) -> bool {
    sender.pid != 0
        || overflow_id("uid").is_some_and(|unknown| sender.uid != unknown)
        || overflow_id("gid").is_some_and(|unknown| sender.gid != unknown)
}

/// What stands for an id that is unknown or has no number here;
/// user_namespaces(7).
fn overflow_id(kind: &str) -> Option<u32> {
    read_to_string(format!("/proc/sys/kernel/overflow{kind}")).ok()?.trim_end().parse().ok()
}

fn ids_from(pid: i32, uid: u32, gid: u32, of: IdsOf) -> Ids {
    Ids {
        pid: (pid != 0).then_some(i64::from(pid)),
        uid: Some(i64::from(uid)),
        gid: Some(i64::from(gid)),
        of,
    }
}

/// A descriptor that came though nobody asked for it: SCM_PIDFD, where the
/// program has set SO_PASSPIDFD.
pub fn unasked_descriptor(level: i32, kind: i32, data: &[u8]) -> Option<i32> {
    const SCM_PIDFD: i32 = 4;
    let number = data.get(..4)?.try_into().map(i32::from_ne_bytes).ok()?;
    (level == libc::SOL_SOCKET && kind == SCM_PIDFD && number >= 0).then_some(number)
}

/// Whether both are numbers for one open file, offset and all: F_DUPFD_QUERY,
/// since Linux 6.10.  False where that is not known; kcmp(2) would know, but there
/// are sandboxes that kill who calls it.
#[allow(unsafe_code)]
pub fn is_same_file(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    const F_DUPFD_QUERY: libc::c_int = 1027;
    // SAFETY: takes two numbers, and changes nothing.
    unsafe { libc::fcntl(one.as_raw_fd(), F_DUPFD_QUERY, other.as_raw_fd()) == 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel says an errno where it had no room for one.
    #[test]
    fn what_is_no_number_is_no_descriptor() {
        let unasked = |number: i32| unasked_descriptor(libc::SOL_SOCKET, 4, &number.to_ne_bytes());
        assert_eq!([0, 7, -1, -24].map(unasked), [Some(0), Some(7), None, None]);
        assert_eq!(unasked_descriptor(libc::SOL_SOCKET, libc::SCM_RIGHTS, &[7, 0, 0, 0]), None);
        assert_eq!(unasked_descriptor(libc::SOL_SOCKET, 4, &[7, 0, 0]), None);
    }
}
