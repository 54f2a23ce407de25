//! Writing bytes of the program's own, and descriptors with them, to a stream.

use std::os::fd::{BorrowedFd, RawFd};

use super::calls::{self, Room};
use super::send::{send_announced, send_descriptor, LONGEST_MESSAGE};
use crate::descriptor;
use crate::error::{Error, Result};
use crate::message;
use crate::operation::{Answer, Operation, Step};
use crate::sigpipe;
use crate::wait::Waiter;

/// Bytes on their way, and descriptors.  These go first, so that the bytes say
/// that all are there; but what is a message of status 0 goes as that, for each
/// descriptor.  The answer's number is how many bytes went.
pub struct Write {
    stream: BorrowedFd<'static>,
    bytes: &'static [u8],
    /// The caller's, and open until the call is over.
    descriptors: &'static [RawFd],
    /// Of the descriptors.
    passed: usize,
    /// Of the bytes, or of those of the messages.
    sent: usize,
    waiter: Waiter,
}

impl Write {
    /// NotADescriptor, or what the system says, if one of the descriptors is not
    /// open: what went cannot be taken back.
    pub fn new(
        stream: BorrowedFd<'static>,
        bytes: &'static [u8],
        descriptors: &'static [RawFd],
    ) -> Result<Self> {
        descriptors.iter().try_for_each(|&number| descriptor::check_open(number))?;
        let waiter = Waiter::new(stream);
        Ok(Write { stream, bytes, descriptors, passed: 0, sent: 0, waiter })
    }

    fn write(&mut self) -> Result<()> {
        if self.bytes == message::DESCRIPTOR && !self.descriptors.is_empty() {
            self.write_messages()
        } else {
            self.pass_descriptors()?;
            self.write_bytes()
        }
    }

    fn write_messages(&mut self) -> Result<()> {
        self.await_room(2 * self.descriptors.len())?;
        while let Some(&number) = self.descriptors.get(self.passed) {
            send_announced(self.stream, number)?;
            self.passed += 1;
        }
        self.sent = message::DESCRIPTOR.len();
        Ok(())
    }

    fn pass_descriptors(&mut self) -> Result<()> {
        if !self.descriptors.is_empty() {
            self.await_room(self.descriptors.len() + 1)?;
        }
        while let Some(&number) = self.descriptors.get(self.passed) {
            send_descriptor(self.stream, number)?;
            self.passed += 1;
        }
        Ok(())
    }

    /// Nothing goes without all the rest, if that finds room together at all.
    /// TooLong if it does not, and the stream is non-blocking.
    fn await_room(&mut self, messages: usize) -> Result<()> {
        match calls::room_for(self.stream, messages) {
            _ if self.passed > 0 => Ok(()),
            Room::Now => Ok(()),
            Room::Later => Err(Error::WouldBlock),
            Room::Never => match self.waiter.for_output() {
                Err(Error::WouldBlock) => Err(Error::TooLong),
                blocks => blocks.map(drop),
            },
        }
    }

    fn write_bytes(&mut self) -> Result<()> {
        while self.sent < self.bytes.len() {
            // What went is a success, of which nobody should die.
            let _held = if self.sent > 0 { sigpipe::Held::hold() } else { None };
            let rest = &self.bytes[self.sent..];
            self.sent += calls::write(self.stream, &rest[..rest.len().min(LONGEST_MESSAGE)])?;
        }
        Ok(())
    }

    fn done(&self) -> Result<Step> {
        Ok(Answer::number(self.sent as i64).into())
    }
}

impl Operation for Write {
    fn advance(&mut self) -> Result<Step> {
        // A wait that is over says WouldBlock too, and is not begun again.
        let written = match self.waiter.outcome().map(|()| self.write()) {
            Ok(Err(Error::WouldBlock)) => match self.waiter.for_output() {
                Ok(step) => return Ok(step),
                Err(error) => Err(error),
            },
            Ok(written) => written,
            Err(over) => Err(over),
        };
        match written {
            Err(error) if self.sent == 0 => Err(error),
            _ => self.done(),
        }
    }

    fn waiter(&mut self) -> Option<&mut Waiter> {
        Some(&mut self.waiter)
    }
}
