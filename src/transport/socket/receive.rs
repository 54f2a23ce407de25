//! Receiving one message of the two-byte protocol from a socket.
//!
//! An ordinary message is two bytes, and one recvmsg(2) takes it.  What is text
//! is looked at first (MSG_PEEK, without room for control messages, so that
//! nothing is installed), and exactly what belongs to the message is taken.
//! What was really taken decides, not what was seen: another reader of the same
//! endpoint may have been faster.
//!
//! While the call waits, or Perl code runs, it holds no descriptor, and where
//! in a message it is stands in [`half_read`]: whoever receives next on the
//! connection goes on there.

use std::num::NonZeroU8;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::sys::socket::SockType;

use super::control::{self, Received};
use super::take::{self, Want};
use crate::descriptor::Descriptors;
use crate::error::{Error, Result};
use crate::half_read;
use crate::identity::{sender_or_peer, Ids};
use crate::message::{self, Position};
use crate::operation::{Answer, Operation, Step};
use crate::system::socket_option;
use crate::text::PeerText;
use crate::threads;
use crate::wait::Waiter;

/// Receives what a message of status 0 brings, or the error status instead.
pub struct Receive {
    connection: BorrowedFd<'static>,
    want: Want,
    ask_sender: bool,
    position: Position,
    /// The message has text in it, or a descriptor before its end.
    goes_on: bool,
    came: Came,
    text: PeerText,
    /// The call is over, but for text that has yet to be handed on.
    over: Option<Result<Status>>,
    waiter: Waiter,
}

/// The status of a message.
type Status = u8;

/// What came with a message's bytes; whether it counts, its end says.
#[derive(Default)]
struct Came {
    descriptors: Descriptors,
    sender: Option<Box<Ids>>,
    /// More than the call takes, which were closed.
    surplus: usize,
    /// Not all that came could be installed.
    cut: bool,
}

impl Came {
    /// No descriptor came, not even one that the system has refused.
    #[inline(always)]
    fn is_nothing(&self) -> bool {
        self.descriptors.is_empty() && !self.cut
    }
}

impl Receive {
    /// One descriptor; more that come with it are closed.
    #[inline(always)]
    pub fn one(connection: BorrowedFd<'static>, close_on_exec: bool, ask_sender: bool) -> Self {
        let want = Want { close_on_exec, most: 1, all_or_nothing: false };
        Receive::new(connection, want, ask_sender)
    }

    /// All descriptors of the message, close-on-exec.  TooLong, and it stays
    /// queued, if there are more than `most`.
    pub fn all(connection: BorrowedFd<'static>, most: usize, ask_sender: bool) -> Self {
        let want = Want { close_on_exec: true, most, all_or_nothing: true };
        Receive::new(connection, want, ask_sender)
    }

    #[inline(always)]
    fn new(connection: BorrowedFd<'static>, want: Want, ask_sender: bool) -> Self {
        Receive {
            connection,
            want,
            ask_sender,
            position: Position::Text,
            goes_on: false,
            came: Came::default(),
            text: PeerText::default(),
            over: None,
            waiter: Waiter::new(connection),
        }
    }

    /// From one wait, or piece of text, to the next.  A message whose descriptor
    /// has come ends where nothing more is there.
    #[inline(always)]
    fn run(&mut self) -> Result<Step> {
        loop {
            if let Some(outcome) = self.over.take() {
                return self.finish(outcome);
            }
            if self.text.waiting() >= self.most_text() {
                return self.text.hand_on(self.connection);
            }
            let taken = if self.goes_on { self.look_and_take() } else { self.take_first() };
            match taken {
                Err(Error::WouldBlock) if !self.came.is_nothing() => {
                    self.position = Position::Text;
                    self.over = Some(Ok(0));
                }
                Err(_) if self.text.waiting() > 0 => return self.text.hand_on(self.connection),
                Err(Error::WouldBlock) => return self.waiter.for_input(),
                taken => taken?,
            }
        }
    }

    /// Text that came with a descriptor is part of a message that is taken whole,
    /// if it is there, before a callback can receive the rest.
    #[inline(always)]
    fn most_text(&self) -> usize {
        const WITH_DESCRIPTOR: usize = 0x4_0000;
        match self.came.is_nothing() {
            true => PeerText::PIECE,
            false => WITH_DESCRIPTOR,
        }
    }

    /// An ordinary message, or the status of one that is half there.
    #[inline(always)]
    fn take_first(&mut self) -> Result<()> {
        let mut bytes = [0; 2];
        let length = if self.position == Position::Status { 1 } else { 2 };
        let received = self.take(&mut bytes[..length])?;
        let is_whole = received.length == length && !received.packet_cut;
        // What was not asked for is zero, too.
        if is_whole && bytes == message::DESCRIPTOR {
            self.position = Position::Text;
            self.over = Some(Ok(0));
            self.keep(received);
            return Ok(());
        }
        self.absorb_first(received, &bytes)
    }

    /// A packet is a whole message, whatever is in it.
    #[cold]
    fn absorb_first(&mut self, received: Received, bytes: &[u8]) -> Result<()> {
        match kind(self.connection) {
            SockType::Stream => self.absorb(received, bytes),
            kind => {
                self.over = Some(self.packet(received, bytes, kind));
                Ok(())
            }
        }
    }

    fn packet(&mut self, received: Received, bytes: &[u8], kind: SockType) -> Result<Status> {
        let (length, packet_cut) = (received.length, received.packet_cut);
        self.keep(received);
        match (length, bytes) {
            _ if packet_cut => Err(Error::TooLong),
            (0, _) if kind == SockType::SeqPacket => Err(Error::End),
            // Malformed, if it came without a descriptor.
            (1, _) => Ok(0),
            (2, &[0, status]) => Ok(status),
            _ => Err(Error::Malformed),
        }
    }

    /// Looks at what is queued and takes what of it belongs to the message.
    #[cold]
    fn look_and_take(&mut self) -> Result<()> {
        let mut bytes = [0; PeerText::PIECE];
        let seen = match control::peek(self.connection, &mut bytes) {
            // At the mark of out-of-band data a look sees nothing, for ever; to
            // take throws the byte away.
            Err(Errno::EAGAIN) if self.holds_nothing() => 1,
            seen => seen?.length,
        };
        let length = match message::extent(self.position, &bytes[..seen]) {
            // The end, if that is all.
            0 => 1,
            whole if self.came.is_nothing() => self.before_end(&bytes[..whole]),
            whole => whole.min(control::bytes_before_descriptor(self.connection)?),
        };
        if length == 0 {
            // What is given away first; or the next byte brings a descriptor of
            // its own, and so is the next message's.
            return Err(Error::WouldBlock);
        }
        let received = self.take(&mut bytes[..length])?;
        self.absorb(received, &bytes)
    }

    /// Text goes before the end of its message is taken, so that a callback can
    /// receive that.
    fn before_end(&self, bytes: &[u8]) -> usize {
        match message::read(self.position, bytes).text {
            0 if self.text.waiting() == 0 => bytes.len(),
            text => text,
        }
    }

    /// Has it nothing that would have to be given away before more is taken?
    fn holds_nothing(&self) -> bool {
        self.came.is_nothing() && self.text.waiting() == 0
    }

    /// WouldBlock if nothing is queued; TableFull, TooLong: all still is.
    #[inline(always)]
    fn take(&self, bytes: &mut [u8]) -> Result<Received> {
        match take::take(self.connection, bytes, self.want) {
            Err(why @ (Error::TableFull | Error::TooLong)) => self.take_reply(bytes, why),
            received => received,
        }
    }

    /// What promises nothing needs no room.
    #[cold]
    fn take_reply(&self, bytes: &mut [u8], why_not_more: Error) -> Result<Received> {
        let _turn = threads::turn();
        match self.promises_nothing() {
            true => take::take_unproved(self.connection, bytes, self.want),
            false => Err(why_not_more),
        }
    }

    /// Whether no descriptor of the message at the front counts, because it ends
    /// with an error status or is malformed.  A look with room for descriptors
    /// does not tell: what it installs may belong to a message behind that one.
    #[cold]
    fn promises_nothing(&self) -> bool {
        let mut bytes = [0; PeerText::PIECE];
        let Ok(seen) = control::peek(self.connection, &mut bytes) else {
            return false;
        };
        let seen = &bytes[..seen.length];
        match kind(self.connection) {
            SockType::Stream => {
                matches!(message::status_seen(self.position, seen), Some(1..))
            }
            _ => seen.len() != 1 && seen != message::DESCRIPTOR,
        }
    }

    /// What was taken of a stream.
    fn absorb(&mut self, received: Received, bytes: &[u8]) -> Result<()> {
        let length = received.length;
        self.waiter.progressed();
        self.keep(received);
        if length == 0 {
            self.over = Some(self.end());
            return Ok(());
        }
        let said = message::read(self.position, &bytes[..length]);
        self.text.add(&bytes[..said.text]);
        self.position = said.position;
        self.goes_on = said.status.is_none();
        self.over = said.status.map(Ok);
        Ok(())
    }

    #[inline(always)]
    fn keep(&mut self, received: Received) {
        self.came.cut |= received.control_cut;
        if received.descriptors.is_empty() {
            return;
        }
        self.came.sender = received.sender;
        self.came.descriptors.append(received.descriptors);
        // Closed at once, so that text in many pieces cannot fill the table.
        self.came.surplus += self.came.descriptors.truncate(self.want.most);
    }

    /// The peer sends nothing more.
    fn end(&mut self) -> Result<Status> {
        match std::mem::take(&mut self.position) {
            _ if !self.came.is_nothing() => Ok(0),
            Position::Text => Err(Error::End),
            Position::Status => Err(Error::Malformed),
        }
    }

    #[inline(always)]
    fn finish(&mut self, outcome: Result<Status>) -> Result<Step> {
        if self.text.waiting() > 0 {
            self.over = Some(outcome);
            return self.text.hand_on(self.connection);
        }
        if let Some(status) = NonZeroU8::new(outcome?) {
            return Err(Error::Status(status));
        }
        let Came { descriptors, sender, mut surplus, cut } = std::mem::take(&mut self.came);
        let enough = descriptors.len() >= self.want.most;
        match (descriptors.is_empty(), cut) {
            // Not TableFull: it is no longer queued.
            (true, true) => return Err(Error::Refused),
            (true, false) => return Err(Error::Malformed),
            (false, true) if enough => surplus += 1,
            (false, true) if self.want.all_or_nothing => return Err(Error::Refused),
            _ => {}
        }
        let ids = sender_or_peer(self.ask_sender, sender, self.connection);
        Ok(Step::Done(Answer { descriptors, surplus, ids, ..Answer::default() }))
    }
}

/// A stream where the system does not say: what was taken is not lost.
fn kind(connection: BorrowedFd<'_>) -> SockType {
    socket_option::kind(connection).unwrap_or(SockType::Stream)
}

impl Operation for Receive {
    #[inline(always)]
    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        if self.text.was_handed_on(self.connection)? && self.over.is_none() {
            return self.waiter.for_turn();
        }
        if self.over.is_none() && half_read::recall(self.connection) {
            self.position = Position::Status;
        }
        let step = self.run();
        if self.position == Position::Status {
            self.position = Position::Text;
            if !half_read::remember(self.connection) {
                return Err(Error::Malformed);
            }
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
