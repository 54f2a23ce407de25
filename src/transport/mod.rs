//! How bytes and descriptors travel: two transports with the same files, and
//! which of them serves.

mod choice;
pub mod socket;
pub mod stream;

use choice::check_local;
pub use choice::{choose, makes_streams, name, serving, Serving};
pub use socket::control::MOST_DESCRIPTORS;
