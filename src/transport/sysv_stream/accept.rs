//! Accepting a connection at the server's end of a named stream.

use std::os::fd::BorrowedFd;

use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::streams;
use crate::wait::{Signals, Waiter};

pub struct Accept {
    server: BorrowedFd<'static>,
    close_on_exec: bool,
    waiter: Waiter,
}

impl Accept {
    pub fn new(server: BorrowedFd<'static>, close_on_exec: bool) -> Self {
        Accept { server, close_on_exec, waiter: Waiter::new(server) }
    }

    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        match streams::recvfd(self.server, self.close_on_exec) {
            Ok(passed) => {
                let ids = passed.sender.map(Box::new);
                Ok(Step::Done(Ok(Answer { ids, ..Answer::descriptor(passed.descriptor) })))
            }
            Err(Error::WouldBlock) => {
                self.waiter.for_input()?;
                Ok(Step::Wait)
            }
            Err(streams::HANGUP) => Err(Error::End),
            Err(error) => Err(error),
        }
    }
}

impl Operation for Accept {
    fn step(&mut self) -> Step {
        self.advance().unwrap_or_else(|error| Step::Done(Err(error)))
    }

    fn wait(&mut self, signals: Signals<'_>) {
        self.waiter.wait(signals);
    }
}
