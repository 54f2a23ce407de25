//! Creating a listening endpoint.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::socket::{bind, setsockopt, sockopt, SockType};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::endpoint::name::{Address, Name, Place};
use crate::endpoint::takeover::{Found, Node};
use crate::endpoint::Listening;
use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::system;
use crate::wait::{self, Signals};

/// So long that it never comes; but a wait with any limit ends when a signal
/// comes, also where its handler was installed with SA_RESTART; signal(7).
pub const FOR_EVER_BUT_SIGNALS: i64 = 1_000_000_000;

/// How long another starter may hold the directory.
const LONGEST_START: Duration = Duration::from_secs(10);

/// Between two attempts to lock it.
const PAUSE: Duration = Duration::from_millis(5);

enum Target {
    Abstract(Address),
    Path(Place),
}

/// Makes a listening socket at a name; bind(2), listen(2).
pub struct Create {
    kind: SockType,
    target: Target,
    options: Listening,
    /// When another starter has held the directory for too long.
    deadline: Option<Instant>,
    woken: Result<()>,
}

impl Create {
    /// `terminated` is the name and a NUL byte.
    pub fn new(kind: SockType, terminated: &[u8], options: Listening) -> Result<Self> {
        let target = match Name::parse(terminated)? {
            Name::Abstract(_) if options.mode.is_some() => return Err(Error::InvalidArgument),
            Name::Abstract(name) => Target::Abstract(Address::of_abstract(name)?),
            Name::Path(path) if options.exclusive => Target::Path(Place::lockable(path)?),
            Name::Path(path) => Target::Path(Place::of(path)?),
        };
        Ok(Create { kind, target, options, deadline: None, woken: Ok(()) })
    }

    fn be_patient(&mut self) -> Result<Step> {
        let now = Instant::now();
        if now >= *self.deadline.get_or_insert(now + LONGEST_START) {
            return Err(Error::InUse);
        }
        Ok(Step::Wait)
    }

    fn bind_abstract(&self, address: &Address) -> Result<OwnedFd> {
        let listener = self.new_listener()?;
        bind(listener.as_raw_fd(), &address.address)?;
        self.start(&listener)?;
        Ok(listener)
    }

    fn bind_path(&self, place: &Place) -> Result<OwnedFd> {
        let listener = self.new_listener()?;
        if place.look(&place.name)? == Found::Nothing {
            match Node::bind(place, listener.as_fd(), self.options.mode) {
                Err(Error::InUse | Error::NameTooLong) => {}
                node => {
                    let node = node?;
                    self.start(&listener)?;
                    node.keep();
                    return Ok(listener);
                }
            }
        }
        self.take_over(place, &listener)?;
        Ok(listener)
    }

    fn take_over(&self, place: &Place, listener: &OwnedFd) -> Result<()> {
        let may_replace = |name: &CStr| self.may_replace(place, name);
        if may_replace(&place.name)? == Found::Kept {
            return Err(Error::InUse);
        }
        let node = Node::bind_beside(place, listener.as_fd(), self.options.mode)?;
        self.start(listener)?;
        node.move_in(may_replace)
    }

    fn may_replace(&self, place: &Place, name: &CStr) -> Result<Found> {
        match place.look(name)? {
            Found::Replaceable if self.options.exclusive && place.is_alive(name)? => {
                Ok(Found::Kept)
            }
            found => Ok(found),
        }
    }

    fn new_listener(&self) -> Result<OwnedFd> {
        let listener = system::socket(self.kind)?;
        if self.options.note_senders {
            system::note_senders(listener.as_fd())?;
        }
        Ok(listener)
    }

    /// Datagrams need no listening.
    fn start(&self, listener: &OwnedFd) -> Result<()> {
        if self.kind == SockType::Datagram {
            return Ok(());
        }
        setsockopt(listener, sockopt::ReceiveTimeout, &TimeVal::seconds(FOR_EVER_BUT_SIGNALS))?;
        Ok(system::listen(listener, self.options.backlog)?)
    }
}

impl Operation for Create {
    fn advance(&mut self) -> Result<Step> {
        self.woken?;
        let listener = match &self.target {
            Target::Abstract(address) => self.bind_abstract(address)?,
            Target::Path(place) if self.options.exclusive => {
                // One starter at a time, from the look at the name until it
                // listens there: else two could find it stale, and both win.
                let Some(_lock) = system::try_lock(place.directory())? else {
                    return self.be_patient();
                };
                self.bind_path(place)?
            }
            Target::Path(place) => self.bind_path(place)?,
        };
        Ok(Answer::descriptor(listener).into())
    }

    fn wait(&mut self, signals: Signals<'_>) {
        self.woken = wait::pause(PAUSE, signals);
    }
}
