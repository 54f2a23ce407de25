//! Reading bytes and descriptors as they come, whatever they mean.

use std::os::fd::BorrowedFd;

use nix::errno::Errno;

use super::control::{self, Received};
use super::take::{self, Want};
use crate::error::{Error, Result};
use crate::half_read;
use crate::identity::sender_or_peer;
use crate::operation::{Answer, Operation, Step};
use crate::wait::Waiter;

/// So many bytes a call makes room for without asking how many there are.
const USUAL: usize = 256 * 1024;

/// Reads once, as read(2): some bytes, and the descriptors that came with them.
/// No bytes and no descriptors: the end.
pub struct Read {
    connection: BorrowedFd<'static>,
    length: usize,
    want: Want,
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
        let want = Want { close_on_exec: true, most, all_or_nothing: false };
        let waiter = Waiter::new(connection);
        Read { connection, length, want, ask_sender, waiter }
    }

    fn look_and_take(&self) -> Result<Answer> {
        match control::peek_length(self.connection) {
            // Out-of-band data is in the way; to take throws the byte away.
            Err(Errno::EAGAIN) if take::is_at_mark(self.connection) => self.take(take::take_mark),
            seen if seen?.length > self.length => Err(Error::TooLong),
            _ => self.take(take::take),
        }
    }

    fn take(
        &self,
        take: impl FnOnce(BorrowedFd<'_>, &mut [u8], Want) -> Result<Received>,
    ) -> Result<Answer> {
        let mut bytes = vec![0; self.room()];
        let received = take(self.connection, &mut bytes, self.want)?;
        if received.packet_cut {
            return Err(Error::TooLong);
        }
        let mut descriptors = received.descriptors;
        let enough = descriptors.len() >= self.want.most;
        let surplus =
            descriptors.truncate(self.want.most) + usize::from(received.control_cut && enough);
        bytes.truncate(received.length);
        let ids = sender_or_peer(self.ask_sender, received.sender, self.connection);
        Ok(Answer { descriptors, surplus, ids, ..Answer::bytes(bytes) })
    }

    /// Memory for what can come now, however much the caller would take.
    fn room(&self) -> usize {
        if self.length <= USUAL {
            return self.length;
        }
        self.length.min(control::queued(self.connection).max(USUAL))
    }
}

impl Operation for Read {
    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        if half_read::recall(self.connection) {
            // The zero byte that was taken is the next that was sent.
            return Ok(Answer::bytes(vec![0]).into());
        }
        match self.look_and_take() {
            Err(Error::WouldBlock) => self.waiter.for_input(),
            answer => Ok(answer?.into()),
        }
    }

    fn waiter(&mut self) -> Option<&mut Waiter> {
        Some(&mut self.waiter)
    }
}
