//! Blocking, so that signals get through.
//!
//! Every wait is a poll(2), which a signal always ends, also where the handler
//! was installed with SA_RESTART, and a stop and a continuation do not.  Perl's
//! deferred handlers only raise a flag; one that was raised before the poll
//! began counts too.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::signal::{SigSet, SigmaskHow};

use crate::descriptor;
use crate::error::{Error, Result};
use crate::operation::Step;
use crate::system::{self, socket_option};

/// The interpreter's flag for signals whose handlers have not run yet; None where
/// none is ever put off.
#[derive(Clone, Copy, Default)]
pub struct Signals<'a>(pub Option<&'a AtomicI32>);

impl Signals<'_> {
    pub fn pending(self) -> bool {
        self.0.is_some_and(|flag| flag.load(Ordering::Relaxed) != 0)
    }
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    Ready,
    Interrupted,
    TimedOut,
    /// There could be no wait: no memory.
    Failed(Errno),
}

/// What a wait is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    Readable,
    Writable,
    /// Nothing: signals and the deadline have their turn.
    Turn,
}

/// How long a call may wait.
#[derive(Debug, Clone, Copy)]
pub enum Patience {
    /// Not at all, as where the connection is non-blocking.
    None,
    Until(Instant),
    ForEver,
}

/// So many turns a non-blocking call takes while its peer sends what is no end.
const MOST_TURNS: u32 = 1000;

/// Pauses of a wait that is told "ready" when there is nothing grow up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(64);

/// So long at most a wait for room to write is one poll(2): a peer that stops to
/// read by shutdown(2) does not end it, and only another attempt says EPIPE.
const LONGEST_WAIT_FOR_ROOM: Duration = Duration::from_millis(250);

/// One connection's waiting in one call.
#[derive(Debug)]
pub struct Waiter {
    connection: BorrowedFd<'static>,
    until: Until,
    /// Asked of the system when the call first has to wait.
    patience: Option<Patience>,
    woken: Woken,
    turns: u32,
    /// How often in a row the wait was over and there was nothing.
    found_nothing: u32,
}

impl Waiter {
    #[inline(always)]
    pub fn new(connection: BorrowedFd<'static>) -> Self {
        Waiter {
            connection,
            until: Until::Turn,
            patience: None,
            woken: Woken::Ready,
            turns: 0,
            found_nothing: 0,
        }
    }

    /// Waits until then, or for ever, whatever the descriptor's own flags say.
    pub fn until(connection: BorrowedFd<'static>, deadline: Option<Instant>) -> Self {
        let patience = Some(deadline.map_or(Patience::ForEver, Patience::Until));
        Waiter { patience, ..Waiter::new(connection) }
    }

    /// Waits as the caller says, in place of asking the system.
    pub fn give(&mut self, patience: Patience) {
        self.patience = Some(patience);
    }

    /// How the last wait ended: Interrupted, or WouldBlock when a timeout of
    /// the socket's own is over.
    #[inline(always)]
    pub fn outcome(&mut self) -> Result<()> {
        match self.woken {
            Woken::Ready => Ok(()),
            Woken::Interrupted => Err(Error::Interrupted),
            Woken::TimedOut => Err(Error::WouldBlock),
            Woken::Failed(errno) => Err(Error::from(errno)),
        }
    }

    /// The step that waits for input; WouldBlock if the connection is
    /// non-blocking.
    pub fn for_input(&mut self) -> Result<Step> {
        self.for_event(Until::Readable)
    }

    /// The step that waits for room to write.
    pub fn for_output(&mut self) -> Result<Step> {
        self.for_event(Until::Writable)
    }

    fn for_event(&mut self, until: Until) -> Result<Step> {
        if let Patience::None = self.prepare(until)? {
            return Err(Error::WouldBlock);
        }
        Ok(Step::Wait)
    }

    /// The step that lets signals and the deadline have their turn in a call
    /// that a peer keeps busy.  WouldBlock, on a non-blocking connection, when it
    /// has been busy for long.
    pub fn for_turn(&mut self) -> Result<Step> {
        self.progressed();
        self.turns += 1;
        let patience = self.prepare(Until::Turn)?;
        if matches!(patience, Patience::None) && self.turns > MOST_TURNS {
            return Err(Error::WouldBlock);
        }
        Ok(Step::Wait)
    }

    /// What was waited for has come, if only in part.
    pub fn progressed(&mut self) {
        self.found_nothing = 0;
    }

    fn prepare(&mut self, until: Until) -> Result<Patience> {
        self.until = until;
        let patience = match self.patience {
            Some(patience) => patience,
            None => Patience::of(self.connection, until)?,
        };
        self.patience = Some(patience);
        Ok(patience)
    }

    /// Blocks.  Owns nothing, see [`crate::operation::Operation::wait`].
    pub fn wait(&mut self, signals: Signals<'_>) {
        let left = match self.patience {
            Some(Patience::Until(deadline)) => {
                Some(deadline.saturating_duration_since(Instant::now()))
            }
            _ => None,
        };
        self.woken = match (self.until, left) {
            _ if signals.pending() => Woken::Interrupted,
            (_, Some(Duration::ZERO)) => Woken::TimedOut,
            (Until::Turn, _) => Woken::Ready,
            (Until::Readable, _) => self.wait_for(PollFlags::POLLIN, left, signals),
            (Until::Writable, _) => {
                let left = shorter(LONGEST_WAIT_FOR_ROOM, left);
                self.wait_for(PollFlags::POLLOUT, Some(left), signals)
            }
        };
    }

    /// poll(2).  Where that was over and there was nothing, and it would be over
    /// at once again, pauses, longer each time.
    fn wait_for(
        &mut self,
        events: PollFlags,
        left: Option<Duration>,
        signals: Signals<'_>,
    ) -> Woken {
        if self.found_nothing > 0 && ready(self.connection, events) {
            let pause = LONGEST_PAUSE.min(Duration::from_millis(1 << self.found_nothing.min(16)));
            self.found_nothing += 1;
            return sleep(shorter(pause, left), signals);
        }
        self.found_nothing = 1;
        holding_signals(signals, |mask| poll_one(self.connection, events, left, mask))
    }
}

impl Patience {
    /// None, or as SO_RCVTIMEO or SO_SNDTIMEO says; socket(7).
    fn of(connection: BorrowedFd<'_>, until: Until) -> Result<Self> {
        if descriptor::status_flags(connection)?.contains(OFlag::O_NONBLOCK) {
            return Ok(Patience::None);
        }
        let timeout = match until {
            Until::Writable => socket_option::send_timeout(connection),
            _ => socket_option::receive_timeout(connection),
        };
        let timeout = match timeout {
            Err(Errno::ENOTSOCK) => None,
            timeout => timeout?,
        };
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Ok(deadline.map_or(Patience::ForEver, Patience::Until))
    }
}

fn shorter(length: Duration, left: Option<Duration>) -> Duration {
    left.map_or(length, |left| left.min(length))
}

fn sleep(length: Duration, signals: Signals<'_>) -> Woken {
    holding_signals(signals, |mask| system::poll_with_mask(&mut [], Some(length), mask))
}

/// Sleeps; Interrupted if a signal comes.
pub fn pause(length: Duration, signals: Signals<'_>) -> Result<()> {
    match sleep(length, signals) {
        Woken::Interrupted => Err(Error::Interrupted),
        Woken::Failed(errno) => Err(Error::from(errno)),
        Woken::Ready | Woken::TimedOut => Ok(()),
    }
}

/// Attempts again and again, with signals held back, until there is an outcome;
/// in between they have their turn.
pub fn with_signals_held(
    signals: Signals<'_>,
    mut attempt: impl FnMut() -> Option<Result<()>>,
) -> Result<()> {
    let held = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let outcome = loop {
        if signals.pending() {
            break Err(Error::Interrupted);
        }
        if let Err(errno) = system::poll_with_mask(&mut [], Some(Duration::ZERO), Some(&held)) {
            break Err(Error::from(errno));
        }
        if let Some(outcome) = attempt() {
            break outcome;
        }
    };
    let _ = held.thread_set_mask();
    outcome
}

/// poll(2) for one descriptor, also where the limit leaves no room for it.
fn poll_one(
    descriptor: BorrowedFd<'_>,
    events: PollFlags,
    timeout: Option<Duration>,
    mask: Option<&SigSet>,
) -> nix::Result<i32> {
    match system::poll_with_mask(&mut [PollFd::new(descriptor, events)], timeout, mask) {
        Err(Errno::EINVAL) => system::select_with_mask(descriptor, events, timeout, mask),
        polled => polled,
    }
}

/// A wait that a signal ends, also one that came just before it, if its handler
/// has been put off.
fn holding_signals(
    signals: Signals<'_>,
    wait: impl FnOnce(Option<&SigSet>) -> nix::Result<i32>,
) -> Woken {
    if signals.0.is_none() {
        return Woken::of(wait(None));
    }
    let Ok(held) = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK) else {
        return Woken::Interrupted;
    };
    let result = if signals.pending() { Err(Errno::EINTR) } else { wait(Some(&held)) };
    // It was in force before, so it can be again.
    let _ = held.thread_set_mask();
    Woken::of(result)
}

impl Woken {
    fn of(result: nix::Result<i32>) -> Self {
        match result {
            // What went wrong with the descriptor the call itself will meet; and a
            // time that is over is met by the next wait.
            Ok(_) => Woken::Ready,
            Err(Errno::EINTR) => Woken::Interrupted,
            Err(errno) => Woken::Failed(errno),
        }
    }
}

/// Whether the events, or an error, or the end are there now; poll(2).  True
/// where that cannot be asked: the call itself will say.
pub fn ready(fd: impl AsFd, events: PollFlags) -> bool {
    let mut fds = [PollFd::new(fd.as_fd(), events)];
    match nix::poll::poll(&mut fds, PollTimeout::ZERO) {
        Err(Errno::EINVAL) => is_selected(fd.as_fd(), events),
        polled => polled != Ok(0),
    }
}

#[cold]
fn is_selected(fd: BorrowedFd<'_>, events: PollFlags) -> bool {
    system::select_with_mask(fd, events, Some(Duration::ZERO), None) != Ok(0)
}

/// Whether the peer will send nothing more.
pub fn hung_up(fd: impl AsFd) -> bool {
    let mut fds = [PollFd::new(fd.as_fd(), system::HUNG_UP)];
    matches!(nix::poll::poll(&mut fds, PollTimeout::ZERO), Ok(1..))
}
