//! Whether other threads may open descriptors while we look at the table.

use std::sync::atomic::{AtomicBool, Ordering};

/// Set once, never taken back, and read without order: a thread that matters
/// to a call was started before it.
static EXIST: AtomicBool = AtomicBool::new(false);

/// An interpreter was cloned; perlthrtut(1).
pub fn note() {
    EXIST.store(true, Ordering::Relaxed);
}

pub fn exist() -> bool {
    EXIST.load(Ordering::Relaxed)
}
