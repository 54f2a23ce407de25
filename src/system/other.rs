//! Systems that nobody has described yet.

pub use super::cloexec_later::*;
pub use super::posix::*;
