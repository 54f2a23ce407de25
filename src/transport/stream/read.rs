//! Reading bytes and descriptors of the program's own from a stream.

use std::os::fd::BorrowedFd;

use super::calls::{self, Passed, Received};
use crate::descriptor::Descriptors;
use crate::error::{Error, Result};
use crate::half_read;
use crate::identity::{sender_or_peer, Ids};
use crate::message;
use crate::operation::{Answer, Operation, Step};
use crate::transport::MOST_DESCRIPTORS;
use crate::wait::Waiter;

/// Reads the descriptors at the head, and the message that ends them.
///
/// Bytes that are a message of status 0 come before their descriptor, which is not
/// waited for: it is the next read's, alone, which [`half_read`] remembers.  Where bytes behind descriptors do not come,
/// because a signal does or the stream is non-blocking, the descriptors are the
/// answer, with no bytes.
pub struct Read {
    stream: BorrowedFd<'static>,
    length: usize,
    most: usize,
    ask_sender: bool,
    taken: Taken,
    waiter: Waiter,
}

#[derive(Default)]
struct Taken {
    descriptors: Descriptors,
    /// With those that were closed.
    count: usize,
    surplus: usize,
    sender: Option<Box<Ids>>,
}

impl Taken {
    fn add(&mut self, passed: Passed, most: usize) {
        self.count += 1;
        self.descriptors.push(passed.descriptor);
        self.surplus += passed.surplus + self.descriptors.truncate(most);
        self.sender = passed.sender.or(self.sender.take());
    }
}

impl Read {
    /// At most `length` bytes and `most` descriptors; more of these are closed.
    pub fn new(stream: BorrowedFd<'static>, length: usize, most: usize, ask_sender: bool) -> Self {
        let taken = Taken::default();
        Read { stream, length, most, ask_sender, taken, waiter: Waiter::new(stream) }
    }

    /// The bytes that end the answer.
    fn take(&mut self) -> Result<Vec<u8>> {
        let announced = half_read::recall(self.stream);
        let taken = self.take_up_to_bytes(announced);
        if announced && !matches!(taken, Ok(_) | Err(Error::Refused)) {
            half_read::remember(self.stream);
        }
        taken
    }

    fn take_up_to_bytes(&mut self, announced: bool) -> Result<Vec<u8>> {
        loop {
            match calls::receive(self.stream, self.length, true)? {
                Received::Data(bytes) => {
                    if bytes == message::DESCRIPTOR && self.taken.count == 0 && self.most > 0 {
                        self.take_announced();
                    }
                    return Ok(bytes);
                }
                Received::Descriptor(passed) => self.taken.add(passed, self.most),
            }
            // What was announced has had its bytes; and no write sends so many.
            if announced || self.taken.count > MOST_DESCRIPTORS {
                return Ok(Vec::new());
            }
        }
    }

    /// If it is there; what fails the next read meets, unless the system refuses the
    /// descriptor, which has gone then.
    fn take_announced(&mut self) {
        match calls::recvfd(self.stream, true) {
            Ok(passed) => self.taken.add(passed, self.most),
            Err(Error::Refused) => {}
            Err(_) => drop(half_read::remember(self.stream)),
        }
    }

    fn finish(&mut self, bytes: Vec<u8>) -> Answer {
        let Taken { descriptors, surplus, sender, .. } = std::mem::take(&mut self.taken);
        let ids = sender_or_peer(self.ask_sender, sender, self.stream);
        Answer { descriptors, surplus, ids, ..Answer::bytes(bytes) }
    }
}

impl Operation for Read {
    fn advance(&mut self) -> Result<Step> {
        // A wait that is over says WouldBlock too, and is not begun again.
        let waits = match self.waiter.outcome().map(|()| self.take()) {
            Ok(Ok(bytes)) => return Ok(self.finish(bytes).into()),
            Ok(Err(Error::WouldBlock)) => self.waiter.for_input(),
            Ok(Err(error)) | Err(error) => Err(error),
        };
        match waits {
            Err(_) if self.taken.count > 0 => Ok(self.finish(Vec::new()).into()),
            waits => waits,
        }
    }

    fn waiter(&mut self) -> Option<&mut Waiter> {
        Some(&mut self.waiter)
    }
}
