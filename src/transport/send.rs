//! Sending one message over a socket.

use std::borrow::Cow;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::errno::Errno;

use super::ancillary;
use crate::error::{Error, Result};
use crate::message;
use crate::operation::{Answer, Operation, Step};
use crate::wait::{Signals, Waiter};

/// A message on its way.  The answer's number is how many of its bytes went.
pub struct Send {
    connection: BorrowedFd<'static>,
    bytes: Cow<'static, [u8]>,
    /// What is sent stays the caller's and open during the call.
    descriptor: Option<RawFd>,
    sent: usize,
    waiter: Waiter,
}

impl Send {
    /// A descriptor, in a message of status 0.
    pub fn descriptor(connection: BorrowedFd<'static>, descriptor: BorrowedFd<'static>) -> Self {
        Send {
            descriptor: Some(descriptor.as_raw_fd()),
            ..Send::bytes(connection, Cow::Borrowed(&message::DESCRIPTOR))
        }
    }

    /// An error status in place of a descriptor.
    pub fn status(connection: BorrowedFd<'static>, errno: i64) -> Self {
        let message = message::status(message::status_of(errno));
        Send::bytes(connection, Cow::Owned(message.to_vec()))
    }

    fn bytes(connection: BorrowedFd<'static>, bytes: Cow<'static, [u8]>) -> Self {
        Send {
            connection,
            bytes,
            descriptor: None,
            sent: 0,
            waiter: Waiter::new(connection),
        }
    }

    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        while self.sent < self.bytes.len() {
            // Descriptors go with the first byte, once.
            let descriptors = if self.sent == 0 {
                self.descriptor.as_slice()
            } else {
                &[]
            };
            match ancillary::send(self.connection, &self.bytes[self.sent..], descriptors) {
                Ok(sent) => self.sent += sent,
                Err(Errno::EAGAIN) => {
                    self.waiter.for_output()?;
                    return Ok(Step::Wait);
                }
                Err(errno) => return Err(Error::from(errno)),
            }
        }
        Ok(Step::Done(Ok(Answer::number(self.sent as i64))))
    }
}

impl Operation for Send {
    fn step(&mut self) -> Step {
        self.advance()
            .unwrap_or_else(|error| Step::Done(Err(error)))
    }

    fn wait(&mut self, signals: Signals<'_>) {
        self.waiter.wait(signals);
    }
}
