//! The front door: what a program can ask for, each a [`Call`] that has begun.
//!
//! Here, once, it is decided which transport serves.  Where no `patience` is
//! given a call waits as the connection's own flags say.
//!
//! ```
//! use std::os::fd::AsRawFd;
//! use fdpasser::{descriptor, passing};
//! # fn main() -> fdpasser::error::Result<()> {
//! let mut pair = passing::pair(passing::Type::Stream, false).finish(drop_text)?.descriptors.into_iter();
//! let (Some(one), Some(other)) = (pair.next(), pair.next()) else { return Ok(()) };
//! let [ours, theirs] = [&one, &other].map(|end| descriptor::borrow(end.as_raw_fd().into()));
//!
//! let file = std::fs::File::open("/dev/null").expect("there is one");
//! let sent = descriptor::borrow(file.as_raw_fd().into())?;
//! passing::send(ours?, sent).finish(drop_text)?;
//! let received = passing::receive(theirs?, true, false).finish(drop_text)?.descriptors;
//! let received = received.into_iter().next().expect("a descriptor came");
//! assert_eq!(descriptor::identity(&received), descriptor::identity(&file));
//! # Ok(()) }
//!
//! /// No peer sends any here.
//! fn drop_text(_: &[u8]) {}
//! ```

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, RawFd};

use nix::sys::socket::SockType;

use crate::descriptor::{self, Descriptors};
use crate::endpoint::{Connecting, Listening};
use crate::error::{Error, Result};
use crate::operation::{Answer, Call, Operation};
use crate::system;
use crate::transport::{makes_streams, serving, socket, stream, Serving, MOST_DESCRIPTORS};

pub use crate::transport::{choose, name};
pub use crate::wait::Patience;

/// What kind of endpoint.  Streams are what the transport makes; the others are
/// sockets, whichever transport is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Type {
    #[default]
    Stream,
    SeqPacket,
    Dgram,
}

impl From<Type> for SockType {
    fn from(kind: Type) -> Self {
        match kind {
            Type::Stream => SockType::Stream,
            Type::SeqPacket => SockType::SeqPacket,
            Type::Dgram => SockType::Datagram,
        }
    }
}

fn are_streams(kind: Type) -> bool {
    kind == Type::Stream && makes_streams()
}

/// Begins the call on the transport that serves the connection.
#[inline(always)]
fn serve<S: Operation + 'static, T: Operation + 'static>(
    connection: BorrowedFd<'static>,
    on_stream: impl FnOnce() -> Result<S>,
    on_socket: impl FnOnce() -> Result<T>,
) -> Call {
    match serving(connection) {
        Err(error) => Call::Over(Err(error)),
        Ok(Serving::Stream) => Call::begin(on_stream()),
        Ok(Serving::Socket) => Call::begin(on_socket()),
    }
}

/// The same, with so much time, if that is said.
#[inline(always)]
fn serve_within<S: Operation + 'static, T: Operation + 'static>(
    patience: Option<Patience>,
    connection: BorrowedFd<'static>,
    on_stream: impl FnOnce() -> Result<S>,
    on_socket: impl FnOnce() -> Result<T>,
) -> Call {
    serve(connection, || Ok(on_stream()?.within(patience)), || Ok(on_socket()?.within(patience)))
}

/// Two connected endpoints; socketpair(2), pipe(2).
pub fn pair(kind: Type, note_senders: bool) -> Call {
    let pair = match are_streams(kind) {
        true => stream::pair(),
        false => socket::pair(kind.into(), note_senders),
    };
    Call::Over(pair.map(|(one, other)| Answer {
        descriptors: Descriptors::from_iter([one, other]),
        ..Answer::default()
    }))
}

/// A listening endpoint; `terminated` is its name and a NUL byte.
pub fn create(kind: Type, terminated: &[u8], options: Listening) -> Call {
    if are_streams(kind) {
        Call::begin(stream::Create::new(terminated, options))
    } else {
        Call::begin(socket::Create::new(kind.into(), terminated, options))
    }
}

/// A connected endpoint; `terminated` is the listener's name and a NUL byte.
pub fn connect(kind: Type, terminated: &[u8], options: Connecting) -> Call {
    if are_streams(kind) {
        Call::begin(stream::Connect::new(terminated, options))
    } else {
        Call::begin(socket::Connect::new(kind.into(), terminated, options))
    }
}

/// The next client, and if it is asked for, who it is.
pub fn accept(listener: BorrowedFd<'static>, close_on_exec: bool, ask_who: bool) -> Call {
    match serving(listener) {
        Ok(Serving::Stream) => Call::begin(Ok(stream::Accept::new(listener, close_on_exec))),
        // Clients of the internet can be accepted, though nothing be passed to them.
        Ok(Serving::Socket) | Err(Error::NotLocal) => {
            Call::begin(Ok(socket::Accept::new(listener, close_on_exec, ask_who)))
        }
        Err(error) => Call::Over(Err(error)),
    }
}

/// Gives a name to a stream end, whose other end is the server's.  NotSupported
/// where there are only sockets.
pub fn attach(end: BorrowedFd<'static>, terminated: &[u8]) -> Call {
    match makes_streams() {
        true => Call::begin(stream::create::attach(end, terminated)),
        false => Call::Over(Err(Error::NotSupported)),
    }
}

/// Whether the descriptor is a stream.
pub fn is_stream(any: BorrowedFd<'static>) -> Result<bool> {
    descriptor::status_flags(any)?;
    Ok(serving(any) == Ok(Serving::Stream))
}

/// Sends one descriptor, in a message of status 0.
#[inline(always)]
pub fn send(connection: BorrowedFd<'static>, descriptor: BorrowedFd<'static>) -> Call {
    serve(
        connection,
        || stream::SendDescriptor::new(connection, descriptor),
        || Ok(socket::SendDescriptor::new(connection, descriptor)),
    )
}

/// Sends any number of descriptors; the answer's number is how many went.
pub fn send_all(
    connection: BorrowedFd<'static>,
    descriptors: &'static [RawFd],
    patience: Option<Patience>,
) -> Call {
    serve_within(
        patience,
        connection,
        || stream::SendAll::new(connection, descriptors),
        || socket::SendAll::new(connection, descriptors),
    )
}

/// Sends text for a person, and an error status.
pub fn send_error(
    connection: BorrowedFd<'static>,
    errno: i64,
    text: &[u8],
    patience: Option<Patience>,
) -> Call {
    serve_within(
        patience,
        connection,
        || stream::SendError::new(connection, errno, text),
        || socket::SendError::new(connection, errno, text),
    )
}

/// Receives one descriptor; the answer has its sender's ids if they are asked for.
#[inline(always)]
pub fn receive(connection: BorrowedFd<'static>, close_on_exec: bool, ask_sender: bool) -> Call {
    serve(
        connection,
        || Ok(stream::Receive::one(connection, close_on_exec, ask_sender)),
        || Ok(socket::Receive::one(connection, close_on_exec, ask_sender)),
    )
}

/// Receives all descriptors of the next message, `most` or fewer.
pub fn receive_all(
    connection: BorrowedFd<'static>,
    most: usize,
    ask_sender: bool,
    patience: Option<Patience>,
) -> Call {
    serve_within(
        patience,
        connection,
        || Ok(stream::Receive::all(connection, most, ask_sender)),
        || Ok(socket::Receive::all(connection, most, ask_sender)),
    )
}

/// Whether each write is a message, so that one of no bytes is one too.
pub fn keeps_boundaries(connection: BorrowedFd<'static>) -> bool {
    serving(connection) == Ok(Serving::Socket) && socket::keeps_boundaries(connection)
}

/// Writes bytes, and descriptors with the first of them; the answer's number is
/// how many bytes went.  InvalidArgument for more descriptors than the kernel
/// lets through in one message.
pub fn write(
    connection: BorrowedFd<'static>,
    bytes: &'static [u8],
    descriptors: &'static [RawFd],
    patience: Option<Patience>,
) -> Call {
    if descriptors.len() > MOST_DESCRIPTORS {
        return Call::Over(Err(Error::InvalidArgument));
    }
    serve_within(
        patience,
        connection,
        || stream::Write::new(connection, bytes, descriptors),
        || Ok(socket::Write::new(connection, bytes, descriptors)),
    )
}

/// Reads at most `length` bytes and `most` descriptors.
pub fn read(
    connection: BorrowedFd<'static>,
    length: usize,
    most: usize,
    ask_sender: bool,
    patience: Option<Patience>,
) -> Call {
    serve_within(
        patience,
        connection,
        || Ok(stream::Read::new(connection, length, most, ask_sender)),
        || Ok(socket::Read::new(connection, length, most, ask_sender)),
    )
}

/// From now on it is noted who sends on the connection; on streams it always is.
pub fn note_senders(connection: BorrowedFd<'static>) -> Call {
    Call::Over(serving(connection).and_then(|serving| {
        if serving == Serving::Socket {
            system::note_senders(connection)?;
        }
        Ok(Answer::default())
    }))
}

/// Who is at the other end.
pub fn peer(connection: BorrowedFd<'static>) -> Call {
    Call::Over(system::peer_ids(connection).map(Answer::ids).map_err(Error::from))
}

/// A descriptor that stands for that process.
pub fn peer_process(connection: BorrowedFd<'static>) -> Call {
    let process = system::peer_process(connection);
    Call::Over(process.map(Answer::descriptor).map_err(Error::from))
}

/// The supplementary groups of that process.
pub fn peer_groups(connection: BorrowedFd<'static>) -> Call {
    Call::Over(system::peer_groups(connection).map(Answer::numbers).map_err(Error::from))
}

/// A file in memory with these bytes, which nobody can change.
pub fn memory_file(name: &CStr, bytes: &[u8]) -> Call {
    Call::Over(system::memory_file(name, bytes).map(Answer::descriptor).map_err(Error::from))
}
