//! Opening the name of an emulated stream.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::socket::SockType;

use super::super::HANGUP;
use super::packet_socket::{self, NOTES_SENDERS};
use crate::descriptor;
use crate::endpoint::name::Name;
use crate::endpoint::Connecting;
use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::transport::socket::control;
use crate::transport::socket::Connect;
use crate::wait::{Signals, Waiter};

/// An open(2): connects, and then waits until the server has taken the
/// connection, which an acknowledgement says.
///
/// HANGUP if the server goes away meanwhile, ECONNREFUSED if there is none,
/// TimedOut.
pub struct Opening {
    state: State,
    deadline: Option<Instant>,
    survives_exec: bool,
}

enum State {
    Connecting(Connect),
    /// The server has to take it yet.
    Connected {
        stream: OwnedFd,
        waiter: Waiter,
    },
    Over,
}

impl Opening {
    pub fn new(terminated: &[u8], options: Connecting) -> Result<Self> {
        if let Name::Path(path) = Name::parse(terminated)? {
            // A stream is opened for both directions; a socket's connect asks
            // for write permission alone.
            packet_socket::check_access(path)?;
        }
        let connecting =
            Connecting { note_senders: NOTES_SENDERS, survives_exec: false, ..options };
        let connect = Connect::new(SockType::SeqPacket, terminated, connecting)?;
        Ok(Opening {
            state: State::Connecting(connect),
            deadline: options.timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
            survives_exec: options.survives_exec,
        })
    }

    /// The step to wait for, if it is not connected yet.
    fn connect(&mut self) -> Result<Option<Step>> {
        let State::Connecting(connect) = &mut self.state else {
            return Ok(None);
        };
        let answer = match connect.advance() {
            // A socket of another kind is no stream.
            Err(Error::System(Errno::EPROTOTYPE)) => return Err(Errno::ECONNREFUSED.into()),
            Ok(Step::Done(answer)) => answer,
            step => return step.map(Some),
        };
        for stream in answer.descriptors {
            let watched = descriptor::borrow(i64::from(stream.as_raw_fd()))?;
            let waiter = Waiter::until(watched, self.deadline);
            self.state = State::Connected { stream, waiter };
        }
        Ok(None)
    }

    fn await_acknowledgement(&mut self) -> Result<Step> {
        let State::Connected { stream, waiter } = &mut self.state else {
            return Err(HANGUP);
        };
        waiter.outcome().map_err(|error| match error {
            Error::WouldBlock => Error::TimedOut,
            error => error,
        })?;
        match control::take_bytes(stream.as_fd(), &mut [0; 1]) {
            Ok(0) => Err(HANGUP),
            Ok(_) => self.accepted(),
            Err(Errno::EAGAIN) => waiter.for_input(),
            Err(errno) => Err(Error::from(errno)),
        }
    }

    fn accepted(&mut self) -> Result<Step> {
        let State::Connected { stream, .. } = std::mem::replace(&mut self.state, State::Over)
        else {
            return Err(HANGUP);
        };
        if self.survives_exec {
            descriptor::set_close_on_exec(&stream, false)?;
        }
        Ok(Answer::descriptor(stream).into())
    }
}

impl Operation for Opening {
    fn advance(&mut self) -> Result<Step> {
        match self.connect()? {
            Some(step) => Ok(step),
            None => self.await_acknowledgement(),
        }
    }

    fn wait(&mut self, signals: Signals<'_>) {
        match &mut self.state {
            State::Connecting(connect) => connect.wait(signals),
            State::Connected { waiter, .. } => waiter.wait(signals),
            State::Over => {}
        }
    }
}
