//! Taking descriptors from the queue only when the table has room for them.
//!
//! A descriptor that finds no free slot is lost: recvmsg(2) takes the bytes and
//! the kernel closes it.  So there has to be room before.  How that is made
//! sure differs:
//!
//! - One slot is proved by opening something in it, many by poll(2) over the
//!   numbers just below the limit, which fill last.  Then one recvmsg takes
//!   bytes and descriptors together, so that several processes can read one
//!   endpoint: whoever gets the bytes gets the descriptors.
//! - Where that many are not free, the descriptors are installed by a look
//!   (MSG_PEEK), which shows how many they are and that they fit, closed, and
//!   then taken.
//! - Another thread of this process can fill slots between a proof and the
//!   taking.  With threads there have to be plenty; where there are not, the
//!   descriptors that the look installed are kept and the bytes are taken after
//!   it.  No thread can make that lose anything, but another process that reads
//!   the same endpoint could take the bytes first.

use std::os::fd::BorrowedFd;

use super::ancillary::{self, Received, RoomForAll, RoomForOne, MOST_DESCRIPTORS};
use crate::descriptor;
use crate::error::{Error, Result};
use crate::threads;

/// So many slots of the table no other thread fills between two system calls.
const PLENTY: usize = 32;

/// So often a slot that was proved may be gone when it is needed.
const ATTEMPTS: usize = 1000;

/// How a call wants what it takes.
#[derive(Debug, Clone, Copy)]
pub struct Taking {
    pub close_on_exec: bool,
    /// How many descriptors it can use.
    pub most: usize,
    /// Whether a message with more stays queued; else they are closed.
    pub all_or_nothing: bool,
}

/// Takes bytes and descriptors.  WouldBlock: look again.  TableFull, TooLong:
/// all is still queued.
pub fn take(from: BorrowedFd<'_>, bytes: &mut [u8], taking: Taking) -> Result<Received> {
    if taking.most == 1 && !taking.all_or_nothing {
        take_one(from, bytes, taking)
    } else {
        take_many(from, bytes, taking)
    }
}

fn take_one(from: BorrowedFd<'_>, bytes: &mut [u8], taking: Taking) -> Result<Received> {
    let room = &mut RoomForOne::empty();
    if threads::exist() && !descriptor::plenty_free(PLENTY) {
        if let Some(installed) = install_one(from, bytes, taking)? {
            return commit(from, bytes, installed);
        }
    }
    match descriptor::prove_free_slot(from) {
        // What brings no descriptor needs no slot.
        Err(Error::TableFull) if !ancillary::descriptor_waits(from)? => {}
        proof => proof?,
    }
    let received = ancillary::receive(from, bytes, room, taking.close_on_exec)?;
    if let Some(number) = received.descriptors.first() {
        descriptor::note_received(number);
    }
    Ok(received)
}

/// None if there is room, but the system keeps refusing the descriptor.
fn install_one(from: BorrowedFd<'_>, bytes: &mut [u8], taking: Taking) -> Result<Option<Received>> {
    for _ in 0..ATTEMPTS {
        let room = &mut RoomForOne::empty();
        let installed = ancillary::install(from, bytes, room, taking.close_on_exec)?;
        if !installed.control_cut || !installed.descriptors.is_empty() {
            return Ok(Some(installed));
        }
        // It is queued yet.  Another thread may just have filled the slot.
        descriptor::prove_free_slot(from)?;
    }
    Ok(None)
}

fn take_many(from: BorrowedFd<'_>, bytes: &mut [u8], taking: Taking) -> Result<Received> {
    let room = &mut RoomForAll::empty();
    let limited = taking.all_or_nothing && taking.most < MOST_DESCRIPTORS;
    let needed = MOST_DESCRIPTORS + if threads::exist() { PLENTY } else { 0 };
    if limited || !descriptor::plenty_free(needed) {
        let installed = ancillary::install(from, bytes, room, taking.close_on_exec)?;
        check_fit(from, &installed, taking)?;
        if threads::exist() {
            return commit(from, bytes, installed);
        }
    }
    Ok(ancillary::receive(from, bytes, room, taking.close_on_exec)?)
}

/// Whether what a look could install is what the call takes.
fn check_fit(from: BorrowedFd<'_>, installed: &Received, taking: Taking) -> Result<()> {
    let count = installed.descriptors.len();
    let more = installed.control_cut;
    if taking.all_or_nothing && (count > taking.most || (more && count == taking.most)) {
        return Err(Error::TooLong);
    }
    if more && count < taking.most {
        // If there is a slot left, it was not for want of one: the system
        // refused a descriptor, and will again.
        descriptor::prove_free_slot(from)?;
    }
    Ok(())
}

/// Takes the bytes of what is installed already.
fn commit(from: BorrowedFd<'_>, bytes: &mut [u8], installed: Received) -> Result<Received> {
    let length = ancillary::take_bytes(from, &mut bytes[..installed.length])?;
    Ok(Received { length, ..installed })
}
