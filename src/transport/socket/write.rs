//! Writing bytes of the program's own, and descriptors with them, over a socket.

use std::os::fd::{BorrowedFd, RawFd};

use nix::sys::socket::SockType;

use super::control;
use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::system::socket_option;
use crate::wait::Waiter;

/// Bytes on their way, as by write(2); the descriptors go with the first.  The
/// answer's number is how many bytes went.
pub struct Write {
    connection: BorrowedFd<'static>,
    bytes: &'static [u8],
    /// The caller's, and open until the call is over.
    descriptors: &'static [RawFd],
    sent: usize,
    waiter: Waiter,
}

/// Of SOCK_SEQPACKET and SOCK_DGRAM; socket(2).
pub fn keeps_boundaries(socket: BorrowedFd<'_>) -> bool {
    socket_option::kind(socket).is_ok_and(|kind| kind != SockType::Stream)
}

impl Write {
    /// At most [`control::MOST_DESCRIPTORS`] descriptors.  No bytes are a packet,
    /// and on a stream nothing.
    pub fn new(
        connection: BorrowedFd<'static>,
        bytes: &'static [u8],
        descriptors: &'static [RawFd],
    ) -> Self {
        Write { connection, bytes, descriptors, sent: 0, waiter: Waiter::new(connection) }
    }

    fn write(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        loop {
            match self.send() {
                Ok(sent) => self.sent += sent,
                Err(Error::WouldBlock) => return self.waiter.for_output(),
                Err(error) => return Err(error),
            }
            if self.sent >= self.bytes.len() {
                return Ok(Answer::number(self.sent as i64).into());
            }
        }
    }

    /// What went is a success, of which nobody should die.
    fn send(&self) -> Result<usize> {
        match self.sent {
            0 => control::send(self.connection, self.bytes, self.descriptors),
            sent => Ok(control::send_packet(self.connection, &self.bytes[sent..], &[])?),
        }
    }
}

impl Operation for Write {
    fn advance(&mut self) -> Result<Step> {
        match self.write() {
            Err(_) if self.sent > 0 => Ok(Answer::number(self.sent as i64).into()),
            step => step,
        }
    }

    fn waiter(&mut self) -> Option<&mut Waiter> {
        Some(&mut self.waiter)
    }
}
