//! Sending over a stream: messages and descriptors, one after the other.

use std::os::fd::{BorrowedFd, RawFd};

use nix::errno::Errno;
use nix::sys::signal::{raise, Signal};

use crate::descriptor;
use crate::error::{Error, Result};
use crate::message;
use crate::operation::{Answer, Operation, Step};
use crate::sigpipe;
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

/// What the parts are together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// As many as go; the answer's number counts them.
    Descriptors,
    /// As many as go, after the descriptors; the answer's number counts them.
    Bytes,
    /// An error reply: text, and the status in the last part.
    Reply,
}

/// Parts on their way, in order.
pub struct Send {
    stream: BorrowedFd<'static>,
    parts: Vec<Part>,
    next: usize,
    kind: Kind,
    /// A signal has come after the first part went.
    hurries: bool,
    waiter: Waiter,
}

impl Send {
    /// A descriptor, in a message of status 0.
    pub fn descriptor(stream: BorrowedFd<'static>, descriptor: RawFd) -> Self {
        Send::new(stream, announced(&[descriptor]).collect(), Kind::Descriptors)
    }

    /// Each descriptor in a message of its own.  The answer's number is how many
    /// went, also where not all did.
    pub fn descriptors(stream: BorrowedFd<'static>, descriptors: &[RawFd]) -> Result<Self> {
        Ok(Send::new(stream, announced(descriptors).collect(), Kind::Descriptors))
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
        Send::new(stream, parts, Kind::Reply)
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
        Ok(Send::new(stream, parts, Kind::Bytes))
    }

    fn new(stream: BorrowedFd<'static>, parts: Vec<Part>, kind: Kind) -> Self {
        Send { stream, parts, next: 0, kind, hurries: false, waiter: Waiter::new(stream) }
    }

    fn advance(&mut self) -> Result<Step> {
        self.heed_wait()?;
        if self.next == 0 {
            self.check_descriptors()?;
        }
        while let Some(part) = self.parts.get(self.next) {
            // What went is a success, of which nobody should die.
            let _held = if self.is_partial() { sigpipe::Held::hold() } else { None };
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
            // For what then follows as well.
            Part::Announcement if !self.has_room() => Err(Error::WouldBlock),
            Part::Descriptor(_) if self.next == 0 && !self.has_room() => Err(Error::WouldBlock),
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

    fn has_room(&self) -> bool {
        streams::has_room(self.stream)
    }

    /// A signal ends the wait, but for what is owed: of that only the text is
    /// given up.
    fn heed_wait(&mut self) -> Result<()> {
        match self.waiter.outcome() {
            Err(Error::Interrupted) if self.is_owed() => {
                // A second signal does not make it wait longer.
                if !self.hurries {
                    self.hurries = true;
                    if self.kind == Kind::Reply {
                        self.next = self.parts.len() - 1;
                    }
                    self.waiter = Waiter::for_rest_of(self.stream);
                }
                Ok(())
            }
            Err(Error::WouldBlock) if self.hurries => Err(Error::Interrupted),
            outcome => outcome,
        }
    }

    /// What is owed has to follow, on a non-blocking stream too.
    fn for_room(&mut self) -> Result<()> {
        match self.waiter.for_output() {
            Err(Error::WouldBlock) if self.is_owed() => Ok(()),
            ready => ready,
        }
    }

    /// What was announced, the bytes of descriptors that went, the status of a
    /// reply that has begun.
    fn is_owed(&self) -> bool {
        match self.parts[..self.next].last() {
            None => false,
            Some(Part::Announcement) => true,
            Some(_) => match self.kind {
                Kind::Descriptors => false,
                Kind::Bytes => self.count() == 0,
                Kind::Reply => true,
            },
        }
    }

    /// Whether what went is a success already.
    fn is_partial(&self) -> bool {
        self.kind == Kind::Bytes && self.count() > 0
    }

    fn count(&self) -> i64 {
        let counts = self.parts[..self.next].iter().map(|part| match (self.kind, part) {
            (Kind::Descriptors, Part::Descriptor(_)) => 1,
            (Kind::Bytes, Part::Message(bytes)) => bytes.len(),
            (Kind::Bytes, Part::Announcement) => message::DESCRIPTOR.len(),
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
            Err(_) if self.is_partial() => Step::Done(Ok(Answer::number(self.count()))),
            Err(error) if self.count() > 0 => {
                let answer = Answer::number(self.count());
                Step::Done(Ok(Answer { cut_short: Some(error), ..answer }))
            }
            Err(error) => Step::Done(Err(error)),
        }
    }

    fn wait(&mut self, signals: Signals<'_>) {
        // The one that makes it hurry is still pending: it would end every wait.
        self.waiter.wait(if self.hurries { Signals::default() } else { signals });
    }
}
