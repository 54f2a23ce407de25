//! Sending over a socket: a message, a batch of them, or bytes of the
//! program's own.

use std::borrow::Cow;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt, SockType};

use super::ancillary::{self, MOST_DESCRIPTORS};
use crate::descriptor;
use crate::error::{Error, Result};
use crate::message;
use crate::operation::{Answer, Operation, Step};
use crate::sigpipe;
use crate::wait::{Signals, Waiter};

/// So many descriptors go in one message of a batch: few enough for receivers
/// with small tables.
const BATCH: usize = 64;

/// So few bytes a socket takes in one piece or not at all; the smallest buffer
/// that Linux allows cuts at 2240.
const NEVER_CUT: usize = 1024;

/// Descriptors that go along; they stay the caller's, and open.
enum Along {
    Nothing,
    One([RawFd; 1]),
    Many(&'static [RawFd]),
}

impl Along {
    fn numbers(&self) -> &[RawFd] {
        match self {
            Along::Nothing => &[],
            Along::One(number) => number,
            Along::Many(numbers) => numbers,
        }
    }
}

/// One message on its way.  The answer's number is how many of its bytes went.
pub struct Send {
    connection: BorrowedFd<'static>,
    bytes: Cow<'static, [u8]>,
    along: Along,
    sent: usize,
    /// A signal came while it was on its way.
    hurries: bool,
    /// Half of it is a result, as with write(2).
    may_be_partial: bool,
    waiter: Waiter,
}

impl Send {
    /// A descriptor, in a message of status 0.
    pub fn descriptor(connection: BorrowedFd<'static>, descriptor: BorrowedFd<'static>) -> Self {
        let along = Along::One([descriptor.as_raw_fd()]);
        Send { along, ..Send::message(connection, Cow::Borrowed(&message::DESCRIPTOR)) }
    }

    /// An error status in place of a descriptor.
    pub fn status(connection: BorrowedFd<'static>, errno: i64) -> Self {
        Send::error(connection, errno, b"")
    }

    /// Text for a person, and an error status: that alone in packets, which are
    /// no longer than that.
    pub fn error(connection: BorrowedFd<'static>, errno: i64, text: &[u8]) -> Self {
        let status = message::status(message::status_of(errno));
        let text = if text.is_empty() || takes_text(connection) { text } else { b"" };
        Send::message(connection, Cow::Owned([text, &status].concat()))
    }

    /// Bytes and descriptors as they are, as write(2) would.  InvalidArgument
    /// for more descriptors than the kernel lets through.
    pub fn bytes(
        connection: BorrowedFd<'static>,
        bytes: &'static [u8],
        descriptors: &'static [RawFd],
    ) -> Result<Self> {
        if descriptors.len() > MOST_DESCRIPTORS {
            return Err(Error::InvalidArgument);
        }
        let along = Along::Many(descriptors);
        Ok(Send { along, may_be_partial: true, ..Send::message(connection, Cow::Borrowed(bytes)) })
    }

    fn message(connection: BorrowedFd<'static>, bytes: Cow<'static, [u8]>) -> Self {
        Send {
            connection,
            bytes,
            along: Along::Nothing,
            sent: 0,
            hurries: false,
            may_be_partial: false,
            waiter: Waiter::new(connection),
        }
    }

    #[inline(always)]
    fn advance(&mut self) -> Result<Step> {
        self.heed_wait()?;
        while self.sent < self.bytes.len() {
            // Descriptors go with the first byte, once.
            let along = if self.sent == 0 { self.along.numbers() } else { &[] };
            // What went is a success, of which nobody should die.
            let _held =
                if self.sent > 0 && self.may_be_partial { sigpipe::Held::hold() } else { None };
            match ancillary::send(self.connection, self.next_piece(), along) {
                Ok(sent) => self.sent += sent,
                Err(Errno::EAGAIN) => {
                    self.for_room()?;
                    return Ok(Step::Wait);
                }
                Err(errno) => return Err(Error::from(errno)),
            }
        }
        Ok(Step::Done(Ok(Answer::number(self.sent as i64))))
    }

    /// A signal ends the wait.  But of a message that has begun, only the rest of
    /// the text is given up: without its end the peer would take the next
    /// message for something else.
    fn heed_wait(&mut self) -> Result<()> {
        match self.waiter.outcome() {
            Err(Error::Interrupted) if self.sent > 0 && !self.may_be_partial => {
                if !self.hurries {
                    self.hurries = true;
                    self.sent = self.sent.max(self.bytes.len() - 2);
                    self.waiter = Waiter::for_rest_of(self.connection);
                }
                Ok(())
            }
            Err(Error::WouldBlock) if self.hurries => Err(Error::Interrupted),
            outcome => outcome,
        }
    }

    /// The rest.  But a zero byte whose status does not come would spoil every
    /// message behind it, so a text that the system may cut goes without.
    fn next_piece(&self) -> &[u8] {
        let text = self.bytes.len().saturating_sub(message::DESCRIPTOR.len());
        if self.may_be_partial || text <= NEVER_CUT || self.sent >= text {
            &self.bytes[self.sent..]
        } else {
            &self.bytes[self.sent..text]
        }
    }

    /// A message that has begun has to be finished, on a non-blocking
    /// connection too: its other half would be taken for something else.
    fn for_room(&mut self) -> Result<()> {
        match self.waiter.for_output() {
            Err(Error::WouldBlock) if self.sent > 0 && !self.may_be_partial => Ok(()),
            ready => ready,
        }
    }
}

impl Operation for Send {
    #[inline(always)]
    fn step(&mut self) -> Step {
        match self.advance() {
            Ok(step) => step,
            Err(_) if self.may_be_partial && self.sent > 0 => {
                Step::Done(Ok(Answer::number(self.sent as i64)))
            }
            Err(error) => Step::Done(Err(error)),
        }
    }

    fn wait(&mut self, signals: Signals<'_>) {
        // The one that makes it hurry is still pending: it would end every wait.
        self.waiter.wait(if self.hurries { Signals::default() } else { signals });
    }
}

/// Any number of descriptors, in messages of status 0 with several each.  The
/// answer's number is how many went, also where not all did.
pub struct SendAll {
    connection: BorrowedFd<'static>,
    descriptors: &'static [RawFd],
    sent: usize,
    waiter: Waiter,
}

impl SendAll {
    /// NotADescriptor, or what the system says, if one of them is not open.
    pub fn new(connection: BorrowedFd<'static>, descriptors: &'static [RawFd]) -> Result<Self> {
        // Of the first message the kernel itself sends nothing if one is bad.
        descriptors.iter().skip(BATCH).try_for_each(|&number| check_open(number))?;
        Ok(SendAll { connection, descriptors, sent: 0, waiter: Waiter::new(connection) })
    }

    #[inline(always)]
    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        while let Some(batch) = self.descriptors[self.sent..].chunks(BATCH).next() {
            match ancillary::send(self.connection, &message::DESCRIPTOR, batch) {
                Ok(_) => self.sent += batch.len(),
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

impl Operation for SendAll {
    #[inline(always)]
    fn step(&mut self) -> Step {
        match self.advance() {
            Ok(step) => step,
            Err(error) if self.sent > 0 => Step::Done(Ok(Answer {
                cut_short: Some(error),
                ..Answer::number(self.sent as i64)
            })),
            Err(error) => Step::Done(Err(error)),
        }
    }

    fn wait(&mut self, signals: Signals<'_>) {
        self.waiter.wait(signals);
    }
}

fn check_open(number: RawFd) -> Result<()> {
    descriptor::status_flags(descriptor::borrow(i64::from(number))?).map(drop)
}

fn takes_text(connection: BorrowedFd<'_>) -> bool {
    let kind = getsockopt(&connection, sockopt::SockType);
    !matches!(kind, Ok(SockType::SeqPacket | SockType::Datagram))
}
