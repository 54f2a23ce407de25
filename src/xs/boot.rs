//! What the dynamic loader finds: the bootstrap that XSLoader calls.
#![allow(unsafe_code)]

use std::ffi::c_void;

use super::bindings::fdp_boot;
use super::panic;

/// XSLoader's entry.  Forwards to C, where Perl's version handshake is.
///
/// # Safety
/// Perl calls it, with its interpreter and the bootstrap's own CV.
#[cfg(perl_multiplicity)]
#[no_mangle]
pub unsafe extern "C" fn boot_File__FDpasser(interpreter: *mut c_void, xsub: *mut c_void) {
    panic::hush();
    // SAFETY: passed on as Perl gave them; this frame owns nothing, so that a
    // failing handshake may die through it.
    unsafe { fdp_boot(interpreter, xsub) }
}

/// XSLoader's entry, of a perl with a single interpreter.
///
/// # Safety
/// Perl calls it, with the bootstrap's own CV.
#[cfg(not(perl_multiplicity))]
#[no_mangle]
pub unsafe extern "C" fn boot_File__FDpasser(xsub: *mut c_void) {
    panic::hush();
    // SAFETY: as above.
    unsafe { fdp_boot(std::ptr::null_mut(), xsub) }
}
