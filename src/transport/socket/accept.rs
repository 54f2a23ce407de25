//! Accepting a connection from a listening endpoint; accept(2).

use std::os::fd::{AsFd, BorrowedFd};

use nix::poll::PollFlags;

use crate::error::{Error, Result};
use crate::identity::sender_or_peer;
use crate::operation::{Answer, Operation, Step};
use crate::system::{self, socket_option};
use crate::wait::{self, Waiter};

pub struct Accept {
    listener: BorrowedFd<'static>,
    close_on_exec: bool,
    ask_who: bool,
    waiter: Waiter,
}

impl Accept {
    pub fn new(listener: BorrowedFd<'static>, close_on_exec: bool, ask_who: bool) -> Self {
        Accept { listener, close_on_exec, ask_who, waiter: Waiter::new(listener) }
    }

    /// WouldBlock where nobody waits.
    fn accept(&self) -> Result<Answer> {
        if !wait::ready(self.listener, PollFlags::POLLIN) {
            self.check_that_it_listens()?;
            return Err(Error::WouldBlock);
        }
        let connection = system::accept(self.listener, self.close_on_exec)?;
        let ids = sender_or_peer(self.ask_who, None, connection.as_fd());
        Ok(Answer { ids, ..Answer::descriptor(connection) })
    }

    /// poll(2) would wait for ever on what can never be accepted from.
    fn check_that_it_listens(&self) -> Result<()> {
        match socket_option::is_listener(self.listener)? {
            true => Ok(()),
            false => Err(Error::InvalidArgument),
        }
    }
}

impl Operation for Accept {
    /// Waits in poll(2), which every signal ends, and not in accept(2).
    ///
    /// Where another process takes the connection in between, accept(2) blocks
    /// after all; on listeners that are ours, signals end that too
    /// ([`super::create::FOR_EVER_BUT_SIGNALS`]).
    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        match self.accept() {
            Err(Error::WouldBlock) => self.waiter.for_input(),
            answer => Ok(answer?.into()),
        }
    }

    fn waiter(&mut self) -> Option<&mut Waiter> {
        Some(&mut self.waiter)
    }
}
