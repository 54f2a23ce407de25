//! Passing descriptors over STREAMS: I_SENDFD and I_RECVFD, named streams with
//! unique connections; streamio(4I), connld(4M).
//!
//! The two-byte protocol takes two steps here: the message, and for status 0 a
//! descriptor behind it, which is a message of its own.  A receiver that finds a
//! descriptor that nothing announced takes it as a message of status 0, and a
//! second announcement as the first said again.  So nothing is lost when a
//! signal comes between the two steps, on either side.
//!
//! Written for [`crate::streams`], whichever implementation that is.

mod accept;
mod endpoint;
mod read;
mod receive;
mod send;

pub use accept::Accept;
pub use endpoint::{attach, create, pipe};
pub use read::Read;
pub use receive::Receive;
pub use send::Send;

pub use crate::streams::Opening as Connect;
