//! Every failure a call can end with, and the errno that Perl sees for it.

use std::num::NonZeroU8;

use nix::errno::Errno;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// A system call failed.
    System(Errno),
    /// An argument is not a descriptor.
    NotADescriptor,
    /// An argument or option has a value that makes no sense.
    InvalidArgument,
    /// A non-blocking connection would have to wait; nothing happened.
    WouldBlock,
    /// A signal ended the wait; nothing happened.
    Interrupted,
    /// The time given for a connect is over.
    TimedOut,
    /// The peer has closed the connection.
    End,
    /// What came is not a message.
    Malformed,
    /// A packet, or a batch, is larger than the call takes.
    TooLong,
    /// The descriptor table is full; the message stays queued.
    TableFull,
    /// The system refused the descriptor although there was room.
    Refused,
    /// The peer sent an error status in place of a descriptor.
    Status(NonZeroU8),
    /// The path is empty or has a NUL byte in it.
    NoSuchName,
    /// The path does not fit into a socket address and cannot be made to.
    NameTooLong,
    /// Something that may not be replaced is at the path.
    InUse,
    /// The connection is none that carries descriptors: no local socket.
    NotLocal,
    /// The transport has nothing of the kind.
    NotSupported,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The value of `$!`; errno(3).
    pub fn errno(self) -> i32 {
        let errno = match self {
            Error::System(errno) => errno,
            Error::NotADescriptor => Errno::EBADF,
            Error::InvalidArgument => Errno::EINVAL,
            Error::WouldBlock => Errno::EAGAIN,
            Error::Interrupted => Errno::EINTR,
            Error::TimedOut => Errno::ETIMEDOUT,
            Error::End => Errno::ENOTCONN,
            Error::Malformed => Errno::EPROTO,
            Error::TooLong => Errno::EMSGSIZE,
            Error::TableFull => Errno::EMFILE,
            Error::Refused => Errno::EACCES,
            Error::Status(status) => return i32::from(status.get()),
            Error::NoSuchName => Errno::ENOENT,
            Error::NameTooLong => Errno::ENAMETOOLONG,
            Error::InUse => Errno::EADDRINUSE,
            Error::NotLocal => Errno::EOPNOTSUPP,
            Error::NotSupported => Errno::ENOSYS,
        };
        errno as i32
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::EAGAIN => Error::WouldBlock,
            Errno::EINTR => Error::Interrupted,
            Errno::EMFILE => Error::TableFull,
            other => Error::System(other),
        }
    }
}

impl From<&std::io::Error> for Error {
    fn from(error: &std::io::Error) -> Self {
        Error::from(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_its_own_errno() {
        for status in 1..=255 {
            let status = NonZeroU8::new(status).expect("not zero");
            assert_eq!(Error::Status(status).errno(), i32::from(status.get()));
        }
    }

    #[test]
    fn what_the_system_says_comes_back_as_it_was() {
        for errno in [Errno::EAGAIN, Errno::EINTR, Errno::EMFILE, Errno::ETOOMANYREFS] {
            assert_eq!(Error::from(errno).errno(), errno as i32);
        }
    }
}
