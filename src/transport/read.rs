//! Reading bytes and descriptors as they come, whatever they mean.

use std::os::fd::BorrowedFd;

use nix::errno::Errno;

use super::ancillary;
use super::room::{self, Taking};
use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::system;
use crate::wait::{Signals, Waiter};

/// So many bytes a call makes room for without asking how many there are.
const USUAL: usize = 256 * 1024;

/// Reads once, as read(2): some bytes, and the descriptors that came with them.
/// No bytes and no descriptors: the end.
pub struct Read {
    connection: BorrowedFd<'static>,
    length: usize,
    taking: Taking,
    ask_sender: bool,
    waiter: Waiter,
}

impl Read {
    /// At most `length` bytes, which is not 0, and `most` descriptors; what
    /// comes beyond those is closed.  A packet that is longer stays queued:
    /// TooLong.
    pub fn new(
        connection: BorrowedFd<'static>,
        length: usize,
        most: usize,
        ask_sender: bool,
    ) -> Self {
        let taking = Taking { close_on_exec: true, most, all_or_nothing: false };
        let waiter = Waiter::new(connection);
        Read { connection, length, taking, ask_sender, waiter }
    }

    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        loop {
            let seen = match ancillary::peek_length(self.connection) {
                Err(Errno::EAGAIN) => {
                    self.waiter.for_input()?;
                    return Ok(Step::Wait);
                }
                seen => seen?,
            };
            if seen.length > self.length {
                return Err(Error::TooLong);
            }
            match self.take() {
                // Another reader was faster.
                Err(Error::WouldBlock) => {}
                answer => return Ok(Step::Done(Ok(answer?))),
            }
        }
    }

    fn take(&self) -> Result<Answer> {
        let mut bytes = vec![0; self.room()];
        let received = room::take(self.connection, &mut bytes, self.taking)?;
        if received.packet_cut {
            return Err(Error::TooLong);
        }
        let mut descriptors = received.descriptors;
        let enough = descriptors.len() >= self.taking.most;
        let surplus =
            descriptors.truncate(self.taking.most) + usize::from(received.control_cut && enough);
        bytes.truncate(received.length);
        let peer = || system::peer_ids(self.connection).ok();
        let ids = self.ask_sender.then(|| received.sender.or_else(peer).unwrap_or_default().into());
        Ok(Answer { bytes: Some(bytes), descriptors, surplus, ids, ..Answer::default() })
    }

    /// Memory for what can come now, however much the caller would take.
    fn room(&self) -> usize {
        if self.length <= USUAL {
            return self.length;
        }
        self.length.min(ancillary::queued(self.connection).max(USUAL))
    }
}

impl Operation for Read {
    fn step(&mut self) -> Step {
        self.advance().unwrap_or_else(|error| Step::Done(Err(error)))
    }

    fn wait(&mut self, signals: Signals<'_>) {
        self.waiter.wait(signals);
    }
}
