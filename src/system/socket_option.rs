//! Socket options; getsockopt(2).
//!
//! Not by nix, which panics where the system says another length than it should:
//! under qemu-user a timeout has none.
#![allow(unsafe_code)]

use std::mem::{size_of, MaybeUninit};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::SockType;

/// SO_TYPE; EINVAL for a type that has no name here.
pub fn kind(socket: impl AsFd) -> nix::Result<SockType> {
    SockType::try_from(number(socket, libc::SO_TYPE)?)
}

/// SO_ACCEPTCONN: whether clients connect to it.
pub fn is_listener(socket: impl AsFd) -> nix::Result<bool> {
    Ok(number(socket, libc::SO_ACCEPTCONN)? != 0)
}

/// SO_RCVTIMEO; None: no timeout.
pub fn receive_timeout(socket: impl AsFd) -> nix::Result<Option<Duration>> {
    timeout(socket, libc::SO_RCVTIMEO)
}

/// SO_SNDTIMEO; None: no timeout.
pub fn send_timeout(socket: impl AsFd) -> nix::Result<Option<Duration>> {
    timeout(socket, libc::SO_SNDTIMEO)
}

/// Also none if the system says it at another length.
fn timeout(socket: impl AsFd, name: i32) -> nix::Result<Option<Duration>> {
    // SAFETY: a timeval is integers.
    let told = unsafe { whole::<libc::timeval>(socket.as_fd(), libc::SOL_SOCKET, name)? };
    Ok(told.and_then(duration).filter(|timeout| !timeout.is_zero()))
}

#[allow(clippy::unnecessary_fallible_conversions)] // Their types differ between systems.
fn duration(time: libc::timeval) -> Option<Duration> {
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let micros = u64::try_from(time.tv_usec).ok()?;
    Duration::from_secs(seconds).checked_add(Duration::from_micros(micros))
}

/// An option of SOL_SOCKET that is an int.
pub fn number(socket: impl AsFd, name: i32) -> nix::Result<i32> {
    // SAFETY: any bytes are an integer.
    unsafe { get(socket.as_fd(), libc::SOL_SOCKET, name) }
}

/// EINVAL if the system says more or less than a `T`.
///
/// # Safety
/// Any bytes have to be a valid `T`.
pub unsafe fn get<T>(socket: BorrowedFd<'_>, level: i32, name: i32) -> nix::Result<T> {
    // SAFETY: the caller's word.
    unsafe { whole(socket, level, name)?.ok_or(Errno::EINVAL) }
}

/// None if the system says more or less than a `T`.
///
/// # Safety
/// Any bytes have to be a valid `T`.
unsafe fn whole<T>(socket: BorrowedFd<'_>, level: i32, name: i32) -> nix::Result<Option<T>> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the call writes at most `length` bytes to `value`, which has as many.
    Errno::result(unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &mut length)
    })?;
    // SAFETY: it is initialised, and valid by the caller's word.
    Ok((length as usize == size_of::<T>()).then(|| unsafe { value.assume_init() }))
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{setsockopt, sockopt};
    use nix::sys::time::{TimeVal, TimeValLike};

    use super::*;
    use crate::system::socketpair;

    #[test]
    fn a_timeout_is_as_it_was_set() {
        let (socket, _peer) = socketpair(SockType::Stream).unwrap();
        assert_eq!(receive_timeout(&socket), Ok(None));
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(2500)).unwrap();
        assert_eq!(receive_timeout(&socket), Ok(Some(Duration::from_millis(2500))));
        assert_eq!(send_timeout(&socket), Ok(None));
    }

    /// An int stands for a timeout here.
    #[test]
    fn one_of_another_length_is_none() {
        let (socket, _peer) = socketpair(SockType::Stream).unwrap();
        assert_eq!(timeout(&socket, libc::SO_TYPE), Ok(None));
        let buffer = number(&socket, libc::SO_SNDBUF);
        assert!(buffer.is_ok_and(|size| size > 0));
        // SAFETY: any bytes are an integer.
        let told = unsafe { get::<u64>(socket.as_fd(), libc::SOL_SOCKET, libc::SO_SNDBUF) };
        assert_eq!(told, Err(Errno::EINVAL));
    }

    #[test]
    fn no_such_time_is_none() {
        for (tv_sec, tv_usec) in [(-1, 0), (0, -1)] {
            assert_eq!(duration(libc::timeval { tv_sec, tv_usec }), None);
        }
    }
}
