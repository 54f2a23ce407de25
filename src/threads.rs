//! Whether other threads may open descriptors while we look at the table.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::OnceLock;

/// Set once, never taken back, and read without order: a thread that matters
/// to a call was started before it.
static EXIST: AtomicBool = AtomicBool::new(false);

/// An interpreter was cloned; perlthrtut(1).
pub fn note() {
    EXIST.store(true, Ordering::Relaxed);
}

pub fn exist() -> bool {
    EXIST.load(Ordering::Relaxed) || single().is_some_and(|flag| flag.load(Ordering::Relaxed) == 0)
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

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn a_thread_that_is_not_of_perl_is_noticed() {
        std::thread::spawn(|| assert!(super::exist())).join().expect("a thread");
    }
}
