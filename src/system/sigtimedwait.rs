//! Signals that are pending, without waiting for more; sigtimedwait(2).

use std::time::Duration;

use nix::sys::signal::SigSet;
use nix::sys::time::TimeSpec;

/// Takes one of the signals, which are blocked, if one is pending.
#[allow(unsafe_code)]
pub fn take_pending(signals: &SigSet) {
    let at_once = TimeSpec::from_duration(Duration::ZERO);
    // SAFETY: both outlive the call, which may leave out the information.
    unsafe { libc::sigtimedwait(signals.as_ref(), std::ptr::null_mut(), at_once.as_ref()) };
}
