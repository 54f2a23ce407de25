//! Opening the name of an emulated stream.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::socket::SockType;

use super::super::HANGUP;
use super::packet_socket::{self, NOTES_SENDERS};
use crate::descriptor;
use crate::endpoint::connect::{self, Connect};
use crate::endpoint::name::Name;
use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::transport::ancillary;
use crate::wait::{Signals, Waiter};

/// An open(2): connects, and then waits until the server has taken the
/// connection, which an acknowledgement says.
///
/// HANGUP if the server goes away meanwhile, ECONNREFUSED if there is none,
/// TimedOut.
pub struct Opening {
    connect: Connect,
    stream: Option<OwnedFd>,
    waiter: Option<Waiter>,
    deadline: Option<Instant>,
    survives_exec: bool,
}

impl Opening {
    pub fn start(terminated: &[u8], options: connect::Options) -> Result<Self> {
        if let Name::Path(path) = Name::parse(terminated)? {
            // A stream is opened for both directions; a socket's connect asks
            // for write permission alone.
            packet_socket::check_access(path)?;
        }
        let connecting =
            connect::Options { note_senders: NOTES_SENDERS, survives_exec: false, ..options };
        Ok(Opening {
            connect: Connect::of_kind(SockType::SeqPacket, terminated, connecting)?,
            stream: None,
            waiter: None,
            deadline: options.timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
            survives_exec: options.survives_exec,
        })
    }

    fn advance(&mut self) -> Result<Step> {
        if self.stream.is_none() {
            match self.connect.step() {
                Step::Done(connected) => self.connected(connected)?,
                step => return Ok(step),
            }
        }
        self.await_acknowledgement()
    }

    fn connected(&mut self, answer: Result<Answer>) -> Result<()> {
        let answer = answer.map_err(|error| match error {
            // A socket of another kind is no stream.
            Error::System(Errno::EPROTOTYPE) => Error::System(Errno::ECONNREFUSED),
            error => error,
        })?;
        let stream = answer.descriptors.into_iter().next().ok_or(Error::NotADescriptor)?;
        let watched = descriptor::borrow(i64::from(stream.as_raw_fd()))?;
        self.waiter = Some(Waiter::until(watched, self.deadline));
        self.stream = Some(stream);
        Ok(())
    }

    fn await_acknowledgement(&mut self) -> Result<Step> {
        let (Some(stream), Some(waiter)) = (&self.stream, &mut self.waiter) else {
            return Err(Error::NotADescriptor);
        };
        waiter.outcome().map_err(|error| match error {
            Error::WouldBlock => Error::TimedOut,
            error => error,
        })?;
        match ancillary::take_bytes(stream.as_fd(), &mut [0; 1]) {
            Ok(0) => Err(HANGUP),
            Ok(_) => self.accepted(),
            Err(Errno::EAGAIN) => {
                waiter.for_input()?;
                Ok(Step::Wait)
            }
            Err(errno) => Err(Error::from(errno)),
        }
    }

    fn accepted(&mut self) -> Result<Step> {
        let stream = self.stream.take().ok_or(Error::NotADescriptor)?;
        if self.survives_exec {
            descriptor::set_close_on_exec(&stream, false)?;
        }
        Ok(Step::Done(Ok(Answer::descriptor(stream))))
    }
}

impl Operation for Opening {
    fn step(&mut self) -> Step {
        self.advance().unwrap_or_else(|error| Step::Done(Err(error)))
    }

    fn wait(&mut self, signals: Signals<'_>) {
        match &mut self.waiter {
            Some(waiter) => waiter.wait(signals),
            None => self.connect.wait(signals),
        }
    }
}
