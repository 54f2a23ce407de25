//! Connecting to a listening endpoint; connect(2).

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use nix::sys::socket::{connect, setsockopt, sockopt, SockType};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::descriptor;
use crate::endpoint::name::{Address, Name};
use crate::endpoint::Connecting;
use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::system;
use crate::wait::{self, Signals};

/// So long at most connect(2) blocks.  Signals are held back meanwhile, so that
/// EINTR can only stand for a stop and a continuation, which end nothing.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

pub struct Connect {
    /// Until the answer owns it.
    socket: Option<OwnedFd>,
    address: Address,
    options: Connecting,
    deadline: Option<Instant>,
    /// How the wait for room ended.
    woken: Option<Result<()>>,
}

impl Connect {
    /// `terminated` is the name and a NUL byte.
    pub fn new(kind: SockType, terminated: &[u8], options: Connecting) -> Result<Self> {
        let address = match Name::parse(terminated)? {
            Name::Abstract(name) => Address::of_abstract(name)?,
            Name::Path(path) => Address::of_existing(path)?,
        };
        let socket = system::nonblocking_socket(kind)?;
        if options.note_senders {
            system::note_senders(socket.as_fd())?;
        }
        let deadline = options.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Ok(Connect { socket: Some(socket), address, options, deadline, woken: None })
    }

    /// WouldBlock: the listener's queue is full.
    fn try_now(&mut self) -> Result<Answer> {
        let socket = self.socket.take().ok_or(Error::InvalidArgument)?;
        let connected = connect(socket.as_raw_fd(), &self.address.address);
        fcntl(&socket, FcntlArg::F_SETFL(OFlag::empty()))?;
        match connected {
            Err(errno) => {
                self.socket = Some(socket);
                Err(Error::from(errno))
            }
            Ok(()) => self.finish(socket),
        }
    }

    fn finish(&self, socket: OwnedFd) -> Result<Answer> {
        if self.options.survives_exec {
            descriptor::set_close_on_exec(&socket, false)?;
        }
        Ok(Answer::descriptor(socket))
    }

    /// What the wait has brought.
    fn conclude(&mut self, woken: Result<()>) -> Result<Answer> {
        woken?;
        let socket = self.socket.take().ok_or(Error::InvalidArgument)?;
        setsockopt(&socket, sockopt::SendTimeout, &TimeVal::zero())?;
        self.finish(socket)
    }

    /// Blocks until there is room for us, and we are in.
    fn wait_for_room(&self, signals: Signals<'_>) -> Result<()> {
        let socket = self.socket.as_ref().ok_or(Error::InvalidArgument)?;
        wait::with_signals_held(signals, || {
            let left = self.deadline.map(|it| it.saturating_duration_since(Instant::now()));
            let longest = left.map_or(LONGEST_WAIT, |left| left.min(LONGEST_WAIT));
            match self.block(socket, longest) {
                Err(Errno::EINTR) => None,
                Err(Errno::EAGAIN) if left.map_or(true, |left| left > longest) => None,
                Err(Errno::EAGAIN) => Some(Err(Error::TimedOut)),
                connected => Some(connected.map_err(Error::from)),
            }
        })
    }

    /// EAGAIN when the time is over; SO_SNDTIMEO, socket(7).
    fn block(&self, socket: &OwnedFd, longest: Duration) -> nix::Result<()> {
        let micros = longest.as_micros().max(1) as i64;
        setsockopt(socket, sockopt::SendTimeout, &TimeVal::microseconds(micros))?;
        connect(socket.as_raw_fd(), &self.address.address)
    }
}

impl Operation for Connect {
    fn advance(&mut self) -> Result<Step> {
        let answer = match self.woken.take() {
            None => self.try_now(),
            Some(woken) => return Ok(self.conclude(woken)?.into()),
        };
        match answer {
            Err(Error::WouldBlock) => Ok(Step::Wait),
            answer => Ok(answer?.into()),
        }
    }

    /// Cannot be done by poll(2): a socket whose connect found the queue full
    /// polls ready at once.
    fn wait(&mut self, signals: Signals<'_>) {
        self.woken = Some(self.wait_for_room(signals));
    }
}
