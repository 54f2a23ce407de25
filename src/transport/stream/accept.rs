//! Accepting a connection at the server's end of a named stream.

use std::os::fd::BorrowedFd;

use super::calls;
use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::wait::Waiter;

pub struct Accept {
    server: BorrowedFd<'static>,
    close_on_exec: bool,
    waiter: Waiter,
}

impl Accept {
    pub fn new(server: BorrowedFd<'static>, close_on_exec: bool) -> Self {
        Accept { server, close_on_exec, waiter: Waiter::new(server) }
    }
}

impl Operation for Accept {
    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        match calls::recvfd(self.server, self.close_on_exec) {
            Ok(passed) => {
                Ok(Answer { ids: passed.sender, ..Answer::descriptor(passed.descriptor) }.into())
            }
            Err(Error::WouldBlock) => self.waiter.for_input(),
            Err(calls::HANGUP) => Err(Error::End),
            Err(error) => Err(error),
        }
    }

    fn waiter(&mut self) -> Option<&mut Waiter> {
        Some(&mut self.waiter)
    }
}
