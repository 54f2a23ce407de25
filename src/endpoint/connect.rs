//! Connecting to a listening endpoint; connect(2).

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use nix::sys::socket::{connect, setsockopt, sockopt, SockType};
use nix::sys::time::{TimeVal, TimeValLike};

use super::name::{Address, Name};
use crate::descriptor;
use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::system;
use crate::wait::Signals;

#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// How long to wait for room in the listener's queue; by default for ever.
    pub timeout: Option<Duration>,
    pub note_senders: bool,
    pub survives_exec: bool,
}

/// A signal that comes just before connect(2) blocks does not end it, so it
/// never blocks for long.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

pub struct Connect {
    /// Until the answer owns it.
    socket: Option<OwnedFd>,
    address: Address,
    options: Options,
    deadline: Option<Instant>,
    /// What the blocking connect said.
    outcome: Option<nix::Result<()>>,
}

impl Connect {
    /// `terminated` is the name and a NUL byte.
    pub fn new(terminated: &[u8], options: Options) -> Result<Self> {
        Connect::of_kind(SockType::Stream, terminated, options)
    }

    pub fn of_kind(kind: SockType, terminated: &[u8], options: Options) -> Result<Self> {
        let address = match Name::parse(terminated)? {
            Name::Abstract(name) => Address::of_abstract(name)?,
            Name::Path(path) => Address::of_existing(path)?,
        };
        let socket = system::socket(kind)?;
        fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        if options.note_senders {
            system::note_senders(socket.as_fd())?;
        }
        let deadline = options.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Ok(Connect { socket: Some(socket), address, options, deadline, outcome: None })
    }

    fn advance(&mut self) -> Result<Step> {
        let Some(socket) = &self.socket else {
            return Err(Error::NotADescriptor);
        };
        let outcome = match self.outcome.take() {
            None => connect(socket.as_raw_fd(), &self.address.address),
            Some(outcome) => {
                setsockopt(socket, sockopt::SendTimeout, &TimeVal::zero())?;
                outcome.map_err(|errno| self.time_is_up(errno))?;
                return self.finish();
            }
        };
        fcntl(socket, FcntlArg::F_SETFL(OFlag::empty()))?;
        match outcome {
            Ok(()) => self.finish(),
            // The listener's queue is full.
            Err(Errno::EAGAIN) => Ok(Step::Wait),
            Err(errno) => Err(Error::from(errno)),
        }
    }

    /// Blocks, but not for long; EAGAIN: no room yet.
    fn wait_for_room(&self, socket: &OwnedFd, longest: Duration) -> nix::Result<()> {
        let micros = longest.as_micros().max(1) as i64;
        setsockopt(socket, sockopt::SendTimeout, &TimeVal::microseconds(micros))?;
        connect(socket.as_raw_fd(), &self.address.address)
    }

    fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    fn time_is_up(&self, errno: Errno) -> Error {
        match errno {
            Errno::EAGAIN => Error::TimedOut,
            errno => Error::from(errno),
        }
    }

    fn finish(&mut self) -> Result<Step> {
        let socket = self.socket.take().ok_or(Error::NotADescriptor)?;
        if self.options.survives_exec {
            descriptor::set_close_on_exec(&socket, false)?;
        }
        Ok(Step::Done(Ok(Answer::descriptor(socket))))
    }
}

impl Operation for Connect {
    fn step(&mut self) -> Step {
        self.advance().unwrap_or_else(|error| Step::Done(Err(error)))
    }

    /// Cannot be done by poll(2): a socket whose connect found the queue full
    /// polls ready at once.
    fn wait(&mut self, signals: Signals<'_>) {
        let Some(socket) = &self.socket else { return };
        self.outcome = Some(loop {
            if signals.pending() {
                break Err(Errno::EINTR);
            }
            let left = self.time_left();
            let longest = left.map_or(LONGEST_WAIT, |left| left.min(LONGEST_WAIT));
            match self.wait_for_room(socket, longest) {
                Err(Errno::EAGAIN) if left.map_or(true, |left| left > longest) => {}
                outcome => break outcome,
            }
        });
    }
}
