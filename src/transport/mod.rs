//! How bytes and descriptors travel.

pub mod ancillary;
pub mod receive;
pub mod send;
