//! How bytes and descriptors travel.

pub mod ancillary;
pub mod choice;
pub mod read;
pub mod receive;
pub mod room;
pub mod send;
pub mod sysv_stream;
