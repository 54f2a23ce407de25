//! Passing descriptors over STREAMS: I_SENDFD and I_RECVFD, named streams with
//! unique connections; streamio(4I), connld(4M).
//!
//! The two-byte protocol takes two steps here: the message, and for status 0 a
//! descriptor behind it, which is a message of its own.  A receiver that finds a
//! descriptor that nothing announced takes it as a message of status 0, and
//! whatever message comes in place of an announced descriptor as that message.
//! So nothing is lost, and nothing is waited for, when one side is interrupted
//! between the two steps.
//!
//! Written for [`calls`], whichever implementation that is.

pub mod accept;
pub mod calls;
pub mod connect;
pub mod create;
pub mod pair;
pub mod read;
pub mod receive;
pub mod send;
pub mod write;

pub use accept::Accept;
pub use connect::Connect;
pub use create::{attach, Create};
pub use pair::pair;
pub use read::Read;
pub use receive::Receive;
pub use send::{SendAll, SendDescriptor, SendError};
pub use write::Write;
