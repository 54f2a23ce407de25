//! Streams where there are none, over AF_UNIX sockets of type SOCK_SEQPACKET.
//!
//! A packet is a message.  A passed descriptor is a packet of one byte that
//! carries it, and the sender's effective ids with it.  Ids are noted on both
//! ends, so that they always come.

mod name;
mod open;

#[cfg(linux_kernel)]
#[path = "linux.rs"]
mod packet_socket;
#[cfg(not(linux_kernel))]
#[path = "bsd.rs"]
mod packet_socket;

pub use name::{push_connld, Attaching};
pub use open::Opening;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::signal::{raise, Signal};
use nix::sys::socket::{getsockname, SockType, UnixAddr};

use packet_socket::NOTES_SENDERS;

use super::super::send::LONGEST_MESSAGE;
use super::{Passed, Received, Room, HANGUP, NOT_OF_THIS_KIND};
use crate::error::{Error, Result};
use crate::message::{self, Whole};
use crate::slots;
use crate::system::{self, socket_option};
use crate::transport::socket::control;
use crate::transport::socket::take::{self, Want};
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
    match socket_option::kind(end) {
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
    Err(Error::System(match socket_option::kind(end) {
        Err(Errno::ENOTSOCK) => Errno::ENOTTY,
        _ => Errno::EOPNOTSUPP,
    }))
}

/// Whether it is the server's end of a named stream.
fn is_listener(end: BorrowedFd<'_>) -> bool {
    socket_option::is_listener(end).unwrap_or(false)
}

/// Whether the failure says that the peer has gone.  Not every system says EPIPE; and
/// what never had a peer, as the server's end of a named stream, is ENOTCONN as well.
fn is_gone(to: BorrowedFd<'_>, errno: Errno) -> bool {
    errno == Errno::EPIPE || errno == Errno::ENOTCONN && system::peer_ids(to).is_ok()
}

pub fn write(to: BorrowedFd<'_>, message: &[u8]) -> Result<usize> {
    match control::send_packet(to, message, &[]) {
        Err(errno) if is_gone(to, errno) => {
            // Not every system raises it for packets.
            raise(Signal::SIGPIPE)?;
            Err(Error::System(Errno::EPIPE))
        }
        sent => Ok(sent?),
    }
}

pub fn room_for(to: BorrowedFd<'_>, count: usize) -> Room {
    packet_socket::room_for(to, count)
}

/// At most `most` bytes, none at the end; a longer message stays queued: TooLong.
pub fn getmsg(from: BorrowedFd<'_>, most: usize) -> Result<Vec<u8>> {
    match head(from, most)? {
        Head::Data(length) => match take(from, length, true)? {
            Received::Data(message) => Ok(message),
            // Another reader has taken the message that was seen.
            Received::Descriptor(_) => Err(NOT_OF_THIS_KIND),
        },
        Head::Descriptor => Err(NOT_OF_THIS_KIND),
        Head::Server => Err(Error::System(Errno::EINVAL)),
    }
}

/// At the server's end of a named stream: a connection.
pub fn recvfd(from: BorrowedFd<'_>, close_on_exec: bool) -> Result<Passed> {
    match head(from, usize::MAX)? {
        Head::Server => accept(from, close_on_exec),
        Head::Descriptor => match take(from, 1, close_on_exec)? {
            Received::Descriptor(passed) => Ok(passed),
            Received::Data(_) => Err(NOT_OF_THIS_KIND),
        },
        Head::Data(0) => Err(HANGUP),
        Head::Data(_) => Err(NOT_OF_THIS_KIND),
    }
}

/// Whatever is at the head; EINVAL at the server's end of a named stream.
/// Where several processes read one end, what is taken may be something else than
/// what was seen, but it is never lost.
pub fn receive(from: BorrowedFd<'_>, most: usize, close_on_exec: bool) -> Result<Received> {
    match head(from, most)? {
        Head::Server => Err(Error::System(Errno::EINVAL)),
        Head::Descriptor => take(from, 1, close_on_exec),
        Head::Data(length) => take(from, length, close_on_exec),
    }
}

enum Head {
    /// So many bytes; none: the end, or an empty packet.
    Data(usize),
    Descriptor,
    /// There is none: it is the server's end, where clients wait.
    Server,
}

/// WouldBlock if there is nothing, TooLong if there are more than `most` bytes.
fn head(from: BorrowedFd<'_>, most: usize) -> Result<Head> {
    let seen = match control::peek_length(from) {
        Err(Errno::ENOTCONN) if is_listener(from) => return Ok(Head::Server),
        Err(Errno::ENOTSOCK) => return Err(Error::System(Errno::ENOTTY)),
        seen => seen?,
    };
    if control::brings_descriptor(from, seen) {
        return Ok(Head::Descriptor);
    }
    match seen.length {
        length if length > most => Err(Error::TooLong),
        length => Ok(Head::Data(length)),
    }
}

/// A message that was seen to have so many bytes; where another reader was faster
/// it is the next, which is no longer if this module has sent it.
fn take(from: BorrowedFd<'_>, length: usize, close_on_exec: bool) -> Result<Received> {
    let mut bytes = vec![0; length.max(LONGEST_MESSAGE)];
    check_room(from, &mut bytes)?;
    let want = Want { close_on_exec, most: 1, all_or_nothing: false };
    let mut received = take::take(from, &mut bytes, want)?;
    let surplus = received.descriptors.truncate(1);
    match received.descriptors.into_iter().next() {
        Some(descriptor) => {
            Ok(Received::Descriptor(Passed { descriptor, sender: received.sender, surplus }))
        }
        // A descriptor that the system refuses although there is room.
        None if received.control_cut => Err(Error::Refused),
        None => {
            bytes.truncate(received.length);
            Ok(Received::Data(bytes))
        }
    }
}

/// What announces a descriptor needs as much room as that: if a reader that has
/// none took data of a stream that others read too, it could find in its place
/// the descriptor that was announced to one of them, and lose it.
fn check_room(from: BorrowedFd<'_>, bytes: &mut [u8]) -> Result<()> {
    let proof = slots::prove_one(from);
    if proof.is_err() {
        let seen = control::peek_for_descriptor(from, bytes)?;
        let announces =
            matches!(message::whole(&bytes[..seen.length]), Whole::End { status: 0, .. });
        if seen.control || announces {
            return proof;
        }
    }
    Ok(())
}

/// ETOOMANYREFS is not made EAGAIN: poll(2) would say that there is room.
pub fn sendfd(to: BorrowedFd<'_>, descriptor: RawFd) -> Result<()> {
    check_stream(to)?;
    let rights = descriptor.to_ne_bytes();
    let credentials = packet_socket::own_credentials();
    let both = [(libc::SCM_RIGHTS, &rights[..]), (credentials.0, &credentials.1)];
    let messages = &both[..if NOTES_SENDERS { 2 } else { 1 }];
    match control::send_packet(to, &[0], messages) {
        Ok(_) => Ok(()),
        Err(errno) if is_gone(to, errno) => Err(HANGUP),
        Err(errno) => Err(Error::from(errno)),
    }
}

/// accept(2), and the client is told; one that has given up by now leaves a
/// stale stream.  WouldBlock if none waits.
fn accept(listener: BorrowedFd<'_>, close_on_exec: bool) -> Result<Passed> {
    if !wait::ready(listener, PollFlags::POLLIN) {
        return Err(Error::WouldBlock);
    }
    let descriptor = system::accept(listener, close_on_exec)?;
    let _ = system::note_senders(descriptor.as_fd());
    let sender = system::peer_ids(descriptor.as_fd()).ok().map(Box::new);
    let _ = control::send_packet(descriptor.as_fd(), &ACKNOWLEDGEMENT, &[]);
    Ok(Passed { descriptor, sender, surplus: 0 })
}
