//! Holding SIGPIPE back from a write whose failure nobody should die of.

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

/// SIGPIPE is blocked in this thread until this is dropped; one that was
/// raised meanwhile is forgotten.  pthread_sigmask(3), sigpending(2).
pub struct Held {
    before: SigSet,
}

impl Held {
    /// None where there is nothing to do: it is blocked already.
    pub fn hold() -> Option<Self> {
        let mut sigpipe = SigSet::empty();
        sigpipe.add(Signal::SIGPIPE);
        let before = sigpipe.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok()?;
        (!before.contains(Signal::SIGPIPE)).then_some(Held { before })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if pending().contains(Signal::SIGPIPE) {
            let mut sigpipe = SigSet::empty();
            sigpipe.add(Signal::SIGPIPE);
            // It is pending, so this takes it and does not wait.
            let _ = sigpipe.wait();
        }
        let _ = self.before.thread_set_mask();
    }
}

#[allow(unsafe_code)]
fn pending() -> SigSet {
    // SAFETY: sigpending fills the set that it is given, and a set that was
    // filled by it, or by sigemptyset before, is one that SigSet may hold.
    unsafe {
        let mut set = *SigSet::empty().as_ref();
        libc::sigpending(&mut set);
        SigSet::from_sigset_t_unchecked(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::unistd::{pipe, write};

    #[test]
    fn a_write_to_nobody_fails_and_nothing_stays_pending() {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let held = Held::hold();
        assert_eq!(write(&writer, b"x"), Err(nix::errno::Errno::EPIPE));
        drop(held);
        assert!(!pending().contains(Signal::SIGPIPE));
    }
}
