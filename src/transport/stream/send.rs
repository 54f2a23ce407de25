//! Sending messages of the two-byte protocol over a stream.

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{raise, Signal};

use super::calls::{self, Room};
use crate::descriptor;
use crate::error::{Error, Result};
use crate::message;
use crate::operation::{count_what_went, Answer, Operation, Step};
use crate::wait::Waiter;

/// The kernel cuts what is longer than PIPE_BUF (5120) into several messages.
pub const LONGEST_MESSAGE: usize = 4096;

/// A descriptor on its way, in a message of status 0.
pub struct SendDescriptor {
    stream: BorrowedFd<'static>,
    /// The caller's, and open until the call is over.
    descriptor: BorrowedFd<'static>,
    waiter: Waiter,
}

impl SendDescriptor {
    /// What the system says if the descriptor is not open: an announcement
    /// cannot be taken back.
    pub fn new(stream: BorrowedFd<'static>, descriptor: BorrowedFd<'static>) -> Result<Self> {
        descriptor::status_flags(descriptor)?;
        Ok(SendDescriptor { stream, descriptor, waiter: Waiter::new(stream) })
    }
}

impl Operation for SendDescriptor {
    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        match send_announced(self.stream, self.descriptor.as_raw_fd()) {
            Ok(()) => Ok(Answer::default().into()),
            Err(Error::WouldBlock) => self.waiter.for_output(),
            Err(error) => Err(error),
        }
    }

    fn waiter(&mut self) -> Option<&mut Waiter> {
        Some(&mut self.waiter)
    }
}

/// Each descriptor in a message of its own.  The answer's number is how many
/// went, also where not all did.
pub struct SendAll {
    stream: BorrowedFd<'static>,
    /// The caller's, and open until the call is over.
    descriptors: &'static [RawFd],
    sent: usize,
    waiter: Waiter,
}

impl SendAll {
    /// NotADescriptor, or what the system says, if one of them is not open: an
    /// announcement cannot be taken back.
    pub fn new(stream: BorrowedFd<'static>, descriptors: &'static [RawFd]) -> Result<Self> {
        descriptors.iter().try_for_each(|&number| descriptor::check_open(number))?;
        Ok(SendAll { stream, descriptors, sent: 0, waiter: Waiter::new(stream) })
    }

    fn send_all(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        while let Some(&number) = self.descriptors.get(self.sent) {
            match send_announced(self.stream, number) {
                Ok(()) => self.sent += 1,
                Err(Error::WouldBlock) => return self.waiter.for_output(),
                Err(error) => return Err(error),
            }
        }
        Ok(Answer::number(self.sent as i64).into())
    }
}

/// A message of status 0 and its descriptor.  Where the system then refuses the
/// descriptor, what is sent next takes its place.
pub fn send_announced(stream: BorrowedFd<'_>, number: RawFd) -> Result<()> {
    if calls::room_for(stream, 2) != Room::Now {
        return Err(Error::WouldBlock);
    }
    calls::write(stream, &message::DESCRIPTOR)?;
    send_descriptor(stream, number)
}

/// I_SENDFD, of which a vanished peer is what it is of write(2).
pub fn send_descriptor(stream: BorrowedFd<'_>, number: RawFd) -> Result<()> {
    match calls::sendfd(stream, number) {
        Err(calls::HANGUP) => {
            raise(Signal::SIGPIPE)?;
            Err(Error::System(Errno::EPIPE))
        }
        sent => sent,
    }
}

impl Operation for SendAll {
    fn advance(&mut self) -> Result<Step> {
        let step = self.send_all();
        count_what_went(step, self.sent)
    }

    fn waiter(&mut self) -> Option<&mut Waiter> {
        Some(&mut self.waiter)
    }
}

/// An error reply on its way: text for a person, and a status.
pub struct SendError {
    stream: BorrowedFd<'static>,
    /// Its last two are the zero byte and the status.
    message: Vec<u8>,
    sent: usize,
    waiter: Waiter,
}

impl SendError {
    /// On a non-blocking stream the text is cut, so that it goes with the status
    /// at once, or nothing does.
    pub fn new(stream: BorrowedFd<'static>, errno: i64, text: &[u8]) -> Result<Self> {
        let status = message::status(message::status_of(errno));
        let most = LONGEST_MESSAGE - status.len();
        let is_cut =
            text.len() > most && descriptor::status_flags(stream)?.contains(OFlag::O_NONBLOCK);
        let message = [if is_cut { &text[..most] } else { text }, &status].concat();
        Ok(SendError { stream, message, sent: 0, waiter: Waiter::new(stream) })
    }

    /// The zero byte and the status stay in one message.
    fn next_piece(&self) -> &[u8] {
        let rest = &self.message[self.sent..];
        let text = rest.len() - message::DESCRIPTOR.len();
        if rest.len() > LONGEST_MESSAGE {
            &rest[..text.min(LONGEST_MESSAGE)]
        } else {
            rest
        }
    }
}

impl Operation for SendError {
    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        while self.sent < self.message.len() {
            match calls::write(self.stream, self.next_piece()) {
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
