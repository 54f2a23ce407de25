//! Files in memory, sealed; memfd_create(2), F_ADD_SEALS of fcntl(2).

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::fcntl::{fcntl, FcntlArg, SealFlag};
use nix::sys::memfd::{memfd_create, MFdFlags};

/// Linux 6.3: nor is it a program, which some systems insist on being told.
const MFD_NOEXEC_SEAL: MFdFlags = MFdFlags::from_bits_retain(8);

/// A file with these bytes, at its start and close-on-exec, that nobody can
/// change any more.  The name is for people who look at what is open; EINVAL
/// for more than 249 bytes of it.  EOPNOTSUPP before Linux 3.17.
pub fn memory_file(name: &CStr, bytes: &[u8]) -> nix::Result<OwnedFd> {
    let file = File::from(create(name)?);
    // Leaves the offset where it is.
    file.write_all_at(bytes, 0).map_err(|error| Errno::try_from(error).unwrap_or(Errno::EIO))?;
    let against_all = SealFlag::F_SEAL_SHRINK
        | SealFlag::F_SEAL_GROW
        | SealFlag::F_SEAL_WRITE
        | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(against_all))?;
    Ok(file.into())
}

fn create(name: &CStr) -> nix::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    match memfd_create(name, flags | MFD_NOEXEC_SEAL) {
        // Also of a name that is too long.
        Err(Errno::EINVAL) => memfd_create(name, flags),
        Err(Errno::ENOSYS) => Err(Errno::EOPNOTSUPP),
        created => created,
    }
}
