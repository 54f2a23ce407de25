//! Opening the name of a stream; open(2) sleeps until the server has taken it.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{channel, Receiver};
use std::thread;
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::{open, OFlag};
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::stat::Mode;

use super::isastream;
use crate::descriptor;
use crate::endpoint::name::Name;
use crate::endpoint::Connecting;
use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::wait::Waiter;

/// An open(2) in a thread of its own, so that the caller can wait in poll(2)
/// for it, for a signal and for a time.  What is opened after nobody waits any
/// more is closed at once: the server gets a stale stream, as it does when a
/// signal ends an open.
pub struct Opening {
    result: Receiver<nix::Result<OwnedFd>>,
    /// Hangs up when the thread has its result.
    _over: UnixStream,
    waiter: Waiter,
    survives_exec: bool,
}

impl Opening {
    pub fn new(terminated: &[u8], options: Connecting) -> Result<Self> {
        let Name::Path(path) = Name::parse(terminated)? else {
            return Err(Error::NoSuchName);
        };
        let (over, ends) = UnixStream::pair().map_err(|error| Error::from(&error))?;
        let result = open_aside(path.to_owned(), ends)?;
        let deadline = options.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let watched = descriptor::borrow(i64::from(over.as_raw_fd()))?;
        let waiter = Waiter::until(watched, deadline);
        Ok(Opening { result, _over: over, waiter, survives_exec: options.survives_exec })
    }

    fn open(&mut self) -> Result<Step> {
        self.waiter.outcome().map_err(|error| match error {
            Error::WouldBlock => Error::TimedOut,
            error => error,
        })?;
        let Ok(opened) = self.result.try_recv() else {
            return self.waiter.for_input();
        };
        let stream = opened?;
        // Where no server is attached, open(2) reaches the covered file.
        if !isastream(stream.as_fd())? {
            return Err(Error::System(Errno::ECONNREFUSED));
        }
        if self.survives_exec {
            descriptor::set_close_on_exec(&stream, false)?;
        }
        Ok(Answer::descriptor(stream).into())
    }
}

/// The thread takes no signals: they are for the program's own.
fn open_aside(path: CString, ends: UnixStream) -> Result<Receiver<nix::Result<OwnedFd>>> {
    let (sender, receiver) = channel();
    let work = move || {
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        // Where nobody receives it, the error returns it, and it is closed.
        let _ = sender.send(open(path.as_c_str(), flags, Mode::empty()));
        drop(ends);
    };
    let signals = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let started = thread::Builder::new().spawn(work);
    signals.thread_set_mask()?;
    started.map(|_| receiver).map_err(|error| Error::from(&error))
}

impl Operation for Opening {
    fn advance(&mut self) -> Result<Step> {
        self.open()
    }

    fn waiter(&mut self) -> Option<&mut Waiter> {
        Some(&mut self.waiter)
    }
}
