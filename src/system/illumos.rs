//! illumos.

use nix::poll::PollFlags;

pub use super::cloexec_at_once::*;
pub use super::flock::try_lock;
pub use super::posix::*;
pub use super::ucred::peer_ids;

/// What poll(2) says of a peer that has closed, or shut down its side.
pub const HUNG_UP: PollFlags = PollFlags::from_bits_retain(libc::POLLRDHUP);
