//! poll(2) with a signal mask; ppoll(2).

use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFd;
use nix::sys::signal::SigSet;
use nix::sys::time::TimeSpec;

/// nix has it for some of the systems only.
#[allow(unsafe_code)]
pub fn poll_with_mask(
    fds: &mut [PollFd<'_>],
    timeout: Option<Duration>,
    mask: Option<&SigSet>,
) -> nix::Result<i32> {
    let timeout = timeout.map(TimeSpec::from_duration);
    let timeout = timeout.as_ref().map_or(std::ptr::null(), |timeout| timeout.as_ref());
    let mask = mask.map_or(std::ptr::null(), |mask| mask.as_ref());
    let count = fds.len() as libc::nfds_t;
    // SAFETY: PollFd is a pollfd by its layout, and the call writes to as many
    // as there are; the timeout and the mask outlive it, if they are not null.
    Errno::result(unsafe { libc::ppoll(fds.as_mut_ptr().cast(), count, timeout, mask) })
}
