//! Waiting where poll(2) takes no descriptor, because RLIMIT_NOFILE is smaller
//! than the number of those to wait for; select(2) looks at the table alone.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::signal::SigSet;
use nix::sys::time::TimeSpec;

/// pselect(2) for POLLIN, POLLOUT or POLLPRI of one descriptor, whatever its number; more
/// than 0 when it is ready.
#[allow(unsafe_code)]
pub fn select_with_mask(
    descriptor: BorrowedFd<'_>,
    events: PollFlags,
    timeout: Option<Duration>,
    mask: Option<&SigSet>,
) -> nix::Result<i32> {
    const BITS: usize = libc::c_ulong::BITS as usize;
    let Ok(number) = usize::try_from(descriptor.as_raw_fd()) else {
        return Err(Errno::EBADF);
    };
    // An fd_set has to have room for FD_SETSIZE numbers at least.
    let mut words: Vec<libc::c_ulong> =
        vec![0; (number.max(libc::FD_SETSIZE - 1) + 1).div_ceil(BITS)];
    words[number / BITS] = 1 << (number % BITS);
    let set: *mut libc::fd_set = words.as_mut_ptr().cast();
    let null = std::ptr::null_mut();
    let [input, output, urgent] = [PollFlags::POLLIN, PollFlags::POLLOUT, PollFlags::POLLPRI]
        .map(|event| if events.contains(event) { set } else { null });
    let timeout = timeout.map(TimeSpec::from_duration);
    let timeout = timeout.as_ref().map_or(std::ptr::null(), |timeout| timeout.as_ref());
    let mask = mask.map_or(std::ptr::null(), |mask| mask.as_ref());
    // SAFETY: the set is a bit for each number below the first argument, of whole
    // words as the system has them, and outlives the call, as do the others.
    Errno::result(unsafe { libc::pselect(number as i32 + 1, input, output, urgent, timeout, mask) })
}
