//! Holding SIGPIPE back from a write whose failure nobody should die of.

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

use crate::system;

/// SIGPIPE is blocked in this thread until this is dropped; one that was
/// raised meanwhile is forgotten.  pthread_sigmask(3)
pub struct Held {
    before: SigSet,
}

fn sigpipe() -> SigSet {
    let mut sigpipe = SigSet::empty();
    sigpipe.add(Signal::SIGPIPE);
    sigpipe
}

impl Held {
    /// None where there is nothing to do: it is blocked already.
    pub fn hold() -> Option<Self> {
        let before = sigpipe().thread_swap_mask(SigmaskHow::SIG_BLOCK).ok()?;
        (!before.contains(Signal::SIGPIPE)).then(|| Held { before })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        system::take_pending(&sigpipe());
        let _ = self.before.thread_set_mask();
    }
}

#[cfg(test)]
#[allow(unsafe_code)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use nix::sys::signal::{signal, SigHandler};
    use nix::unistd::{pipe, write};

    use super::*;

    static RAISED: AtomicU32 = AtomicU32::new(0);

    extern "C" fn count(_: i32) {
        RAISED.fetch_add(1, Ordering::SeqCst);
    }

    #[test]
    fn a_write_to_nobody_fails_and_raises_nothing() {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        // SAFETY: the handler does nothing but count.
        let before = unsafe { signal(Signal::SIGPIPE, SigHandler::Handler(count)) };
        let held = Held::hold();
        assert_eq!(write(&writer, b"x"), Err(nix::errno::Errno::EPIPE));
        drop(held);
        assert_eq!(RAISED.load(Ordering::SeqCst), 0);
        // Nothing is pending, so this must not wait.
        drop(Held::hold());
        // SAFETY: as it was.
        let _ = unsafe { signal(Signal::SIGPIPE, before.expect("a handler")) };
    }
}
