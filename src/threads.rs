//! Whether other threads may open descriptors while we look at the table, and
//! which of them looks at what is queued.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

/// Set once, never taken back, and read without order: a thread that matters
/// to a call was started before it.
static EXIST: AtomicBool = AtomicBool::new(false);

/// An interpreter was cloned; perlthrtut(1).
pub fn note() {
    EXIST.store(true, Ordering::Relaxed);
}

pub fn exist() -> bool {
    EXIST.load(Ordering::Relaxed)
        || match single() {
            Some(flag) => flag.load(Ordering::Relaxed) == 0,
            None => existed_at_first(),
        }
}

/// Where the C library does not tell, as GNU's before 2.32: whether there were
/// others at the first call.  Later ones are noted if they are Perl's.
fn existed_at_first() -> bool {
    static EXISTED: OnceLock<bool> = OnceLock::new();
    *EXISTED.get_or_init(|| has_others().unwrap_or(false))
}

/// The system's directory of our threads has a link for each, besides its own
/// two.  Needs no descriptor.  None where there is no such directory.
fn has_others() -> Option<bool> {
    Some(fs::metadata("/proc/self/task").ok()?.nlink() > 3)
}

/// What the C library knows, as GNU's does: also of threads that are not Perl's,
/// or that were there before this module.  0 unless there is one thread.
#[allow(unsafe_code)]
fn single() -> Option<&'static AtomicU8> {
    static SINGLE: OnceLock<Option<&'static AtomicU8>> = OnceLock::new();
    *SINGLE.get_or_init(|| {
        // SAFETY: the name is a string.
        let flag = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()) };
        // SAFETY: null, or a char that stays where it is and that the C library
        // writes only while this thread is in a call to it.
        unsafe { flag.cast::<AtomicU8>().as_ref() }
    })
}

/// The process of which a thread has its turn, or 0.
static TURN: AtomicI32 = AtomicI32::new(0);

/// A turn is mostly over after so many attempts to get it; then there are pauses.
const SHORT_TURN: u32 = 16;
const PAUSE: Duration = Duration::from_micros(50);

/// After so many, about a second, it is taken.  A holder is in system calls that do
/// not wait; but a signal handler that perl runs in the middle of those may leave,
/// or call us.
const LONGEST_TURN: u32 = 10_000;

/// A thread's turn to look at a queue and to take what it has seen there.  Nothing
/// may be closed in it: that can take long, and the others wait.
pub struct Turn(());

/// One at a time, of a process that has several.
pub fn turn() -> Option<Turn> {
    exist().then(await_turn)
}

fn await_turn() -> Turn {
    let this = std::process::id() as i32;
    for attempt in 0..LONGEST_TURN {
        match TURN.compare_exchange(0, this, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => break,
            // Held when the parent forked, by a thread that is not here.
            Err(holder) if holder != this => {
                let _ = TURN.compare_exchange(holder, 0, Ordering::Relaxed, Ordering::Relaxed);
            }
            Err(_) if attempt < SHORT_TURN => thread::yield_now(),
            Err(_) => thread::sleep(PAUSE),
        }
    }
    Turn(())
}

impl Drop for Turn {
    fn drop(&mut self) {
        TURN.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_a_forked_parent_or_a_handler_has_kept_is_taken() {
        for holder in [1, std::process::id() as i32] {
            TURN.store(holder, Ordering::Relaxed);
            drop(await_turn());
        }
        assert_eq!(TURN.load(Ordering::Relaxed), 0);
    }

    #[test]
    #[cfg(all(linux_kernel, target_env = "gnu"))]
    fn a_thread_that_is_not_of_perl_is_noticed() {
        std::thread::spawn(|| assert!(super::exist())).join().expect("a thread");
    }

    #[test]
    #[cfg(linux_kernel)]
    fn a_thread_has_a_link_in_proc() {
        std::thread::spawn(|| assert_eq!(super::has_others(), Some(true)))
            .join()
            .expect("a thread");
    }
}
