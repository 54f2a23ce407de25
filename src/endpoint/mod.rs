//! Endpoints: how they are made, and names in the file system for them, to look
//! at and to take over; unix(7).

pub mod name;
pub mod takeover;

use std::time::Duration;

use nix::sys::stat::Mode;

/// How a listening endpoint is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Listening {
    /// Permissions of the node, exactly; by default what the umask leaves.
    pub mode: Option<Mode>,
    /// Connections that wait to be accepted; by default as many as the system allows.
    pub backlog: Option<i32>,
    /// InUse if a server is alive at the name.
    pub exclusive: bool,
    /// Connections note who sends.
    pub note_senders: bool,
}

/// How a connection to one is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Connecting {
    /// How long to wait for room in the listener's queue; by default for ever.
    pub timeout: Option<Duration>,
    pub note_senders: bool,
    pub survives_exec: bool,
}
