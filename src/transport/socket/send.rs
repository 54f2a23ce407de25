//! Sending messages of the two-byte protocol over a socket.

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::fcntl::OFlag;
use nix::sys::socket::SockType;

use super::control::{self, MOST_DESCRIPTORS};
use crate::descriptor;
use crate::error::{Error, Result};
use crate::message;
use crate::operation::{count_what_went, Answer, Operation, Step};
use crate::system::{self, socket_option};
use crate::wait::Waiter;

/// So few bytes a socket takes in one piece or not at all; the smallest buffer
/// that Linux allows cuts at 2240.
const NEVER_CUT: usize = 1024;

/// A descriptor on its way, in a message of status 0.
pub struct SendDescriptor {
    connection: BorrowedFd<'static>,
    /// The caller's, and open until the call is over.
    descriptor: BorrowedFd<'static>,
    waiter: Waiter,
}

impl SendDescriptor {
    #[inline(always)]
    pub fn new(connection: BorrowedFd<'static>, descriptor: BorrowedFd<'static>) -> Self {
        SendDescriptor { connection, descriptor, waiter: Waiter::new(connection) }
    }
}

impl Operation for SendDescriptor {
    #[inline(always)]
    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        let descriptor = [self.descriptor.as_raw_fd()];
        match control::send(self.connection, &message::DESCRIPTOR, &descriptor) {
            Ok(_) => Ok(Answer::default().into()),
            Err(Error::WouldBlock) => self.waiter.for_output(),
            Err(error) => Err(error),
        }
    }

    fn waiter(&mut self) -> Option<&mut Waiter> {
        Some(&mut self.waiter)
    }
}

/// An error reply on its way: text for a person, and a status.
pub struct SendError {
    connection: BorrowedFd<'static>,
    /// Its last two are the zero byte and the status.
    message: Vec<u8>,
    sent: usize,
    waiter: Waiter,
}

impl SendError {
    /// In packets, which are no longer than that, the status goes alone.  On a
    /// non-blocking connection the text is cut, so that both go at once or not
    /// at all.
    pub fn new(connection: BorrowedFd<'static>, errno: i64, text: &[u8]) -> Result<Self> {
        let status = message::status(message::status_of(errno));
        let text = &text[..most_text(connection, text.len())?];
        let message = [text, &status].concat();
        Ok(SendError { connection, message, sent: 0, waiter: Waiter::new(connection) })
    }

    /// The rest.  But a zero byte whose status does not come would spoil the
    /// message behind it, so a text that the system may cut goes without; what
    /// of a text is left when a signal comes is text of the next message.
    fn next_piece(&self) -> &[u8] {
        let text = self.message.len() - message::DESCRIPTOR.len();
        let rest = &self.message[self.sent..];
        if rest.len() > NEVER_CUT {
            &self.message[self.sent..text]
        } else {
            rest
        }
    }
}

fn most_text(connection: BorrowedFd<'_>, length: usize) -> Result<usize> {
    let most = NEVER_CUT - message::DESCRIPTOR.len();
    if length == 0 || !takes_text(connection) {
        Ok(0)
    } else if length <= most || !descriptor::status_flags(connection)?.contains(OFlag::O_NONBLOCK) {
        Ok(length)
    } else {
        Ok(most)
    }
}

fn takes_text(connection: BorrowedFd<'_>) -> bool {
    let kind = socket_option::kind(connection);
    !matches!(kind, Ok(SockType::SeqPacket | SockType::Datagram))
}

impl Operation for SendError {
    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        while self.sent < self.message.len() {
            match control::send(self.connection, self.next_piece(), &[]) {
                Ok(sent) => self.sent += sent,
                Err(Error::WouldBlock) => return self.waiter.for_output(),
                Err(error) => return Err(error),
            }
        }
        Ok(Answer::default().into())
    }

    fn waiter(&mut self) -> Option<&mut Waiter> {
        Some(&mut self.waiter)
    }
}

/// Any number of descriptors, in messages of status 0 with several each.  The
/// answer's number is how many went, also where not all did.
pub struct SendAll {
    connection: BorrowedFd<'static>,
    /// The caller's, and open until the call is over.
    descriptors: &'static [RawFd],
    batch: usize,
    sent: usize,
    waiter: Waiter,
}

/// Receivers of a batch have to find room for all of it: a quarter of the table,
/// if theirs is as ours.
fn batch(descriptors: usize) -> usize {
    const FEWEST: usize = 64;
    match descriptors {
        0..=FEWEST => FEWEST,
        _ => (system::limit() / 4).clamp(FEWEST, MOST_DESCRIPTORS),
    }
}

impl SendAll {
    /// NotADescriptor, or what the system says, if one of them is not open.
    pub fn new(connection: BorrowedFd<'static>, descriptors: &'static [RawFd]) -> Result<Self> {
        let batch = batch(descriptors.len());
        // Of the first message the kernel itself sends nothing if one is bad.
        descriptors.iter().skip(batch).try_for_each(|&number| descriptor::check_open(number))?;
        Ok(SendAll { connection, descriptors, batch, sent: 0, waiter: Waiter::new(connection) })
    }

    fn send_all(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        while let Some(batch) = self.descriptors[self.sent..].chunks(self.batch).next() {
            match control::send(self.connection, &message::DESCRIPTOR, batch) {
                Ok(_) => self.sent += batch.len(),
                Err(Error::WouldBlock) => return self.waiter.for_output(),
                Err(error) => return Err(error),
            }
        }
        Ok(Answer::number(self.sent as i64).into())
    }
}

impl Operation for SendAll {
    #[inline(always)]
    fn advance(&mut self) -> Result<Step> {
        let step = self.send_all();
        count_what_went(step, self.sent)
    }

    fn waiter(&mut self) -> Option<&mut Waiter> {
        Some(&mut self.waiter)
    }
}
