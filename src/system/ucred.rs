//! The peer's credentials on Solaris and illumos; getpeerucred(3C).
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

use crate::identity::{Ids, IdsOf};

/// Owned; ucred_free(3C).
struct Credentials(*mut libc::ucred_t);

impl Drop for Credentials {
    fn drop(&mut self) {
        // SAFETY: getpeerucred made it for us, and nobody else frees it.
        unsafe { libc::ucred_free(self.0) };
    }
}

/// Effective ids at the time of connect.
pub fn peer_ids(connection: BorrowedFd<'_>) -> nix::Result<Ids> {
    let mut credentials = std::ptr::null_mut();
    // SAFETY: the call makes credentials if the pointer is null.
    Errno::result(unsafe { libc::getpeerucred(connection.as_raw_fd(), &mut credentials) })?;
    let credentials = Credentials(credentials);
    // SAFETY: the credentials are there, by the call's success.
    let (pid, uid, gid) = unsafe {
        (
            libc::ucred_getpid(credentials.0),
            libc::ucred_geteuid(credentials.0),
            libc::ucred_getegid(credentials.0),
        )
    };
    Ok(Ids {
        pid: known(i64::from(pid), -1),
        uid: known(i64::from(uid), i64::from(libc::uid_t::MAX)),
        gid: known(i64::from(gid), i64::from(libc::gid_t::MAX)),
        of: IdsOf::Connection,
    })
}

/// -1 of each type says that the system can't tell.
fn known(id: i64, unknown: i64) -> Option<i64> {
    (id != unknown).then_some(id)
}
