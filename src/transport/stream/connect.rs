//! Connecting to a named stream: an open(2) of its name.

pub use super::calls::Opening as Connect;
