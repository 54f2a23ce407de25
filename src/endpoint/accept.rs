//! Accepting a connection from a listening endpoint; accept(2).

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{getsockopt, sockopt};

use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::system;
use crate::wait::{self, Signals, Waiter};

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

    /// Waits in poll(2), which every signal ends, and not in accept(2).
    ///
    /// Where another process takes the connection in between, accept(2) blocks
    /// after all; on listeners that are ours, signals end that too
    /// ([`super::create::FOR_EVER_BUT_SIGNALS`]).
    fn advance(&mut self) -> Result<Step> {
        self.waiter.outcome()?;
        loop {
            if !wait::ready(self.listener, PollFlags::POLLIN) {
                self.check_that_it_listens()?;
                self.waiter.for_input()?;
                return Ok(Step::Wait);
            }
            match system::accept(self.listener, self.close_on_exec) {
                Ok(connection) => {
                    // What the system cannot tell is no reason to lose a client.
                    let peer = || system::peer_ids(connection.as_fd()).unwrap_or_default();
                    let ids = self.ask_who.then(|| Box::new(peer()));
                    return Ok(Step::Done(Ok(Answer { ids, ..Answer::descriptor(connection) })));
                }
                Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(Error::from(errno)),
            }
        }
    }

    /// poll(2) would wait for ever on what can never be accepted from.
    fn check_that_it_listens(&self) -> Result<()> {
        match getsockopt(&self.listener, sockopt::AcceptConn)? {
            true => Ok(()),
            false => Err(Error::InvalidArgument),
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
