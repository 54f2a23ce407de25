//! Naming streams.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::calls::{self, Attaching};
use crate::endpoint::Listening;
use crate::error::Result;
use crate::operation::{Answer, Operation, Step};
use crate::wait::Signals;

/// Makes a named stream; the answer is the server's end, or nothing where the
/// program has that end already.
pub struct Create {
    attaching: Attaching,
    server: Option<OwnedFd>,
    _named: Option<OwnedFd>,
}

impl Create {
    /// Names one end of a new pipe; `terminated` is the name and a NUL byte.
    pub fn new(terminated: &[u8], options: Listening) -> Result<Self> {
        let (server, named) = calls::pipe()?;
        calls::push_connld(named.as_fd())?;
        let attaching = Attaching::new(named.as_fd(), Some(server.as_fd()), terminated, options)?;
        Ok(Create { attaching, server: Some(server), _named: Some(named) })
    }
}

/// Names a stream end of the program's, whose other end is the server's.
pub fn attach(named: BorrowedFd<'_>, terminated: &[u8]) -> Result<Create> {
    calls::push_connld(named)?;
    let attaching = Attaching::new(named, None, terminated, Listening::default())?;
    Ok(Create { attaching, server: None, _named: None })
}

impl Operation for Create {
    fn advance(&mut self) -> Result<Step> {
        match self.attaching.advance()? {
            Step::Done(answer) => Ok(self.server.take().map_or(answer, Answer::descriptor).into()),
            step => Ok(step),
        }
    }

    fn wait(&mut self, signals: Signals<'_>) {
        self.attaching.wait(signals);
    }
}
