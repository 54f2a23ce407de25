//! Receiving one message of the two-byte protocol from a stream.
//!
//! That a descriptor was announced stands in [`half_read`] while the call waits,
//! or Perl code runs: whoever receives next on the stream goes on there.

use std::num::NonZeroU8;
use std::os::fd::BorrowedFd;

use super::calls::{self, Passed, Received};
use crate::error::{Error, Result};
use crate::half_read;
use crate::identity::sender_or_peer;
use crate::message::{self, Whole};
use crate::operation::{Answer, Operation, Step};
use crate::text::PeerText;
use crate::wait::Waiter;

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
    text: PeerText,
    /// The status behind text that has yet to be handed on.
    status: Option<u8>,
    waiter: Waiter,
}

impl Receive {
    pub fn one(stream: BorrowedFd<'static>, close_on_exec: bool, ask_sender: bool) -> Self {
        Receive {
            stream,
            close_on_exec,
            wanted: true,
            ask_sender,
            announced: false,
            text: PeerText::default(),
            status: None,
            waiter: Waiter::new(stream),
        }
    }

    /// All descriptors of the message, close-on-exec: one.  TooLong, and it
    /// stays queued, if `most` is 0.
    pub fn all(stream: BorrowedFd<'static>, most: usize, ask_sender: bool) -> Self {
        Receive { wanted: most > 0, ..Receive::one(stream, true, ask_sender) }
    }

    fn run(&mut self) -> Result<Step> {
        loop {
            if self.text.waiting() > 0 {
                return self.text.hand_on(self.stream);
            }
            match self.status.take() {
                // The sender could not pass it.  Some send nothing else.
                Some(0) if self.announced => return self.waiter.for_turn(),
                Some(status) => self.act_on(status)?,
                None => match self.take() {
                    Ok(Received::Data(message)) => self.read(&message)?,
                    Ok(Received::Descriptor(passed)) => return Ok(self.finish(passed)),
                    Err(Error::WouldBlock) => return self.waiter.for_input(),
                    Err(error) => {
                        // What the system has refused has gone.
                        self.announced &= error != Error::Refused;
                        return Err(error);
                    }
                },
            }
        }
    }

    fn read(&mut self, message: &[u8]) -> Result<()> {
        self.waiter.progressed();
        if message.is_empty() {
            let within = std::mem::take(&mut self.announced);
            return Err(if within { Error::Malformed } else { Error::End });
        }
        let (text, status) = match message::whole(message) {
            Whole::Text => (message.len(), None),
            Whole::End { text, status } => (text, Some(status)),
            Whole::Malformed => {
                self.announced = false;
                return Err(Error::Malformed);
            }
        };
        self.text.add(&message[..text]);
        self.status = status;
        Ok(())
    }

    fn act_on(&mut self, status: u8) -> Result<()> {
        self.announced = status == 0;
        NonZeroU8::new(status).map_or(Ok(()), |status| Err(Error::Status(status)))
    }

    fn take(&mut self) -> Result<Received> {
        if self.wanted {
            return calls::receive(self.stream, usize::MAX, self.close_on_exec);
        }
        match calls::getmsg(self.stream, usize::MAX) {
            Err(calls::NOT_OF_THIS_KIND) => Err(Error::TooLong),
            message => message.map(Received::Data),
        }
    }

    fn finish(&mut self, passed: Passed) -> Step {
        self.announced = false;
        let ids = sender_or_peer(self.ask_sender, passed.sender, self.stream);
        let surplus = passed.surplus;
        Answer { surplus, ids, ..Answer::descriptor(passed.descriptor) }.into()
    }
}

impl Operation for Receive {
    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        if self.text.was_handed_on(self.stream)? && self.status.is_none() {
            return self.waiter.for_turn();
        }
        self.announced = half_read::recall(self.stream);
        let step = self.run();
        if self.announced && !half_read::remember(self.stream) {
            return Err(Error::Malformed);
        }
        step
    }

    fn waiter(&mut self) -> Option<&mut Waiter> {
        Some(&mut self.waiter)
    }

    fn peer_text(&mut self) -> Option<&mut PeerText> {
        Some(&mut self.text)
    }
}
