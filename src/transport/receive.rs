//! Receiving one message of the two-byte protocol from a socket.
//!
//! An ordinary message is two bytes: where so many are queued, they are taken
//! in one go.  Else, and in text, each round looks at the queue first (MSG_PEEK,
//! without room for ancillary data, so that nothing is installed), and then
//! takes exactly what it saw to belong to the message.  What was really taken
//! decides, not what was seen: another reader of the same endpoint may have
//! been faster.

use std::num::NonZeroU8;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt, SockType};

use super::ancillary::{self, Received, RoomForOne, Seen};
use super::room::{self, Taking};
use crate::error::{Error, Result};
use crate::message::{self, Front, Position};
use crate::operation::{Answer, Descriptors, Ids, Operation, Step};
use crate::system;
use crate::wait::{self, Signals, Waiter};

/// Text is taken and handed on in pieces of at most this many bytes.
const PIECE: usize = 4096;

/// Receives what a message of status 0 brings, or the error status instead.
pub struct Receive {
    connection: BorrowedFd<'static>,
    taking: Taking,
    ask_sender: bool,
    position: Position,
    window: Window,
    /// What came with the message so far; whether it counts, its end says.
    descriptors: Descriptors,
    sender: Option<Ids>,
    /// Whether a descriptor came that could not be installed.
    refused: bool,
    /// Whether more came than there was room for.
    cut: bool,
    text: TextSoFar,
    waiter: Waiter,
    /// A signal came between a zero byte and its status.
    hurries: bool,
}

/// Where bytes from the queue are put: two, until text is found.
#[derive(Default)]
struct Window {
    few: [u8; 2],
    many: Vec<u8>,
}

impl Window {
    fn room(&mut self) -> &mut [u8] {
        if self.many.is_empty() {
            &mut self.few
        } else {
            &mut self.many
        }
    }

    fn bytes(&self) -> &[u8] {
        if self.many.is_empty() {
            &self.few
        } else {
            &self.many
        }
    }
}

/// Text that came before the end of the message.
#[derive(Default)]
struct TextSoFar {
    /// In all.
    length: u64,
    limit: Option<u64>,
    /// So much at the front of the window is to be handed on.
    piece: usize,
    /// So much is being handed on.
    handed: usize,
}

impl Receive {
    /// One descriptor; more that come with it are closed.
    pub fn one(connection: BorrowedFd<'static>, close_on_exec: bool, ask_sender: bool) -> Self {
        let taking = Taking { close_on_exec, most: 1, all_or_nothing: false };
        Receive::new(connection, taking, ask_sender)
    }

    /// All descriptors of the message, close-on-exec.  TooLong, and it stays
    /// queued, if there are more than `most`.
    pub fn all(connection: BorrowedFd<'static>, most: usize, ask_sender: bool) -> Self {
        let taking = Taking { close_on_exec: true, most, all_or_nothing: true };
        Receive::new(connection, taking, ask_sender)
    }

    fn new(connection: BorrowedFd<'static>, taking: Taking, ask_sender: bool) -> Self {
        Receive {
            connection,
            taking,
            ask_sender,
            position: Position::default(),
            window: Window::default(),
            descriptors: Descriptors::default(),
            sender: None,
            refused: false,
            cut: false,
            text: TextSoFar::default(),
            waiter: Waiter::new(connection),
            hurries: false,
        }
    }

    #[inline(always)]
    fn advance(&mut self) -> Result<Step> {
        self.heed_wait()?;
        loop {
            let step = if self.at_start() && ancillary::queued(self.connection) >= 2 {
                self.take(2)?
            } else if self.text.piece > 0 && self.text.limit.is_none() {
                return Ok(Step::Limit);
            } else {
                self.look_and_take()?
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    /// Where the zero byte came with text and had to be taken, its status is
    /// waited for, whatever else happens, but not for long.
    #[inline(always)]
    fn heed_wait(&mut self) -> Result<()> {
        match self.waiter.outcome() {
            Err(Error::Interrupted) if self.position == Position::Status => {
                if !self.hurries {
                    self.hurries = true;
                    self.waiter = Waiter::for_rest_of(self.connection);
                }
                Ok(())
            }
            Err(Error::WouldBlock) if self.position == Position::Status => Err(Error::Malformed),
            outcome => outcome,
        }
    }

    #[inline(always)]
    fn at_start(&self) -> bool {
        self.text.limit.is_none() && self.text.piece == 0 && self.position == Position::Text
    }

    fn look_and_take(&mut self) -> Result<Option<Step>> {
        let piece = self.text.piece;
        let seen = match &mut self.window.room()[piece..] {
            [] => return self.hand_on(),
            room => ancillary::peek(self.connection, room),
        };
        match seen {
            Ok(seen) => self.act_on(seen),
            // Meets it again, if it lasts.
            Err(_) if piece > 0 => self.hand_on(),
            Err(Errno::EAGAIN) => {
                if self.position == Position::Status {
                    self.waiter.for_rest()?;
                } else {
                    self.waiter.for_input()?;
                }
                Ok(Some(Step::Wait))
            }
            Err(errno) => Err(Error::from(errno)),
        }
    }

    /// One step further, or None: look again.
    fn act_on(&mut self, seen: Seen) -> Result<Option<Step>> {
        let queued = &self.window.bytes()[self.text.piece..][..seen.length];
        let front = (seen.length > 0).then(|| message::front(self.position, queued));
        if let (Some(Front::Text(length)), false) = (front, self.at_start()) {
            return self.take(length);
        }
        if self.text.piece > 0 {
            return self.hand_on();
        }
        match front {
            None => Err(self.end()?),
            Some(_) if seen.packet_cut => {
                self.take(1)?;
                Err(Error::TooLong)
            }
            Some(Front::End { length, .. }) => self.take(length),
            Some(_) if seen.length == 1 && self.stands_alone(seen) => self.take(1),
            Some(_) if self.in_packets()? => {
                self.take(seen.length)?;
                Err(Error::Malformed)
            }
            Some(Front::Half) => self.await_other_half(),
            Some(Front::Text(length)) => self.take(length),
        }
    }

    /// Is it a single byte with a descriptor, from a program that speaks no
    /// more of the protocol than that?
    fn stands_alone(&self, seen: Seen) -> bool {
        self.at_start() && ancillary::brings_descriptor(self.connection, seen)
    }

    /// Nothing more comes, or an empty packet did.
    fn end(&mut self) -> Result<Error> {
        let packets = self.in_packets()?;
        if packets {
            // If it was a packet it is taken; if it was the end this is another.
            let room = &mut RoomForOne::empty();
            let _ = ancillary::receive(self.connection, &mut [0; 2], room, true);
        }
        match self.position {
            Position::Text if !packets || self.kind()? != SockType::Datagram => Ok(Error::End),
            _ => Ok(Error::Malformed),
        }
    }

    fn in_packets(&self) -> Result<bool> {
        Ok(self.kind()? != SockType::Stream)
    }

    fn kind(&self) -> Result<SockType> {
        Ok(getsockopt(&self.connection, sockopt::SockType)?)
    }

    /// Half a message stays queued, for whoever reads next.
    fn await_other_half(&mut self) -> Result<Option<Step>> {
        let hung_up = wait::hung_up(self.connection);
        // Asked after that, so that what came just before the end counts.
        if ancillary::queued(self.connection) >= 2 {
            return self.take(1);
        }
        if hung_up {
            self.take(1)?;
            return Err(Error::Malformed);
        }
        self.waiter.for_news()?;
        Ok(Some(Step::Wait))
    }

    /// Takes so many bytes and what comes with them.
    #[inline(always)]
    fn take(&mut self, length: usize) -> Result<Option<Step>> {
        let bytes = &mut self.window.room()[self.text.piece..][..length];
        let mut received = room::take(self.connection, bytes, self.taking);
        if received.is_err() && self.text.piece > 0 {
            return self.hand_on();
        }
        let no_room = matches!(received, Err(Error::TableFull | Error::TooLong));
        if no_room && self.is_error_next() {
            received = self.take_error(length);
        }
        match received {
            // Another reader was faster.
            Err(Error::WouldBlock) => Ok(None),
            received => self.absorb(received?),
        }
    }

    /// Whether the message at the front ends with an error status.  A look does
    /// not tell: what it installs may belong to a message behind that one.
    #[cold]
    fn is_error_next(&self) -> bool {
        let mut bytes = vec![0; ancillary::queued(self.connection).max(2)];
        let seen = ancillary::peek(self.connection, &mut bytes).map_or(0, |seen| seen.length);
        matches!(message::status_seen(self.position, &bytes[..seen]), Some(1..))
    }

    /// Takes bytes of a message that promises nothing, and so needs no room.
    #[cold]
    fn take_error(&mut self, length: usize) -> Result<Received> {
        let bytes = &mut self.window.room()[self.text.piece..][..length];
        room::take_unproved(self.connection, bytes, self.taking)
    }

    #[inline(always)]
    fn absorb(&mut self, received: Received) -> Result<Option<Step>> {
        let alone = received.length == 1 && !received.descriptors.is_empty();
        self.refused |= received.control_cut && received.descriptors.is_empty();
        self.cut |= received.control_cut;
        if !received.descriptors.is_empty() {
            // A message that comes in pieces can come from several processes.
            // Nobody may answer for the descriptor of another.
            if !self.descriptors.is_empty() && received.sender != self.sender {
                return Err(Error::Malformed);
            }
            self.sender = received.sender;
        }
        self.descriptors.extend(received.descriptors);
        if received.packet_cut {
            return Err(Error::TooLong);
        }
        if received.length == 0 {
            return Err(self.end()?);
        }
        if alone && self.at_start() {
            return self.finish(0).map(Some);
        }
        self.read(received.length)
    }

    /// What the bytes that were taken say; None if the message goes on.
    #[inline(always)]
    fn read(&mut self, length: usize) -> Result<Option<Step>> {
        let at_start = self.at_start();
        let from = self.text.piece;
        for index in from..from + length {
            match (self.position, self.window.bytes()[index]) {
                (Position::Status, status) => return self.finish(status).map(Some),
                (Position::Text, 0) => self.position = Position::Status,
                (Position::Text, _) => self.text.piece += 1,
            }
        }
        if at_start && self.in_packets() == Ok(true) {
            return Err(Error::Malformed);
        }
        Ok(None)
    }

    /// All text that there is now, before anything else happens.
    fn hand_on(&mut self) -> Result<Option<Step>> {
        self.text.handed = std::mem::take(&mut self.text.piece);
        self.text.length += self.text.handed as u64;
        if self.text.limit.is_some_and(|limit| self.text.length > limit) {
            return Err(Error::Malformed);
        }
        Ok(Some(Step::Text))
    }

    #[inline(always)]
    fn finish(&mut self, status: u8) -> Result<Step> {
        if let Some(status) = NonZeroU8::new(status) {
            return Err(Error::Status(status));
        }
        if self.descriptors.is_empty() {
            return Err(self.why_none());
        }
        let enough = self.descriptors.len() >= self.taking.most;
        if self.cut && self.taking.all_or_nothing && !enough {
            return Err(Error::Refused);
        }
        let mut descriptors = std::mem::take(&mut self.descriptors);
        let surplus = descriptors.truncate(self.taking.most) + usize::from(self.cut && enough);
        let ids = self.ask_sender.then(|| Box::new(self.ids()));
        Ok(Step::Done(Ok(Answer { descriptors, surplus, ids, ..Answer::default() })))
    }

    /// Who sent this message, if the kernel noted it; else who is at the other
    /// end, if it can tell.
    fn ids(&self) -> Ids {
        let peer = || system::peer_ids(self.connection).ok();
        self.sender.or_else(peer).unwrap_or_default()
    }

    /// Why a message that promises a descriptor brought none.  Not TableFull:
    /// it is no longer queued.
    fn why_none(&self) -> Error {
        if self.refused {
            Error::Refused
        } else {
            Error::Malformed
        }
    }
}

impl Operation for Receive {
    #[inline(always)]
    fn step(&mut self) -> Step {
        self.advance().unwrap_or_else(|error| Step::Done(Err(error)))
    }

    fn wait(&mut self, signals: Signals<'_>) {
        // The one that makes it hurry is still pending: it would end every wait.
        self.waiter.wait(if self.hurries { Signals::default() } else { signals });
    }

    fn text(&self) -> &[u8] {
        &self.window.bytes()[..self.text.handed]
    }

    fn limit_text(&mut self, bytes: u64) {
        self.text.limit = Some(bytes);
        self.window.many = vec![0; PIECE];
        self.window.many[..2].copy_from_slice(&self.window.few);
    }
}
