//! Sending over a stream: messages and descriptors, one after the other.

use std::os::fd::{BorrowedFd, RawFd};

use nix::errno::Errno;
use nix::sys::signal::{raise, Signal};

use crate::descriptor;
use crate::error::{Error, Result};
use crate::message;
use crate::operation::{Answer, Operation, Step};
use crate::streams;
use crate::transport::ancillary::MOST_DESCRIPTORS;
use crate::wait::{Signals, Waiter};

/// The kernel cuts what is longer than PIPE_BUF (5120) into several messages.
const LONGEST_MESSAGE: usize = 4096;

enum Part {
    /// Status 0: the next part is the descriptor that belongs to it.
    Announcement,
    Descriptor(RawFd),
    Message(Vec<u8>),
}

/// What the answer's number counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counting {
    Bytes,
    Descriptors,
}

/// Parts on their way, in order.
pub struct Send {
    stream: BorrowedFd<'static>,
    parts: Vec<Part>,
    next: usize,
    counting: Counting,
    waiter: Waiter,
}

impl Send {
    /// A descriptor, in a message of status 0.
    pub fn descriptor(stream: BorrowedFd<'static>, descriptor: RawFd) -> Self {
        Send::new(stream, announced(&[descriptor]).collect(), Counting::Descriptors)
    }

    /// Each descriptor in a message of its own.  The answer's number is how many
    /// went, also where not all did.
    pub fn descriptors(stream: BorrowedFd<'static>, descriptors: &[RawFd]) -> Result<Self> {
        Ok(Send::new(stream, announced(descriptors).collect(), Counting::Descriptors))
    }

    /// An error status in place of a descriptor.
    pub fn status(stream: BorrowedFd<'static>, errno: i64) -> Self {
        Send::error(stream, errno, b"")
    }

    /// Text for a person, and an error status.
    pub fn error(stream: BorrowedFd<'static>, errno: i64, text: &[u8]) -> Self {
        let status = message::status(message::status_of(errno));
        // The zero byte and the status have to stay in one message.
        let (first, last) = text.split_at(text.len() / LONGEST_MESSAGE * LONGEST_MESSAGE);
        let mut parts: Vec<_> = messages(first).collect();
        parts.push(Part::Message([last, &status].concat()));
        Send::new(stream, parts, Counting::Bytes)
    }

    /// Bytes of the program's own, and descriptors.  These go first, so that the
    /// bytes say that all are there; but what is a message of status 0 goes as
    /// that, for each descriptor.
    /// InvalidArgument for more of them than a socket would take.
    pub fn bytes(stream: BorrowedFd<'static>, bytes: &[u8], descriptors: &[RawFd]) -> Result<Self> {
        if descriptors.len() > MOST_DESCRIPTORS {
            return Err(Error::InvalidArgument);
        }
        let parts = if bytes == message::DESCRIPTOR && !descriptors.is_empty() {
            announced(descriptors).collect()
        } else {
            let first = descriptors.iter().map(|&number| Part::Descriptor(number));
            first.chain(messages(bytes)).collect()
        };
        Ok(Send::new(stream, parts, Counting::Bytes))
    }

    fn new(stream: BorrowedFd<'static>, parts: Vec<Part>, counting: Counting) -> Self {
        Send { stream, parts, next: 0, counting, waiter: Waiter::new(stream) }
    }

    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        if self.next == 0 {
            self.check_descriptors()?;
        }
        while let Some(part) = self.parts.get(self.next) {
            match self.pass(part) {
                Ok(()) => self.next += 1,
                Err(Error::WouldBlock) => {
                    self.for_room()?;
                    return Ok(Step::Wait);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Step::Done(Ok(Answer::number(self.count()))))
    }

    /// Before anything goes: an announcement cannot be taken back.
    fn check_descriptors(&self) -> Result<()> {
        for part in &self.parts {
            if let Part::Descriptor(number) = part {
                descriptor::is_close_on_exec(descriptor::borrow(i64::from(*number))?)?;
            }
        }
        Ok(())
    }

    fn pass(&self, part: &Part) -> Result<()> {
        match part {
            Part::Announcement if !streams::has_room(self.stream) => Err(Error::WouldBlock),
            Part::Announcement => streams::write(self.stream, &message::DESCRIPTOR).map(drop),
            Part::Message(bytes) => streams::write(self.stream, bytes).map(drop),
            Part::Descriptor(number) => match streams::sendfd(self.stream, *number) {
                Err(streams::HANGUP) => {
                    raise(Signal::SIGPIPE)?;
                    Err(Error::System(Errno::EPIPE))
                }
                sent => sent,
            },
        }
    }

    /// What was announced has to follow, on a non-blocking stream too.
    fn for_room(&mut self) -> Result<()> {
        let announced = matches!(self.parts[..self.next].last(), Some(Part::Announcement));
        match self.waiter.for_output() {
            Err(Error::WouldBlock) if announced => Ok(()),
            ready => ready,
        }
    }

    fn count(&self) -> i64 {
        let counts = self.parts[..self.next].iter().map(|part| match (self.counting, part) {
            (Counting::Descriptors, Part::Descriptor(_)) => 1,
            (Counting::Bytes, Part::Message(bytes)) => bytes.len(),
            (Counting::Bytes, Part::Announcement) => message::DESCRIPTOR.len(),
            _ => 0,
        });
        counts.sum::<usize>() as i64
    }
}

fn announced(descriptors: &[RawFd]) -> impl Iterator<Item = Part> + '_ {
    descriptors.iter().flat_map(|&number| [Part::Announcement, Part::Descriptor(number)])
}

fn messages(bytes: &[u8]) -> impl Iterator<Item = Part> + '_ {
    bytes.chunks(LONGEST_MESSAGE).map(|message| Part::Message(message.to_vec()))
}

impl Operation for Send {
    fn step(&mut self) -> Step {
        match self.advance() {
            Ok(step) => step,
            Err(error) if self.count() > 0 && self.counting == Counting::Descriptors => {
                let answer = Answer::number(self.count());
                Step::Done(Ok(Answer { cut_short: Some(error), ..answer }))
            }
            Err(error) => Step::Done(Err(error)),
        }
    }

    fn wait(&mut self, signals: Signals<'_>) {
        self.waiter.wait(signals);
    }
}
