//! The process at the other end, as a descriptor that stands for it, and the
//! groups it was in: SO_PEERPIDFD, SO_PEERGROUPS; unix(7), pidfd_open(2).
#![allow(unsafe_code)]

use std::mem::{size_of, size_of_val};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

#[cfg(not(target_os = "android"))]
use libc::{SO_PEERGROUPS, SO_PEERPIDFD};
use nix::errno::Errno;

use super::current::peer_ids;

/// The libc crate has no names for them there; asm-generic/socket.h.
#[cfg(target_os = "android")]
const SO_PEERGROUPS: i32 = 59;
#[cfg(target_os = "android")]
const SO_PEERPIDFD: i32 = 77;

/// So many groups are asked for first; most processes are in fewer.
const USUAL: usize = 32;

/// Close-on-exec.  ENOTCONN without a peer, EOPNOTSUPP before Linux 6.5; ESRCH
/// where the process has been reaped already, before Linux 6.16.
pub fn peer_process(connection: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    peer_ids(connection)?;
    let mut number = [-1];
    match get(connection, SO_PEERPIDFD, &mut number).1 {
        Err(Errno::ENOPROTOOPT) => Err(Errno::EOPNOTSUPP),
        Err(Errno::EINVAL) => Err(Errno::ESRCH),
        // Nothing was said after all.
        Ok(()) if number[0] < 0 => Err(Errno::EOPNOTSUPP),
        // SAFETY: the kernel has just installed this number for us alone.
        told => told.map(|()| unsafe { OwnedFd::from_raw_fd(number[0]) }),
    }
}

/// The supplementary ones, as they were when it connected.  ENOTCONN without a
/// peer, EOPNOTSUPP before Linux 4.13.
pub fn peer_groups(connection: BorrowedFd<'_>) -> nix::Result<Vec<u32>> {
    peer_ids(connection)?;
    let mut groups = vec![0_u32; USUAL];
    loop {
        let (size, told) = get(connection, SO_PEERGROUPS, &mut groups);
        match told {
            Err(Errno::ERANGE) if size > size_of_val(groups.as_slice()) => {
                groups.resize(size / size_of::<u32>(), 0);
            }
            Err(Errno::ENOPROTOOPT) => return Err(Errno::EOPNOTSUPP),
            told => {
                told?;
                groups.truncate(size / size_of::<u32>());
                return Ok(groups);
            }
        }
    }
}

/// getsockopt(2); also how many bytes the system has, or would need.
fn get<T>(socket: BorrowedFd<'_>, name: i32, values: &mut [T]) -> (usize, nix::Result<()>)
where
    T: Integer,
{
    let mut size = size_of_val(values) as libc::socklen_t;
    let room = values.as_mut_ptr().cast();
    let told =
        // SAFETY: the call writes at most `size` bytes, which `values` has, and any
        // bytes are valid integers.
        unsafe { libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, room, &mut size) };
    (size as usize, Errno::result(told).map(drop))
}

/// Of which any bytes are valid.
trait Integer {}
impl Integer for i32 {}
impl Integer for u32 {}
