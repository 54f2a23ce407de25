//! Solaris.

pub use super::cloexec_later::*;
pub use super::posix::*;
pub use super::ucred::peer_ids;
