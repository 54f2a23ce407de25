//! What a file is, where the C library's stat(2) has 32 bits for the number of an
//! inode or the seconds of a time, and fails with EOVERFLOW if one needs more; statx(2).
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag};
use nix::NixPath;

use super::stat::Stat;

/// By the descriptor alone.
pub fn of(descriptor: BorrowedFd<'_>) -> nix::Result<Stat> {
    ask(descriptor, c"", libc::AT_EMPTY_PATH)
}

pub fn at<P: ?Sized + NixPath>(
    directory: BorrowedFd<'_>,
    path: &P,
    follow: bool,
) -> nix::Result<Stat> {
    let flags = if follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    path.with_nix_path(|path| ask(directory, path, flags))?
}

fn ask(directory: BorrowedFd<'_>, path: &CStr, flags: i32) -> nix::Result<Stat> {
    match statx(directory, path, flags) {
        // Before Linux 4.11; in a sandbox that does not know it.
        Err(Errno::ENOSYS | Errno::EPERM) => fstatat64(directory, path, flags),
        told => told,
    }
}

/// By its number: not every libc has a function for it.
fn statx(directory: BorrowedFd<'_>, path: &CStr, flags: i32) -> nix::Result<Stat> {
    let (directory, wanted) = (directory.as_raw_fd(), libc::STATX_BASIC_STATS);
    let mut told = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: the path ends with a NUL byte, and the call writes one statx, which has
    // the kernel's layout.
    let told = unsafe {
        let path = path.as_ptr();
        Errno::result(libc::syscall(
            libc::SYS_statx,
            directory,
            path,
            flags,
            wanted,
            told.as_mut_ptr(),
        ))?;
        told.assume_init()
    };
    Ok(Stat {
        kind: SFlag::from_bits_truncate(told.stx_mode.into()),
        permissions: Mode::from_bits_truncate(told.stx_mode.into()),
        owner: told.stx_uid,
        size: told.stx_size,
        device: libc::makedev(told.stx_dev_major, told.stx_dev_minor),
        inode: told.stx_ino,
    })
}

/// Inodes of 64 bits, and times of 32.
fn fstatat64(directory: BorrowedFd<'_>, path: &CStr, flags: i32) -> nix::Result<Stat> {
    let mut told = MaybeUninit::<libc::stat64>::zeroed();
    // SAFETY: the path ends with a NUL byte, and the call writes one stat64.
    let told = unsafe {
        let (directory, path) = (directory.as_raw_fd(), path.as_ptr());
        Errno::result(libc::fstatat64(directory, path, told.as_mut_ptr(), flags))?;
        told.assume_init()
    };
    Ok(Stat {
        kind: SFlag::from_bits_truncate(told.st_mode),
        permissions: Mode::from_bits_truncate(told.st_mode),
        owner: told.st_uid,
        size: told.st_size as u64,
        device: told.st_dev,
        inode: told.st_ino,
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn an_older_kernel_says_the_same() {
        let file = File::open("/proc/self/exe").unwrap();
        let told = statx(file.as_fd(), c"", libc::AT_EMPTY_PATH);
        assert!(told.is_ok());
        assert_eq!(fstatat64(file.as_fd(), c"", libc::AT_EMPTY_PATH), told);
    }
}
