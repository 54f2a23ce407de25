//! Names for emulated streams: what connld and fattach do.
//!
//! A named stream is a listening socket.  Naming an end puts the listener where
//! the server's end was.  No covered file is kept aside: a server that is killed
//! would leave it there.

use std::fs;
use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::sys::socket::{
    getpeername, getsockname, setsockopt, sockopt, SockType, SockaddrLike, UnixAddr,
};

use super::super::HANGUP;
use super::isastream;
use super::packet_socket::{replace, NOTES_SENDERS};
use crate::descriptor;
use crate::endpoint::Listening;
use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::system::{self, socket_option};
use crate::transport::socket::Create;
use crate::wait::{self, Signals};

const INVALID: Error = Error::InvalidArgument;

/// That it was pushed is remembered in an option that means nothing to a local
/// socket, SO_KEEPALIVE: it belongs to the end, whoever has a descriptor of it.
pub fn push_connld(end: BorrowedFd<'_>) -> Result<()> {
    if !isastream(end)? {
        return Err(INVALID);
    }
    if has_connld(end)? || wait::hung_up(end) {
        return Err(HANGUP);
    }
    Ok(setsockopt(&end, sockopt::KeepAlive, &true)?)
}

fn has_connld(end: BorrowedFd<'_>) -> Result<bool> {
    Ok(socket_option::number(end, libc::SO_KEEPALIVE)? != 0)
}

/// Names the end as an endpoint.  What is at the name is taken over or left
/// alone as [`Create`] says.
pub struct Attaching {
    listening: Create,
    servers: Vec<Server>,
}

/// A descriptor that the listener is put behind. What could fail of that is
/// asked before the name is taken.
struct Server {
    number: BorrowedFd<'static>,
    close_on_exec: bool,
}

impl Server {
    fn new(number: BorrowedFd<'static>) -> Result<Self> {
        Ok(Server { number, close_on_exec: descriptor::is_close_on_exec(number)? })
    }
}

impl Attaching {
    /// The server's end, if it is not given, is looked for among the descriptors
    /// of this process.
    pub fn new(
        named: BorrowedFd<'_>,
        server: Option<BorrowedFd<'_>>,
        terminated: &[u8],
        options: Listening,
    ) -> Result<Self> {
        let servers = match server {
            Some(server) => vec![descriptor::borrow(i64::from(server.as_raw_fd()))?],
            None => other_ends(named)?,
        };
        let servers = servers.into_iter().map(Server::new).collect::<Result<_>>()?;
        let options = Listening { note_senders: NOTES_SENDERS, ..options };
        let listening = Create::new(SockType::SeqPacket, terminated, options)?;
        Ok(Attaching { listening, servers })
    }

    fn put_in_place(&self, answer: Answer) -> Result<Answer> {
        for listener in answer.descriptors {
            for server in &self.servers {
                replace(server.number, listener.as_fd(), server.close_on_exec)?;
            }
        }
        Ok(Answer::default())
    }
}

impl Operation for Attaching {
    fn advance(&mut self) -> Result<Step> {
        match self.listening.advance()? {
            Step::Done(listener) => Ok(self.put_in_place(listener)?.into()),
            step => Ok(step),
        }
    }

    fn wait(&mut self, signals: Signals<'_>) {
        self.listening.wait(signals);
    }
}

/// All descriptors of the end's other end in this process.
fn other_ends(named: BorrowedFd<'_>) -> Result<Vec<BorrowedFd<'static>>> {
    let peer: UnixAddr = getpeername(named.as_raw_fd()).map_err(|_| INVALID)?;
    if peer.len() as usize <= offset_of!(libc::sockaddr_un, sun_path) {
        // A pair that was not made here: its ends have no names.
        return Err(INVALID);
    }
    let listing = fs::read_dir(system::PATH_OF_DESCRIPTORS.ok_or(Error::NotSupported)?);
    let listing = listing.map_err(|error| Error::from(&error))?;
    let ends: Vec<_> = listing
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|number| descriptor::borrow(number).ok())
        .filter(|end| getsockname::<UnixAddr>(end.as_raw_fd()) == Ok(peer))
        .collect();
    if ends.is_empty() {
        return Err(INVALID);
    }
    Ok(ends)
}
