//! Streams where there are none, over AF_UNIX sockets of type SOCK_SEQPACKET.
//!
//! A packet is a message.  A passed descriptor is a packet of one byte that
//! carries it, and the sender's effective ids with it.  Ids are noted on both
//! ends, so that they always come.

mod name;
mod open;

#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "linux.rs"]
mod packet_socket;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[path = "bsd.rs"]
mod packet_socket;

pub use name::{fattach, fdetach, push_connld, Attaching};
pub use open::Opening;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::signal::{raise, Signal};
use nix::sys::socket::{getsockname, getsockopt, sockopt, SockType, UnixAddr};

use packet_socket::NOTES_SENDERS;

use super::{Passed, HANGUP, NOT_OF_THIS_KIND};
use crate::descriptor;
use crate::error::{Error, Result};
use crate::operation::Ids;
use crate::system;
use crate::transport::ancillary;
use crate::transport::room::{self, Taking};
use crate::wait;

pub const NAME: &str = "streams (emulated)";
pub const IS_DEFAULT: bool = false;

/// The one packet that tells a client that it was accepted.
const ACKNOWLEDGEMENT: [u8; 1] = [0];

pub fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    let (one, other) = system::socketpair(SockType::SeqPacket)?;
    for end in [&one, &other] {
        // Both are for more than the plain stream; where a system cannot, its
        // answers are "not known" and "not supported".
        let _ = system::note_senders(end.as_fd());
        let _ = packet_socket::name_end(end.as_fd());
    }
    Ok((one, other))
}

pub fn isastream(end: BorrowedFd<'_>) -> Result<bool> {
    match getsockopt(&end, sockopt::SockType) {
        Ok(SockType::SeqPacket) => Ok(is_unix(end)),
        Ok(_) | Err(Errno::ENOTSOCK) => Ok(false),
        // A type that has no name here.
        Err(Errno::EINVAL) => Ok(false),
        Err(errno) => Err(Error::from(errno)),
    }
}

fn is_unix(socket: BorrowedFd<'_>) -> bool {
    getsockname::<UnixAddr>(socket.as_raw_fd()).is_ok()
}

/// ENOTTY for what is no socket, EOPNOTSUPP for another kind of socket.
fn check_stream(end: BorrowedFd<'_>) -> Result<()> {
    if isastream(end)? {
        return Ok(());
    }
    Err(Error::System(match getsockopt(&end, sockopt::SockType) {
        Err(Errno::ENOTSOCK) => Errno::ENOTTY,
        _ => Errno::EOPNOTSUPP,
    }))
}

/// Whether it is the server's end of a named stream.
fn is_listener(end: BorrowedFd<'_>) -> bool {
    getsockopt(&end, sockopt::AcceptConn).unwrap_or(false)
}

fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN)
}

pub fn write(to: BorrowedFd<'_>, message: &[u8]) -> Result<usize> {
    match ancillary::send_packet(to, message, &[]) {
        Err(errno) if is_gone(errno) => {
            // Not every system raises it for packets.
            raise(Signal::SIGPIPE)?;
            Err(Error::System(Errno::EPIPE))
        }
        sent => Ok(sent?),
    }
}

pub fn has_room(to: BorrowedFd<'_>) -> bool {
    packet_socket::room_for_two(to)
}

/// At most `most` bytes; a longer message stays queued: TooLong.
pub fn getmsg(from: BorrowedFd<'_>, most: usize) -> Result<Vec<u8>> {
    let seen = match ancillary::peek_length(from) {
        Err(Errno::ENOTCONN) if is_listener(from) => return Err(why_no_data(from)),
        seen => seen?,
    };
    if ancillary::brings_descriptor(from, seen) {
        return Err(NOT_OF_THIS_KIND);
    }
    if seen.length > most {
        return Err(Error::TooLong);
    }
    // All that is queued is at least as long as its first message.
    let mut message = vec![0; ancillary::queued(from).max(1)];
    let length = ancillary::take_bytes(from, &mut message)?;
    message.truncate(length);
    Ok(message)
}

/// At the server's end there are only connections, which are descriptors.
fn why_no_data(listener: BorrowedFd<'_>) -> Error {
    match wait::ready(listener, PollFlags::POLLIN) {
        true => NOT_OF_THIS_KIND,
        false => Error::WouldBlock,
    }
}

/// ETOOMANYREFS is not made EAGAIN: poll(2) would say that there is room.
pub fn sendfd(to: BorrowedFd<'_>, descriptor: RawFd) -> Result<()> {
    check_stream(to)?;
    let rights = descriptor.to_ne_bytes();
    let credentials = packet_socket::own_credentials();
    let both = [(libc::SCM_RIGHTS, &rights[..]), (credentials.0, &credentials.1)];
    let messages = &both[..if NOTES_SENDERS { 2 } else { 1 }];
    match ancillary::send_packet(to, &[0], messages) {
        Ok(_) => Ok(()),
        Err(errno) if is_gone(errno) => Err(HANGUP),
        Err(errno) => Err(Error::from(errno)),
    }
}

/// At the server's end of a named stream: a connection.
pub fn recvfd(from: BorrowedFd<'_>, close_on_exec: bool) -> Result<Passed> {
    let seen = match ancillary::peek_length(from) {
        Err(Errno::ENOTCONN) if is_listener(from) => return accept(from, close_on_exec),
        Err(Errno::ENOTSOCK) => return Err(Error::System(Errno::ENOTTY)),
        seen => seen?,
    };
    if !ancillary::brings_descriptor(from, seen) {
        return Err(if seen.length == 0 { HANGUP } else { NOT_OF_THIS_KIND });
    }
    let taking = Taking { close_on_exec, most: 1, all_or_nothing: false };
    let mut received = room::take(from, &mut [0; 2], taking)?;
    let surplus = received.descriptors.truncate(1);
    match received.descriptors.into_iter().next() {
        Some(descriptor) => Ok(Passed { descriptor, sender: received.sender, surplus }),
        None if received.control_cut => Err(Error::Refused),
        // Another reader has taken it.
        None => Err(Error::WouldBlock),
    }
}

/// accept(2), and the client is told; one that has given up by now leaves a
/// stale stream.  WouldBlock if nobody waits.
fn accept(listener: BorrowedFd<'_>, close_on_exec: bool) -> Result<Passed> {
    if !wait::ready(listener, PollFlags::POLLIN) {
        return Err(Error::WouldBlock);
    }
    let descriptor = system::accept(listener, close_on_exec)?;
    let _ = system::note_senders(descriptor.as_fd());
    let sender = peer_ids(descriptor.as_fd()).ok();
    let _ = ancillary::send_packet(descriptor.as_fd(), &ACKNOWLEDGEMENT, &[]);
    Ok(Passed { descriptor, sender, surplus: 0 })
}

pub fn peer_ids(end: BorrowedFd<'_>) -> Result<Ids> {
    Ok(system::peer_ids(end)?)
}

/// Puts another stream behind the number; its close-on-exec flag stays.
fn replace(number: BorrowedFd<'_>, by: BorrowedFd<'_>) -> Result<()> {
    Ok(packet_socket::replace(number, by, descriptor::is_close_on_exec(number)?)?)
}
