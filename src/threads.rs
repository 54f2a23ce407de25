//! Whether other threads may open descriptors while we look at the table.

use std::fs;
use std::os::unix::fs::MetadataExt;
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

#[cfg(test)]
mod tests {
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
