//! Reading bytes and descriptors of the program's own from a stream.

use std::os::fd::BorrowedFd;

use crate::error::{Error, Result};
use crate::message;
use crate::operation::{Answer, Descriptors, Ids, Operation, Step};
use crate::streams::{self, Passed, Received};
use crate::wait::{Signals, Waiter};

/// Reads the descriptors at the head, and the message that ends them.
///
/// Bytes that are a message of status 0 come before their descriptor.  What was
/// taken is never lost: when a signal or the end comes before the bytes, the
/// descriptors are the answer, without bytes.
pub struct Read {
    stream: BorrowedFd<'static>,
    length: usize,
    most: usize,
    ask_sender: bool,
    announced: bool,
    taken: Taken,
    waiter: Waiter,
}

#[derive(Default)]
struct Taken {
    descriptors: Descriptors,
    surplus: usize,
    sender: Option<Ids>,
}

impl Taken {
    fn add(&mut self, passed: Passed, most: usize) {
        self.descriptors.push(passed.descriptor);
        self.surplus += passed.surplus + self.descriptors.truncate(most);
        self.sender = passed.sender.or(self.sender);
    }

    fn is_empty(&self) -> bool {
        self.descriptors.is_empty() && self.surplus == 0
    }
}

impl Read {
    /// At most `length` bytes and `most` descriptors; more of these are closed.
    pub fn new(stream: BorrowedFd<'static>, length: usize, most: usize, ask_sender: bool) -> Self {
        let taken = Taken::default();
        let waiter = Waiter::new(stream);
        Read { stream, length, most, ask_sender, announced: false, taken, waiter }
    }

    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        loop {
            let step = if self.announced { self.take_announced() } else { self.take_next() };
            match step {
                Ok(Some(bytes)) => return Ok(self.finish(bytes)),
                Ok(None) => {}
                Err(Error::WouldBlock) => {
                    self.for_more()?;
                    return Ok(Step::Wait);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The bytes that end the answer, or None: there may be more.
    fn take_next(&mut self) -> Result<Option<Vec<u8>>> {
        let bytes = match streams::receive(self.stream, self.length, true)? {
            Received::Data(bytes) => bytes,
            Received::Descriptor(passed) => {
                self.taken.add(passed, self.most);
                return Ok(None);
            }
        };
        self.announced = bytes == message::DESCRIPTOR && self.taken.is_empty() && self.most > 0;
        Ok((!self.announced).then_some(bytes))
    }

    fn take_announced(&mut self) -> Result<Option<Vec<u8>>> {
        let passed = streams::recvfd(self.stream, true)?;
        self.taken.add(passed, self.most);
        Ok(Some(message::DESCRIPTOR.to_vec()))
    }

    fn for_more(&mut self) -> Result<()> {
        if self.announced || !self.taken.is_empty() {
            self.waiter.for_rest()
        } else {
            self.waiter.for_input()
        }
    }

    fn finish(&mut self, bytes: Vec<u8>) -> Step {
        let Taken { descriptors, surplus, sender } = std::mem::take(&mut self.taken);
        let peer = || streams::peer_ids(self.stream).ok();
        let ids = self.ask_sender.then(|| sender.or_else(peer).unwrap_or_default().into());
        Step::Done(Ok(Answer {
            bytes: Some(bytes),
            descriptors,
            surplus,
            ids,
            ..Answer::default()
        }))
    }
}

impl Operation for Read {
    fn step(&mut self) -> Step {
        match self.advance() {
            Ok(step) => step,
            Err(_) if self.announced => self.finish(message::DESCRIPTOR.to_vec()),
            Err(_) if !self.taken.is_empty() => self.finish(Vec::new()),
            Err(error) => Step::Done(Err(error)),
        }
    }

    fn wait(&mut self, signals: Signals<'_>) {
        self.waiter.wait(signals);
    }
}
