//! A call's arguments as C read them.
#![allow(unsafe_code)]

use std::os::fd::{BorrowedFd, RawFd};
use std::slice;

use super::bindings::{
    fdp_argument, fdp_call, fdp_option, FDP_CONNECTION, FDP_GOOD, FDP_PLAIN, FDP_POSITIONAL,
    FDP_RECEIVER,
};
use crate::descriptor;
use crate::error::{Error, Result};

/// The arguments of a call that has not begun.
pub struct Arguments<'a>(pub &'a fdp_call);

impl<'a> Arguments<'a> {
    fn good(&self, index: usize) -> Option<&'a fdp_argument> {
        debug_assert!(index < FDP_POSITIONAL as usize);
        self.0.argument.get(index).filter(|argument| u32::from(argument.state) == FDP_GOOD)
    }

    pub fn is_given(&self, index: usize) -> bool {
        self.good(index).is_some()
    }

    /// Is the first a connection that is received from?
    pub fn is_received_from(&self) -> bool {
        self.first_kind() == FDP_RECEIVER
    }

    /// The first, if it is a connection or a listener.
    pub fn endpoint(&self) -> Option<BorrowedFd<'static>> {
        let is_endpoint = matches!(self.first_kind(), FDP_CONNECTION | FDP_RECEIVER | FDP_PLAIN);
        self.descriptor(0).ok().filter(|_| is_endpoint)
    }

    fn first_kind(&self) -> u8 {
        // SAFETY: the trampoline found `sub` in the table, where `arguments` is
        // a string literal.
        unsafe { *(*self.0.sub).arguments as u8 }
    }

    pub fn descriptor(&self, index: usize) -> Result<BorrowedFd<'static>> {
        descriptor::borrow(self.integer(index).ok_or(Error::NotADescriptor)?)
    }

    pub fn integer(&self, index: usize) -> Option<i64> {
        self.good(index).map(|argument| argument.number)
    }

    /// A path and the NUL byte behind it; NoSuchName if there is none.
    pub fn terminated(&self, index: usize) -> Result<&'a [u8]> {
        let path = self.good(index).ok_or(Error::NoSuchName)?;
        // SAFETY: C says that `bytes` is a string of Perl's, which has a NUL
        // byte behind its `length` bytes, alive and unchanged during the call.
        Ok(unsafe { slice::from_raw_parts(path.bytes, path.length + 1) })
    }

    /// A string; empty if it is not given.
    pub fn bytes(&self, index: usize) -> &'static [u8] {
        let Some(string) = self.good(index) else {
            return &[];
        };
        // SAFETY: C says that `bytes` has so many, alive and unchanged during
        // the call; an operation that keeps them ends before.
        unsafe { slice::from_raw_parts(string.bytes, string.length) }
    }

    /// The descriptors of `@fh`.
    pub fn handles(&self) -> &'static [RawFd] {
        if self.0.handles.is_null() {
            return &[];
        }
        // SAFETY: as for `bytes`.
        unsafe { slice::from_raw_parts(self.0.handles, self.0.handles_length) }
    }

    pub fn options(&self) -> &'a [fdp_option] {
        if self.0.options.is_null() {
            return &[];
        }
        // SAFETY: C says that there are so many, alive during the call.
        unsafe { slice::from_raw_parts(self.0.options, self.0.options_length) }
    }
}

impl fdp_option {
    pub fn name(&self) -> &[u8] {
        // SAFETY: C says that `name` has so many bytes, alive during the call.
        unsafe { slice::from_raw_parts(self.name, self.name_length) }
    }

    /// The value as a string; empty if it is undefined.
    pub fn text(&self) -> &[u8] {
        if self.text.is_null() {
            return &[];
        }
        // SAFETY: as for `name`.
        unsafe { slice::from_raw_parts(self.text, self.text_length) }
    }
}
