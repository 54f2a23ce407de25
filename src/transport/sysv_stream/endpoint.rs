//! Stream pipes and named streams.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::endpoint::create;
use crate::error::Result;
use crate::operation::{Answer, Operation, Step};
use crate::streams::{self, Attaching};
use crate::wait::Signals;

pub fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    streams::pipe()
}

/// Makes a named stream; the answer is the server's end, or nothing where the
/// program has that end already.
pub struct Create {
    attaching: Attaching,
    server: Option<OwnedFd>,
    _named: Option<OwnedFd>,
}

/// Names one end of a new pipe.
pub fn create(terminated: &[u8], options: create::Options) -> Result<Create> {
    let (server, named) = streams::pipe()?;
    streams::push_connld(named.as_fd())?;
    let attaching = Attaching::new(named.as_fd(), Some(server.as_fd()), terminated, options)?;
    Ok(Create { attaching, server: Some(server), _named: Some(named) })
}

/// Names a stream end of the program's, whose other end is the server's.
pub fn attach(named: BorrowedFd<'_>, terminated: &[u8]) -> Result<Create> {
    streams::push_connld(named)?;
    let attaching = Attaching::new(named, None, terminated, create::Options::default())?;
    Ok(Create { attaching, server: None, _named: None })
}

impl Operation for Create {
    fn step(&mut self) -> Step {
        match self.attaching.step() {
            Step::Done(Ok(answer)) => {
                Step::Done(Ok(self.server.take().map_or(answer, Answer::descriptor)))
            }
            step => step,
        }
    }

    fn wait(&mut self, signals: Signals<'_>) {
        self.attaching.wait(signals);
    }
}
