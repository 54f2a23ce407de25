//! Taking descriptors from the queue only when the table has room for them.
//!
//! A descriptor that finds no free slot is lost: recvmsg(2) takes the bytes and
//! the kernel closes it.  So it has to be sure of room before.  It always takes
//! bytes and descriptors together, so that several processes can read one
//! endpoint: whoever gets the bytes gets the descriptors.  What comes before:
//!
//! - One slot is proved free, by a guess or by opening something in it; many by
//!   the numbers just below the limit, which fill last.
//! - Where that many are not free, a look (MSG_PEEK) installs what is at the
//!   front, which shows how many they are and that they fit, and closes it.
//!   Another process that reads the same endpoint could take them meanwhile,
//!   and leave us a larger message than we have room for; only where batches
//!   of different sizes meet a table that is nearly full.
//! - Another thread of this process can fill any number of slots between a
//!   proof and the taking, so that nothing is proved.  With threads, what the
//!   look installed stays open until the same has been taken; where it was cut
//!   short in that, the look's descriptors are the ones.  No thread can make
//!   that lose anything: those that receive look and take in turn.  Another
//!   process would have to take the message in the very moment in which a
//!   thread takes the slot.
//! - What needs no slot is taken without one.  The kernel takes what is at the
//!   front, whatever was seen there: where several processes read, and one of
//!   them has no slot, another may take an error status in that moment.

use std::os::fd::BorrowedFd;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;

use super::control::{self, Buffer, Received, RoomForAll, RoomForOne, MOST_DESCRIPTORS};
use crate::error::{Error, Result};
use crate::slots;
use crate::threads::{self, Turn};
use crate::wait;

/// So often a slot that was proved may be gone when it is needed.
const ATTEMPTS: usize = 1000;

/// After so many attempts there is a pause.  Two threads that want the same slots
/// can fall in step, so that one finds none each time; a sleep ends that.
const ATTEMPTS_IN_STEP: usize = 8;
const PAUSE: Duration = Duration::from_micros(1);

/// How a call wants what it takes.
#[derive(Debug, Clone, Copy)]
pub struct Want {
    pub close_on_exec: bool,
    /// How many descriptors it can use.
    pub most: usize,
    /// Whether a message with more stays queued; else they are closed.
    pub all_or_nothing: bool,
}

/// Whether a message may come that has more than the call takes.
fn is_limited(want: Want) -> bool {
    want.all_or_nothing && want.most < MOST_DESCRIPTORS
}

/// Takes bytes and descriptors.  WouldBlock: look again.  TableFull, TooLong:
/// all is still queued.
#[inline(always)]
pub fn take(from: BorrowedFd<'_>, bytes: &mut [u8], want: Want) -> Result<Received> {
    let taken = if want.most == 1 && !want.all_or_nothing {
        take_one(from, bytes, want)
    } else {
        take_many(from, bytes, want)
    };
    match taken {
        Err(why @ (Error::TableFull | Error::TooLong)) => take_plain(from, bytes, want, why),
        Err(Error::WouldBlock) if looks(want) && is_at_mark(from) => take_mark(from, bytes, want),
        taken => taken,
    }
}

/// Whether the call may have looked and taken nothing.
fn looks(want: Want) -> bool {
    want.all_or_nothing || threads::exist()
}

/// Whether out-of-band data is in the way of a look: at its mark that sees nothing,
/// for ever, and poll(2) says that there is such data.
pub fn is_at_mark(from: BorrowedFd<'_>) -> bool {
    wait::ready(from, PollFlags::POLLPRI) && control::peek(from, &mut [0]) == Err(Errno::EAGAIN)
}

/// Takes without a look or a proof, which throws out-of-band data away; there is
/// nothing else.  Only to a peer that sends such data could it happen that a
/// descriptor comes in this very moment and finds no slot.
#[cold]
pub fn take_mark(from: BorrowedFd<'_>, bytes: &mut [u8], want: Want) -> Result<Received> {
    let _turn = threads::turn();
    take_mark_in_turn(from, bytes, want)
}

fn take_mark_in_turn(from: BorrowedFd<'_>, bytes: &mut [u8], want: Want) -> Result<Received> {
    if !is_at_mark(from) {
        return Err(Error::WouldBlock);
    }
    let room = &mut RoomForAll::empty();
    Ok(control::receive(from, bytes, room, want.close_on_exec)?)
}

/// What brings no descriptor needs no slot.
#[cold]
fn take_plain(
    from: BorrowedFd<'_>,
    bytes: &mut [u8],
    want: Want,
    why_not_more: Error,
) -> Result<Received> {
    let _turn = threads::turn();
    let length = match control::bytes_before_descriptor(from) {
        Err(Errno::EAGAIN) => return take_mark_in_turn(from, bytes, want),
        Ok(0) if control::peek_for_descriptor(from, &mut [0; 2])?.control => {
            return Err(why_not_more)
        }
        Ok(0) => bytes.len(),
        before => before?.min(bytes.len()),
    };
    let room = &mut RoomForOne::empty();
    Ok(control::receive(from, &mut bytes[..length], room, want.close_on_exec)?)
}

#[inline(always)]
fn take_one(from: BorrowedFd<'_>, bytes: &mut [u8], want: Want) -> Result<Received> {
    let room = &mut RoomForOne::empty();
    if threads::exist() {
        return take_what_was_seen(from, bytes, room, want);
    }
    slots::prove_one(from)?;
    let received = control::receive(from, bytes, room, want.close_on_exec)?;
    if let Some(number) = received.descriptors.first() {
        slots::note_received(number);
    }
    Ok(received)
}

fn take_many(from: BorrowedFd<'_>, bytes: &mut [u8], want: Want) -> Result<Received> {
    let room = &mut RoomForAll::empty();
    if threads::exist() {
        return take_what_was_seen(from, bytes, room, want);
    }
    if is_limited(want) || !slots::are_free(MOST_DESCRIPTORS) {
        look(from, bytes, room, want)?;
    }
    Ok(control::receive(from, bytes, room, want.close_on_exec)?)
}

/// Takes, whatever room there is, what was seen to need none: an error status.
/// What another reader leaves us in its place, and finds no room, is lost.
pub fn take_unproved(from: BorrowedFd<'_>, bytes: &mut [u8], want: Want) -> Result<Received> {
    let room = &mut RoomForAll::empty();
    Ok(control::receive(from, bytes, room, want.close_on_exec)?)
}

/// Takes, with the descriptors that a look has installed in reserve.
fn take_what_was_seen<const WORDS: usize>(
    from: BorrowedFd<'_>,
    bytes: &mut [u8],
    room: &mut Buffer<WORDS>,
    want: Want,
) -> Result<Received> {
    let (seen, turn) = look(from, bytes, room, want)?;
    let received = control::receive(from, bytes, room, want.close_on_exec);
    drop(turn);
    let mut received = received?;
    if received.control_cut && received.descriptors.len() < seen.descriptors.len() {
        (received.descriptors, received.control_cut) = (seen.descriptors, seen.control_cut);
    }
    Ok(received)
}

/// What a look could install: all that the call takes, unless the system
/// refuses one.  And the turn in which that can be taken.
fn look<const WORDS: usize>(
    from: BorrowedFd<'_>,
    bytes: &mut [u8],
    room: &mut Buffer<WORDS>,
    want: Want,
) -> Result<(Received, Option<Turn>)> {
    let mut attempt = 1;
    loop {
        let turn = threads::turn();
        let seen = control::install(from, bytes, room, want.close_on_exec)?;
        let (count, more) = (seen.descriptors.len(), seen.control_cut);
        if want.all_or_nothing && (count > want.most || (more && count == want.most)) {
            drop(turn);
            return Err(Error::TooLong);
        }
        if !more || count >= want.most || attempt == ATTEMPTS {
            return Ok((seen, turn));
        }
        drop(turn);
        // With what was installed still open: is it for want of a slot?
        slots::prove_one(from)?;
        // Another thread may just have given one back.
        attempt = if threads::exist() { attempt + 1 } else { ATTEMPTS };
        if attempt % ATTEMPTS_IN_STEP == 0 && attempt < ATTEMPTS {
            drop(seen);
            thread::sleep(PAUSE);
        }
    }
}
