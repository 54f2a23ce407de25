//! Blocking, so that signals get through.
//!
//! Every wait is a poll(2), which a signal always ends, also where the handler
//! was installed with SA_RESTART.  Perl's deferred handlers only raise a flag;
//! one that was raised before the poll began counts too.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::socket::{getsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::descriptor;
use crate::error::{Error, Result};
use crate::system;

/// The interpreter's flag for signals whose handlers have not run yet.
#[derive(Clone, Copy, Default)]
pub struct Signals<'a>(pub Option<&'a AtomicI32>);

impl Signals<'_> {
    pub fn pending(self) -> bool {
        self.0.is_some_and(|flag| flag.load(Ordering::Relaxed) != 0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    Ready,
    Interrupted,
    TimedOut,
    /// There could be no wait: no memory, or a limit of no descriptors.
    Failed(Errno),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    Readable,
    Writable,
    /// More than is there now, or the end, or the pause is over.
    News(Duration),
}

/// One connection's waiting in one call.
#[derive(Debug)]
pub struct Waiter {
    connection: BorrowedFd<'static>,
    until: Until,
    /// Asked of the system when the call first has to wait.
    patience: Option<Patience>,
    woken: Woken,
}

/// How long a call may wait: for ever, or as SO_RCVTIMEO or SO_SNDTIMEO says.
#[derive(Debug, Clone, Copy)]
struct Patience {
    deadline: Option<Instant>,
}

/// So long the second half of what a peer sends in two system calls may take.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Pauses between looks at half a message grow up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

impl Waiter {
    pub fn new(connection: BorrowedFd<'static>) -> Self {
        Waiter { connection, until: Until::Readable, patience: None, woken: Woken::Ready }
    }

    /// Waits until then, or for ever, whatever the descriptor's own flags say.
    pub fn until(connection: BorrowedFd<'static>, deadline: Option<Instant>) -> Self {
        Waiter { patience: Some(Patience { deadline }), ..Waiter::new(connection) }
    }

    /// Waits for the second half of something, whatever the descriptor's own
    /// flags say, but not for long.
    pub fn for_rest_of(connection: BorrowedFd<'static>) -> Self {
        Waiter::until(connection, Instant::now().checked_add(LONGEST_REST))
    }

    /// How the last wait ended: Interrupted, or WouldBlock when a timeout of
    /// the socket's own is over.
    pub fn outcome(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.woken, Woken::Ready) {
            Woken::Ready => Ok(()),
            Woken::Interrupted => Err(Error::Interrupted),
            Woken::TimedOut => Err(Error::WouldBlock),
            Woken::Failed(errno) => Err(Error::from(errno)),
        }
    }

    /// Prepares to wait for input; WouldBlock if the connection is non-blocking.
    pub fn for_input(&mut self) -> Result<()> {
        self.prepare(Until::Readable)
    }

    /// Prepares to wait for the rest of what has begun to come: on a
    /// non-blocking connection too, but there not for long.
    pub fn for_rest(&mut self) -> Result<()> {
        match self.for_input() {
            Err(Error::WouldBlock) => {
                self.patience = Some(Patience { deadline: Some(Instant::now() + LONGEST_REST) });
                Ok(())
            }
            prepared => prepared,
        }
    }

    /// Prepares to wait for room to write.
    pub fn for_output(&mut self) -> Result<()> {
        self.prepare(Until::Writable)
    }

    /// Prepares to wait while input is there, but not enough.  poll(2) would
    /// return at once for that, so this pauses, longer each time; the peer's
    /// hanging up ends a pause.
    pub fn for_news(&mut self) -> Result<()> {
        let pause = match self.until {
            Until::News(pause) => LONGEST_PAUSE.min(pause * 2),
            _ => Duration::from_millis(1),
        };
        self.prepare(Until::News(pause))
    }

    fn prepare(&mut self, until: Until) -> Result<()> {
        self.until = until;
        if self.patience.is_none() {
            self.patience = Some(Patience::of(self.connection, until)?);
        }
        Ok(())
    }

    /// Blocks.  Owns nothing, see [`crate::operation::Operation::wait`].
    pub fn wait(&mut self, signals: Signals<'_>) {
        let deadline = self.patience.and_then(|patience| patience.deadline);
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        self.woken = match self.until {
            Until::Readable => poll(self.connection, PollFlags::POLLIN, left, signals),
            Until::Writable => poll(self.connection, PollFlags::POLLOUT, left, signals),
            Until::News(pause) => self.pause(pause, left, signals),
        };
    }

    fn pause(&self, pause: Duration, left: Option<Duration>, signals: Signals<'_>) -> Woken {
        let shorter = left.map_or(pause, |left| left.min(pause));
        let woken = poll(self.connection, system::HUNG_UP, Some(shorter), signals);
        match woken {
            Woken::TimedOut if left.map_or(true, |left| left > pause) => Woken::Ready,
            other => other,
        }
    }
}

impl Patience {
    fn of(connection: BorrowedFd<'_>, until: Until) -> Result<Self> {
        if descriptor::status_flags(connection)?.contains(OFlag::O_NONBLOCK) {
            return Err(Error::WouldBlock);
        }
        let timeout = match until {
            Until::Writable => getsockopt(&connection, sockopt::SendTimeout),
            _ => getsockopt(&connection, sockopt::ReceiveTimeout),
        };
        let timeout = match timeout {
            Err(Errno::ENOTSOCK) => None,
            timeout => duration(timeout?),
        };
        Ok(Patience { deadline: timeout.and_then(|timeout| Instant::now().checked_add(timeout)) })
    }
}

/// None where it stands for no timeout.
fn duration(time: TimeVal) -> Option<Duration> {
    let micros = u64::try_from(time.num_microseconds()).ok()?;
    (micros > 0).then(|| Duration::from_micros(micros))
}

fn poll(
    fd: BorrowedFd<'_>,
    events: PollFlags,
    timeout: Option<Duration>,
    signals: Signals<'_>,
) -> Woken {
    poll_all(&mut [PollFd::new(fd, events)], timeout, signals)
}

/// Sleeps; Interrupted if a signal comes.
pub fn pause(length: Duration, signals: Signals<'_>) -> Result<()> {
    match poll_all(&mut [], Some(length), signals) {
        Woken::Interrupted => Err(Error::Interrupted),
        Woken::Failed(errno) => Err(Error::from(errno)),
        Woken::Ready | Woken::TimedOut => Ok(()),
    }
}

fn poll_all(fds: &mut [PollFd<'_>], timeout: Option<Duration>, signals: Signals<'_>) -> Woken {
    let Ok(held) = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK) else {
        return Woken::Interrupted;
    };
    let result = if signals.pending() {
        Err(Errno::EINTR)
    } else {
        system::poll_with_mask(fds, timeout, &held)
    };
    // It was in force before, so it can be again.
    let _ = held.thread_set_mask();
    match result {
        Ok(0) => Woken::TimedOut,
        // What went wrong with the descriptor the call itself will meet.
        Ok(_) => Woken::Ready,
        Err(Errno::EINTR) => Woken::Interrupted,
        Err(errno) => Woken::Failed(errno),
    }
}

/// Whether the events, or an error, or the end are there now; poll(2).
pub fn ready(fd: impl AsFd, events: PollFlags) -> bool {
    let mut fds = [PollFd::new(fd.as_fd(), events)];
    matches!(nix::poll::poll(&mut fds, PollTimeout::ZERO), Ok(1..))
}

/// Whether the peer will send nothing more.
pub fn hung_up(fd: impl AsFd) -> bool {
    ready(fd, system::HUNG_UP)
}
