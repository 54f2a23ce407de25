//! STREAMS: the narrow list of system calls that passing descriptors over
//! streams takes, with two implementations: whole files, chosen here once.
//!
//! Nothing on the list blocks: `Error::WouldBlock` asks for a poll(2) and
//! another try.  Failures have the errnos of STREAMS: ENXIO for a hangup,
//! EBADMSG for a message that is not of the kind asked for.
//!
//! - `NAME`, `IS_DEFAULT`: what it is called, whether it is used unasked
//! - `pipe`: two connected stream ends, close-on-exec, in message mode
//! - `isastream`: whether descriptors can be passed over it as over a stream;
//!   isastream(3C)
//! - `write`: one message, EPIPE with SIGPIPE; write(2)
//! - `room_for`: whether so many messages and descriptors would find room
//! - `getmsg`: one message; empty: the end; EBADMSG: a descriptor is at the head
//! - `sendfd`, `recvfd`: I_SENDFD, I_RECVFD, streamio(4I)
//! - `receive`: `getmsg` or `recvfd`, whichever fits what is at the head
//! - `push_connld`: from now on the end gives unique connections; connld(4M)
//! - `Attaching`: names the end as an endpoint
//! - `Opening`: an open(2) of such a name, until the server has taken it

#[cfg(solarish)]
mod kernel;
#[cfg(solarish)]
pub use kernel::*;

#[cfg(not(solarish))]
mod emulation;
#[cfg(not(solarish))]
pub use emulation::*;

use std::os::fd::OwnedFd;

use nix::errno::Errno;

use crate::error::Error;
use crate::identity::Ids;

pub const HANGUP: Error = Error::System(Errno::ENXIO);
pub const NOT_OF_THIS_KIND: Error = Error::System(Errno::EBADMSG);

/// What is taken from a stream.
#[derive(Debug)]
pub enum Received {
    /// Empty: the end.
    Data(Vec<u8>),
    Descriptor(Passed),
}

/// What I_RECVFD brings.
#[derive(Debug)]
pub struct Passed {
    pub descriptor: OwnedFd,
    /// Who sent it, effectively, as it was then.
    pub sender: Option<Box<Ids>>,
    /// Descriptors that a program without streams sent along; they are closed.
    pub surplus: usize,
}

/// Whether what is to be sent finds room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    Now,
    Later,
    /// Not all of it, even if nothing else were on its way.
    Never,
}

impl Room {
    pub fn now(is_there: bool) -> Self {
        if is_there {
            Room::Now
        } else {
            Room::Later
        }
    }
}
