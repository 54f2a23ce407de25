//! Where an endpoint is: a path, or a name outside the file system.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{open, openat, OFlag};
use nix::sys::socket::UnixAddr;
use nix::sys::stat::Mode;

use crate::error::{Error, Result};
use crate::system::{self, stat::stat};

/// A name as a program writes it.
pub enum Name<'a> {
    Path(&'a CStr),
    /// Without the NUL byte that it starts with.
    Abstract(&'a [u8]),
}

impl<'a> Name<'a> {
    /// `terminated` is the name and a NUL byte.  NoSuchName if it is empty or
    /// has another NUL in it, but for an abstract name's first.
    pub fn parse(terminated: &'a [u8]) -> Result<Self> {
        match terminated {
            [] | [0] => Err(Error::NoSuchName),
            [0, name @ .., 0] if system::ABSTRACT_NAMES => Ok(Name::Abstract(name)),
            path => CStr::from_bytes_with_nul(path).map(Name::Path).map_err(|_| Error::NoSuchName),
        }
    }
}

/// A socket address, and what has to stay open for it to mean anything.
pub struct Address {
    pub address: UnixAddr,
    _held: Option<OwnedFd>,
}

impl Address {
    pub fn of_abstract(name: &[u8]) -> Result<Self> {
        Self::plain(system::abstract_address(name))
    }

    /// For connecting to what is at the path, however long that is.
    pub fn of_existing(path: &CStr) -> Result<Self> {
        if let Ok(address) = UnixAddr::new(path) {
            return Self::plain(Ok(address));
        }
        let node = open(path, system::OPEN_AS_NAME | OFlag::O_CLOEXEC, Mode::empty())?;
        Self::through(node, b"")
    }

    fn plain(address: nix::Result<UnixAddr>) -> Result<Self> {
        let address = address.map_err(|_| Error::NameTooLong)?;
        Ok(Address { address, _held: None })
    }

    /// The short name that an open descriptor has, with `rest` behind it.
    fn through(held: OwnedFd, rest: &[u8]) -> Result<Self> {
        let mut path = format!("{}/{}", path_of_descriptors()?, held.as_raw_fd()).into_bytes();
        path.extend_from_slice(rest);
        let address = UnixAddr::new(path.as_slice()).map_err(|_| Error::NameTooLong)?;
        Ok(Address { address, _held: Some(held) })
    }
}

/// NameTooLong where there is none: the system has none, or proc(5) is not
/// mounted here.
fn path_of_descriptors() -> Result<&'static str> {
    let path = system::PATH_OF_DESCRIPTORS.ok_or(Error::NameTooLong)?;
    match stat(path) {
        Ok(_) => Ok(path),
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES) => Err(Error::NameTooLong),
        Err(errno) => Err(Error::from(errno)),
    }
}

/// A name in a directory that is held open, so that all that is done happens
/// in the same directory.
pub struct Place {
    pub directory: OwnedFd,
    /// As the program wrote it, with a slash at its end; may be empty.
    prefix: Vec<u8>,
    pub name: CString,
}

impl Place {
    /// NameTooLong where nobody could connect to the path.
    pub fn of(path: &CStr) -> Result<Self> {
        Self::open(path, system::OPEN_AS_NAME)
    }

    /// With a directory that can be locked: it has to be readable.
    pub fn lockable(path: &CStr) -> Result<Self> {
        Self::open(path, OFlag::O_RDONLY)
    }

    fn open(path: &CStr, how: OFlag) -> Result<Self> {
        if UnixAddr::new(path).is_err() {
            path_of_descriptors()?;
        }
        let bytes = path.to_bytes();
        if bytes.len() >= libc::PATH_MAX as usize {
            return Err(Error::NameTooLong);
        }
        let split = bytes.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        let (prefix, name) = bytes.split_at(split);
        let parent = if prefix.is_empty() { b"." } else { prefix };
        let directory = open(parent, how | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        if name.is_empty() {
            return Err(Error::InUse);
        }
        let name = CString::new(name).map_err(|_| Error::NoSuchName)?;
        Ok(Place { directory, prefix: prefix.to_vec(), name })
    }

    pub fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// For binding a name here: the path as written, or where that is too long,
    /// through the directory's descriptor.  NameTooLong if the name alone is.
    pub fn address(&self, name: &CStr) -> Result<Address> {
        let written = [&self.prefix, name.to_bytes()].concat();
        if let Ok(address) = UnixAddr::new(written.as_slice()) {
            return Address::plain(Ok(address));
        }
        let directory = self.directory.try_clone();
        let directory =
            directory.map_err(|error| Errno::try_from(error).unwrap_or(Errno::EMFILE))?;
        Address::through(directory, &[b"/", name.to_bytes()].concat())
    }

    /// For connecting to what is at a name here.
    pub fn address_of_existing(&self, name: &CStr) -> Result<Address> {
        match self.address(name) {
            Err(Error::NameTooLong) => {
                let flags = system::OPEN_AS_NAME | OFlag::O_CLOEXEC;
                Address::through(openat(self.directory(), name, flags, Mode::empty())?, b"")
            }
            address => address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_none() {
        for bytes in [&b""[..], b"\0", b"a\0b\0", b"a\0\0"] {
            assert!(matches!(Name::parse(bytes), Err(Error::NoSuchName)), "{bytes:?}");
        }
    }

    #[test]
    fn a_path_may_have_any_other_byte() {
        let path = b"dir/new\nline \xff\0";
        assert!(
            matches!(Name::parse(path), Ok(Name::Path(name)) if name.to_bytes_with_nul() == path)
        );
    }

    #[test]
    #[cfg(linux_kernel)]
    fn an_abstract_name_starts_with_a_nul() {
        assert!(matches!(Name::parse(b"\0ab\0c\0"), Ok(Name::Abstract(b"ab\0c"))));
    }
}
