//! STREAMS as illumos and Solaris have them; streamio(4I), connld(4M).
#![allow(unsafe_code)]

mod attach;
mod declarations;
mod open;

pub use attach::Attaching;
pub use open::Opening;

use std::mem::zeroed;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::stat::SFlag;

use super::{Passed, Received, Room, HANGUP, NOT_OF_THIS_KIND};
use crate::descriptor;
use crate::error::{Error, Result};
use crate::identity::{Ids, IdsOf};
use crate::system::stat::fstat;
use crate::wait;
use declarations::{getmsg as getmsg_call, strbuf, strrecvfd, RNORM};

pub const NAME: &str = "streams";
pub const IS_DEFAULT: bool = true;

/// The longest message that a write makes is PIPE_BUF, 5120.
const LONGEST_MESSAGE: usize = 8192;

/// ioctl(2) with an integer.
fn ioctl(stream: BorrowedFd<'_>, request: libc::c_int, argument: libc::c_int) -> nix::Result<i32> {
    // SAFETY: the requests that this is called with take an integer and touch
    // no memory of ours.
    Errno::result(unsafe { libc::ioctl(stream.as_raw_fd(), request, argument) })
}

/// ioctl(2) with a pointer.
fn ioctl_with<T>(
    stream: BorrowedFd<'_>,
    request: libc::c_int,
    argument: &mut T,
) -> nix::Result<i32> {
    let argument: *mut T = argument;
    // SAFETY: the requests that this is called with read and write the type that
    // they are called with, which outlives the call.
    Errno::result(unsafe { libc::ioctl(stream.as_raw_fd(), request, argument) })
}

pub fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    let mut numbers: [RawFd; 2] = [-1; 2];
    // SAFETY: the call writes two integers to where the pointer says.
    Errno::result(unsafe { libc::pipe2(numbers.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: pipe2 has just made these for us alone.
    let (one, other) = numbers.map(|number| unsafe { OwnedFd::from_raw_fd(number) }).into();
    // Else what is written before the first call of STREAMS would be one message.
    ioctl(one.as_fd(), libc::I_SRDOPT, RNORM)?;
    Ok((one, other))
}

/// AF_UNIX sockets are streams too, but no descriptors pass over them this way.
pub fn isastream(end: BorrowedFd<'_>) -> Result<bool> {
    match ioctl(end, libc::I_CANPUT, 0) {
        Ok(_) => Ok(fstat(end)?.kind == SFlag::S_IFIFO),
        Err(Errno::EBADF) => Err(Error::NotADescriptor),
        Err(_) => Ok(false),
    }
}

/// Waits for nothing: a full queue is seen before.
pub fn write(to: BorrowedFd<'_>, message: &[u8]) -> Result<usize> {
    if room_for(to, 1) != Room::Now {
        return Err(Error::WouldBlock);
    }
    Ok(nix::unistd::write(to, message)?)
}

/// Whether there is room to send at all.
pub fn room_for(to: BorrowedFd<'_>, _count: usize) -> Room {
    Room::now(wait::ready(to, PollFlags::POLLOUT))
}

/// What is longer than `most`, or than any write makes it, stays in part.
pub fn getmsg(from: BorrowedFd<'_>, most: usize) -> Result<Vec<u8>> {
    if !wait::ready(from, PollFlags::POLLIN) {
        return Err(Error::WouldBlock);
    }
    let mut message = vec![0; most.min(LONGEST_MESSAGE)];
    let mut data =
        strbuf { maxlen: message.len() as libc::c_int, len: 0, buf: message.as_mut_ptr().cast() };
    let mut flags = 0;
    let told =
        // SAFETY: `data` says how long `message` is, and there is no control part.
        unsafe { getmsg_call(from.as_raw_fd(), std::ptr::null_mut(), &mut data, &mut flags) };
    Errno::result(told)?;
    message.truncate(usize::try_from(data.len).unwrap_or(0));
    Ok(message)
}

pub fn sendfd(to: BorrowedFd<'_>, descriptor: RawFd) -> Result<()> {
    Ok(ioctl(to, libc::I_SENDFD, descriptor).map(drop)?)
}

pub fn recvfd(from: BorrowedFd<'_>, close_on_exec: bool) -> Result<Passed> {
    if !wait::ready(from, PollFlags::POLLIN) {
        return Err(Error::WouldBlock);
    }
    // SAFETY: integers, for which zeros are valid.
    let mut received: strrecvfd = unsafe { zeroed() };
    ioctl_with(from, libc::I_RECVFD, &mut received)?;
    // SAFETY: the call has just installed this number for us alone.
    let descriptor = unsafe { OwnedFd::from_raw_fd(received.fd) };
    if close_on_exec {
        descriptor::set_close_on_exec(&descriptor, true)?;
    }
    let sender = Ids {
        pid: None,
        uid: Some(i64::from(received.uid)),
        gid: Some(i64::from(received.gid)),
        of: IdsOf::Message,
    };
    Ok(Passed { descriptor, sender: Some(Box::new(sender)), surplus: 0 })
}

pub fn receive(from: BorrowedFd<'_>, most: usize, close_on_exec: bool) -> Result<Received> {
    match getmsg(from, most) {
        Err(NOT_OF_THIS_KIND) => recvfd(from, close_on_exec).map(Received::Descriptor),
        message => message.map(Received::Data),
    }
}

pub fn push_connld(end: BorrowedFd<'_>) -> Result<()> {
    let mut module = *b"connld\0";
    if wait::hung_up(end) {
        return Err(HANGUP);
    }
    Ok(ioctl_with(end, libc::I_PUSH, &mut module).map(drop)?)
}
