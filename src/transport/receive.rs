//! Receiving one message from a socket.
//!
//! Each round looks at the queue first (MSG_PEEK, without room for ancillary
//! data, so that nothing is installed), and then takes exactly what it saw to
//! belong to the message.  What was really taken decides, not what was seen:
//! another reader of the same endpoint may have been faster.

use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt, SockType};

use super::ancillary::{self, Received, RoomForOne, Seen};
use crate::descriptor;
use crate::error::{Error, Result};
use crate::message::{self, Front, Position};
use crate::operation::{Answer, Descriptors, Ids, Operation, Step};
use crate::system;
use crate::wait::{self, Signals, Waiter};

/// Text is taken and handed on in pieces of at most this many bytes.
const PIECE: usize = 4096;

/// Receives one descriptor, or the error status in place of it.
pub struct Receive {
    connection: BorrowedFd<'static>,
    close_on_exec: bool,
    position: Position,
    /// What came with the message so far; whether it counts, its end says.
    descriptors: Descriptors,
    sender: Option<Ids>,
    ask_sender: bool,
    /// Whether a descriptor came that could not be installed.
    refused: bool,
    text: Vec<u8>,
    text_length: u64,
    text_limit: Option<u64>,
    waiter: Waiter,
}

impl Receive {
    pub fn new(connection: BorrowedFd<'static>, close_on_exec: bool, ask_sender: bool) -> Self {
        Receive {
            connection,
            close_on_exec,
            position: Position::default(),
            descriptors: Descriptors::default(),
            sender: None,
            ask_sender,
            refused: false,
            text: Vec::new(),
            text_length: 0,
            text_limit: None,
            waiter: Waiter::new(connection),
        }
    }

    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        loop {
            let mut queued = [0; PIECE];
            let window = if self.text_limit.is_some() { PIECE } else { 2 };
            let seen = match ancillary::peek(self.connection, &mut queued[..window]) {
                Ok(seen) => seen,
                Err(Errno::EAGAIN) => {
                    self.waiter.for_input()?;
                    return Ok(Step::Wait);
                }
                Err(errno) => return Err(Error::from(errno)),
            };
            if let Some(step) = self.act_on(&queued[..seen.length], seen)? {
                return Ok(step);
            }
        }
    }

    /// One step further, or None: look again.
    fn act_on(&mut self, queued: &[u8], seen: Seen) -> Result<Option<Step>> {
        if queued.is_empty() {
            return Err(self.end());
        }
        if seen.packet_cut {
            self.take(1, seen)?;
            return Err(Error::TooLong);
        }
        match message::front(self.position, queued) {
            Front::End { length, .. } => self.take(length, seen),
            Front::Half | Front::Text(1) if queued.len() == 1 && self.stands_alone(seen) => {
                self.take(1, seen)
            }
            Front::Half | Front::Text(_) if self.in_packets() => {
                self.take(2, seen)?;
                Err(Error::Malformed)
            }
            Front::Half => self.await_other_half(seen),
            Front::Text(length) => self.take_text(length, seen),
        }
    }

    /// Is it a single byte with a descriptor, from a program that speaks no
    /// more of the protocol than that?
    fn stands_alone(&self, seen: Seen) -> bool {
        self.text_limit.is_none() && ancillary::descriptor_waits(self.connection, seen)
    }

    /// Nothing more comes, or an empty packet did.
    fn end(&mut self) -> Error {
        let packets = self.in_packets();
        if packets {
            // If it was a packet it is taken; if it was the end this is another.
            let _ = ancillary::receive(self.connection, &mut [0; 2], &mut RoomForOne::new(), true);
        }
        match self.position {
            Position::Text if !packets || !self.is(SockType::Datagram) => Error::End,
            _ => Error::Malformed,
        }
    }

    fn in_packets(&self) -> bool {
        !self.is(SockType::Stream)
    }

    fn is(&self, kind: SockType) -> bool {
        getsockopt(&self.connection, sockopt::SockType) == Ok(kind)
    }

    /// Half a message stays queued, for whoever reads next.
    fn await_other_half(&mut self, seen: Seen) -> Result<Option<Step>> {
        if !wait::hung_up(self.connection) {
            self.waiter.for_news()?;
            return Ok(Some(Step::Wait));
        }
        // The other half may have come just before the end.
        match ancillary::peek(self.connection, &mut [0; 2]) {
            Ok(seen) if seen.length > 1 => return Ok(None),
            _ => self.take(1, seen)?,
        };
        Err(Error::Malformed)
    }

    fn take_text(&mut self, length: usize, seen: Seen) -> Result<Option<Step>> {
        let Some(limit) = self.text_limit else {
            return Ok(Some(Step::Limit));
        };
        self.text_length += length as u64;
        let step = self.take(length, seen)?;
        if self.text_length > limit {
            return Err(Error::Malformed);
        }
        Ok(step)
    }

    /// Takes so many bytes and what comes with them.
    fn take(&mut self, length: usize, seen: Seen) -> Result<Option<Step>> {
        self.prove_room(seen)?;
        let mut bytes = [0; PIECE];
        let received = ancillary::receive(
            self.connection,
            &mut bytes[..length],
            &mut RoomForOne::new(),
            self.close_on_exec,
        );
        match received {
            Ok(received) => self.absorb(&bytes[..length], received),
            // Another reader was faster.
            Err(Errno::EAGAIN) => Ok(None),
            Err(errno) => Err(Error::from(errno)),
        }
    }

    /// A descriptor that finds no free slot is lost, so there has to be one
    /// before it is taken.  What brings none needs none.
    fn prove_room(&self, seen: Seen) -> Result<()> {
        match descriptor::prove_free_slot(self.connection) {
            Err(Error::TableFull) if !ancillary::descriptor_waits(self.connection, seen) => Ok(()),
            proof => proof,
        }
    }

    fn absorb(&mut self, bytes: &[u8], received: Received) -> Result<Option<Step>> {
        let alone =
            received.length == 1 && self.text_limit.is_none() && !received.descriptors.is_empty();
        self.refused |= received.control_cut && received.descriptors.is_empty();
        self.descriptors.extend(received.descriptors);
        self.sender = received.sender.or(self.sender);
        if received.packet_cut {
            return Err(Error::TooLong);
        }
        if received.length == 0 {
            return Err(self.end());
        }
        if alone && self.position == Position::Text {
            return self.finish(0).map(Some);
        }
        self.text.clear();
        for &byte in &bytes[..received.length] {
            match (self.position, byte) {
                (Position::Status, status) => return self.finish(status).map(Some),
                (Position::Text, 0) => self.position = Position::Status,
                (Position::Text, text) => self.text.push(text),
            }
        }
        Ok((!self.text.is_empty()).then_some(Step::Text))
    }

    fn finish(&mut self, status: u8) -> Result<Step> {
        if let Some(status) = std::num::NonZeroU8::new(status) {
            return Err(Error::Status(status));
        }
        if self.descriptors.is_empty() {
            return Err(self.why_none());
        }
        let mut descriptors = std::mem::take(&mut self.descriptors);
        let surplus = descriptors.truncate(1);
        let ids = self.ask_sender.then(|| self.ids());
        Ok(Step::Done(Ok(Answer {
            descriptors,
            surplus,
            ids,
            ..Answer::default()
        })))
    }

    /// Who sent this message, if the kernel noted it; else who is at the other
    /// end, if it can tell.
    fn ids(&self) -> Ids {
        self.sender
            .or_else(|| system::peer_ids(self.connection).ok())
            .unwrap_or(Ids::UNKNOWN)
    }

    /// Why a message that promises a descriptor brought none.
    fn why_none(&self) -> Error {
        if !self.refused {
            return Error::Malformed;
        }
        // Another thread may have taken the slot that was free.
        match descriptor::prove_free_slot(self.connection) {
            Err(Error::TableFull) => Error::TableFull,
            _ => Error::Refused,
        }
    }
}

impl Operation for Receive {
    fn step(&mut self) -> Step {
        self.advance()
            .unwrap_or_else(|error| Step::Done(Err(error)))
    }

    fn wait(&mut self, signals: Signals<'_>) {
        self.waiter.wait(signals);
    }

    fn text(&self) -> &[u8] {
        &self.text
    }

    fn limit_text(&mut self, bytes: u64) {
        self.text_limit = Some(bytes);
    }
}
