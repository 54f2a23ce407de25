//! What the libc crate does not declare; sys/stropts.h of 64-bit illumos and
//! Solaris.
#![allow(non_camel_case_types)]

use std::mem::size_of;

use libc::{c_char, c_int};

/// getmsg(2).
#[repr(C)]
pub struct strbuf {
    pub maxlen: c_int,
    pub len: c_int,
    pub buf: *mut c_char,
}

/// I_RECVFD, streamio(4I).
#[repr(C)]
pub struct strrecvfd {
    pub fd: c_int,
    pub uid: libc::uid_t,
    pub gid: libc::gid_t,
    pub fill: [c_char; 8],
}

const _: () = assert!(size_of::<strbuf>() == 16);
const _: () = assert!(size_of::<strrecvfd>() == 20);
const _: () = assert!(libc::I_PUSH == 0x5302 && libc::I_SRDOPT == 0x5306);
const _: () = assert!(libc::I_RECVFD == 0x530E);
const _: () = assert!(libc::I_SENDFD == 0x5311 && libc::I_CANPUT == 0x5322);

/// I_SRDOPT: read(2) takes bytes, whatever messages they came in.
pub const RNORM: c_int = 0;

extern "C" {
    pub fn getmsg(
        fildes: c_int,
        control: *mut strbuf,
        data: *mut strbuf,
        flags: *mut c_int,
    ) -> c_int;
    pub fn fattach(fildes: c_int, path: *const c_char) -> c_int;
    pub fn fdetach(path: *const c_char) -> c_int;
}
