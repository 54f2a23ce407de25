//! A panic: a fault of this library, which becomes a Perl exception.
//!
//! Nothing of it is printed; the exception says where it was.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

const SOMEWHERE: &str = "File::FDpasser: internal error, please report it";

thread_local! {
    static NOTED: Cell<Option<String>> = const { Cell::new(None) };
}

/// Keeps Rust from printing its message.  Done when the library is loaded; the
/// hook is of this library's own copy of Rust, and concerns no other.
pub fn hush() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!("{SOMEWHERE} ({}:{})", at.file(), at.line()));
        // While the thread ends there is nothing to note it in.
        let _ = NOTED.try_with(|noted| noted.set(place));
    }));
}

/// Runs it; None if it panics.
pub fn caught<T>(code: impl FnOnce() -> T) -> Option<T> {
    // What was borrowed is not used again but to free it.
    panic::catch_unwind(AssertUnwindSafe(code)).map_err(forget).ok()
}

/// A payload's destructor may panic in turn.
fn forget(payload: Box<dyn Any + Send>) {
    std::mem::forget(payload);
}

/// What the exception says.  It lives for ever, as it must outlive this frame
/// and every other; a program that comes here twice is rare.
pub fn text() -> &'static [u8] {
    let noted = NOTED.try_with(Cell::take).ok().flatten();
    noted.map_or(SOMEWHERE.as_bytes(), |text| String::leak(text).as_bytes())
}
