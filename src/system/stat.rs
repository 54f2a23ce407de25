//! What a file is; stat(2).  Numbers of inodes and devices, sizes and times are of
//! 64 bits, whatever the C library's are.

use std::os::fd::{AsFd, BorrowedFd};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{Mode, SFlag};
use nix::NixPath;

#[cfg(has_narrow_stat)]
use super::statx as call;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    pub kind: SFlag,
    pub permissions: Mode,
    pub owner: libc::uid_t,
    pub size: u64,
    pub device: u64,
    pub inode: u64,
}

/// fstat(2).
pub fn fstat(descriptor: impl AsFd) -> nix::Result<Stat> {
    call::of(descriptor.as_fd())
}

/// stat(2).
pub fn stat<P: ?Sized + NixPath>(path: &P) -> nix::Result<Stat> {
    call::at(AT_FDCWD, path, true)
}

/// lstat(2).
pub fn lstat<P: ?Sized + NixPath>(path: &P) -> nix::Result<Stat> {
    call::at(AT_FDCWD, path, false)
}

/// fstatat(2) of the name itself, also if it is a symbolic link.
pub fn lstat_in<P: ?Sized + NixPath>(directory: BorrowedFd<'_>, name: &P) -> nix::Result<Stat> {
    call::at(directory, name, false)
}

#[cfg(not(has_narrow_stat))]
mod call {
    use std::os::fd::BorrowedFd;

    use nix::fcntl::AtFlags;
    use nix::sys::stat::{fstat, fstatat, FileStat, Mode, SFlag};
    use nix::NixPath;

    use super::Stat;

    pub fn of(descriptor: BorrowedFd<'_>) -> nix::Result<Stat> {
        fstat(descriptor).map(Stat::from)
    }

    pub fn at<P: ?Sized + NixPath>(
        directory: BorrowedFd<'_>,
        path: &P,
        follow: bool,
    ) -> nix::Result<Stat> {
        let flags = if follow { AtFlags::empty() } else { AtFlags::AT_SYMLINK_NOFOLLOW };
        fstatat(directory, path, flags).map(Stat::from)
    }

    #[allow(clippy::unnecessary_cast)] // Their types differ between systems.
    impl From<FileStat> for Stat {
        fn from(told: FileStat) -> Self {
            Stat {
                kind: SFlag::from_bits_truncate(told.st_mode as libc::mode_t),
                permissions: Mode::from_bits_truncate(told.st_mode as libc::mode_t),
                owner: told.st_uid,
                size: told.st_size as u64,
                device: told.st_dev as u64,
                inode: told.st_ino as u64,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::{symlink, MetadataExt};

    use nix::errno::Errno;

    use super::*;

    #[test]
    fn a_file_its_link_and_neither() {
        let name = std::env::temp_dir().join(format!("fdpasser-{}-stat", std::process::id()));
        let link = name.with_extension("link");
        fs::write(&name, "12345").unwrap();
        symlink(&name, &link).unwrap();
        let file = File::open(&name).unwrap();
        let known = file.metadata().unwrap();
        let told = fstat(&file).unwrap();
        assert_eq!((told.kind, told.size), (SFlag::S_IFREG, 5));
        assert_eq!((told.inode, told.device), (known.ino(), known.dev()));
        assert_eq!((told.owner, told.permissions.bits()), (known.uid(), known.mode() & 0o7777));
        assert_eq!(stat(&link), Ok(told));
        assert_eq!(lstat(&link).map(|told| told.kind), Ok(SFlag::S_IFLNK));
        let directory = File::open(std::env::temp_dir()).unwrap();
        let relative = name.file_name().unwrap();
        assert_eq!(lstat_in(directory.as_fd(), relative), Ok(told));
        fs::remove_file(&name).unwrap();
        assert_eq!(stat(&link), Err(Errno::ENOENT));
        fs::remove_file(&link).unwrap();
    }
}
