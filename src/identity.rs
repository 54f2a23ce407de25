//! Who somebody is, as far as the system tells.

use std::os::fd::BorrowedFd;

use crate::system;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    pub pid: Option<i64>,
    pub uid: Option<i64>,
    pub gid: Option<i64>,
    pub of: IdsOf,
}

/// The system cannot tell.
impl Default for Ids {
    fn default() -> Self {
        Ids { pid: None, uid: None, gid: None, of: IdsOf::Connection }
    }
}

/// Whose ids they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdsOf {
    /// Of the process that sent this message.
    Message,
    /// Of the process at the other end when the connection was made.
    Connection,
}

/// If it is asked for: the sender, where the kernel noted that; else who is at
/// the other end, if it can tell.
#[inline(always)]
pub fn sender_or_peer(
    asked_for: bool,
    sender: Option<Box<Ids>>,
    connection: BorrowedFd<'_>,
) -> Option<Box<Ids>> {
    let peer = || system::peer_ids(connection).ok().map(Box::new);
    asked_for.then(|| sender.or_else(peer).unwrap_or_default())
}
