//! Socket options that nix has no type for; getsockopt(2).
#![allow(unsafe_code)]

use std::mem::{size_of, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

/// EINVAL if the system says more or less than a `T`.
///
/// # Safety
/// Any bytes have to be a valid `T`.
pub unsafe fn get<T>(socket: BorrowedFd<'_>, level: i32, name: i32) -> nix::Result<T> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the call writes at most `length` bytes to `value`, which has as many.
    Errno::result(unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &mut length)
    })?;
    if length as usize != size_of::<T>() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: it is initialised, and valid by the caller's word.
    Ok(unsafe { value.assume_init() })
}
