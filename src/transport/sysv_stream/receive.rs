//! Receiving one message of the two-byte protocol from a stream.

use std::num::NonZeroU8;
use std::os::fd::BorrowedFd;

use crate::error::{Error, Result};
use crate::message::{self, Whole};
use crate::operation::{Answer, Operation, Step};
use crate::streams::{self, Passed, Received};
use crate::wait::{Signals, Waiter};

/// Receives the descriptor that a message of status 0 brings, or the error
/// status instead.
pub struct Receive {
    stream: BorrowedFd<'static>,
    close_on_exec: bool,
    /// Whether the call takes one at all.
    wanted: bool,
    ask_sender: bool,
    /// Status 0 came; the descriptor comes next.
    announced: bool,
    text: Text,
    waiter: Waiter,
}

/// A message that has text in it.
#[derive(Default)]
struct Text {
    message: Vec<u8>,
    /// How much of it is text.
    length: usize,
    /// It has yet to be handed on.
    waits: bool,
    /// The status behind it.
    status: Option<u8>,
    /// In all the call's messages.
    total: u64,
    limit: Option<u64>,
}

impl Receive {
    pub fn one(stream: BorrowedFd<'static>, close_on_exec: bool, ask_sender: bool) -> Self {
        Receive {
            stream,
            close_on_exec,
            wanted: true,
            ask_sender,
            announced: false,
            text: Text::default(),
            waiter: Waiter::new(stream),
        }
    }

    /// All descriptors of the message, close-on-exec: one.  TooLong, and it
    /// stays queued, if `most` is 0.
    pub fn all(stream: BorrowedFd<'static>, most: usize, ask_sender: bool) -> Self {
        Receive { wanted: most > 0, ..Receive::one(stream, true, ask_sender) }
    }

    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        loop {
            if self.text.waits {
                return self.hand_on();
            }
            if let Some(status) = self.text.status.take() {
                self.act_on(status)?;
            }
            match self.take() {
                Ok(Received::Data(message)) => self.read(message)?,
                Ok(Received::Descriptor(passed)) => return Ok(self.finish(passed)),
                Err(Error::WouldBlock) => {
                    self.for_more()?;
                    return Ok(Step::Wait);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&mut self, message: Vec<u8>) -> Result<()> {
        if message.is_empty() {
            return Err(if self.announced { Error::Malformed } else { Error::End });
        }
        if self.announced && message != message::DESCRIPTOR {
            return Err(Error::Malformed);
        }
        let (length, status) = match message::whole(&message) {
            Whole::Malformed => return Err(Error::Malformed),
            Whole::Text => (message.len(), None),
            Whole::End { text, status } => (text, Some(status)),
        };
        self.text.waits = length > 0;
        self.text.message = message;
        (self.text.length, self.text.status) = (length, status);
        Ok(())
    }

    fn hand_on(&mut self) -> Result<Step> {
        let Some(limit) = self.text.limit else {
            return Ok(Step::Limit);
        };
        self.text.waits = false;
        self.text.total += self.text.length as u64;
        if self.text.total > limit {
            return Err(Error::Malformed);
        }
        Ok(Step::Text)
    }

    fn act_on(&mut self, status: u8) -> Result<()> {
        self.announced = true;
        NonZeroU8::new(status).map_or(Ok(()), |status| Err(Error::Status(status)))
    }

    fn take(&mut self) -> Result<Received> {
        if self.wanted {
            return streams::receive(self.stream, usize::MAX, self.close_on_exec);
        }
        match streams::getmsg(self.stream, usize::MAX) {
            Err(streams::NOT_OF_THIS_KIND) => Err(Error::TooLong),
            message => message.map(Received::Data),
        }
    }

    fn finish(&mut self, passed: Passed) -> Step {
        let peer = || streams::peer_ids(self.stream).ok();
        let ids =
            self.ask_sender.then(|| Box::new(passed.sender.or_else(peer).unwrap_or_default()));
        let surplus = passed.surplus;
        Step::Done(Ok(Answer { surplus, ids, ..Answer::descriptor(passed.descriptor) }))
    }

    fn for_more(&mut self) -> Result<()> {
        if self.announced {
            self.waiter.for_rest()
        } else {
            self.waiter.for_input()
        }
    }
}

impl Operation for Receive {
    fn step(&mut self) -> Step {
        self.advance().unwrap_or_else(|error| Step::Done(Err(error)))
    }

    fn wait(&mut self, signals: Signals<'_>) {
        self.waiter.wait(signals);
    }

    fn text(&self) -> &[u8] {
        &self.text.message[..self.text.length]
    }

    fn limit_text(&mut self, bytes: u64) {
        self.text.limit = Some(bytes);
    }
}
