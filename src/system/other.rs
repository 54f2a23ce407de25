//! Systems that nobody has described yet.

pub use super::cloexec_later::{accept, after_receive, socket, socketpair, RECEIVE_CLOSE_ON_EXEC};
pub use super::posix::*;
