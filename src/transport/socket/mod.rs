//! Passing descriptors over AF_UNIX sockets, with SCM_RIGHTS; unix(7).

pub mod accept;
pub mod connect;
pub mod control;
pub mod create;
pub mod pair;
pub mod read;
pub mod receive;
pub mod send;
pub mod take;
pub mod write;

pub use accept::Accept;
pub use connect::Connect;
pub use create::Create;
pub use pair::pair;
pub use read::Read;
pub use receive::Receive;
pub use send::{SendAll, SendDescriptor, SendError};
pub use write::{keeps_boundaries, Write};
