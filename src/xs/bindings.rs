//! What src/xs/shim.h declares, for Rust. Made by `make bindings`; do not edit.
#![allow(dead_code, non_camel_case_types, missing_docs)]

pub const FDP_CONNECTION: u8 = 99u8;
pub const FDP_RECEIVER: u8 = 114u8;
pub const FDP_HANDLE: u8 = 104u8;
pub const FDP_PLAIN: u8 = 100u8;
pub const FDP_STATUS: u8 = 110u8;
pub const FDP_INTEGER: u8 = 105u8;
pub const FDP_PATH: u8 = 112u8;
pub const FDP_BYTES: u8 = 98u8;
pub const FDP_STORE: u8 = 111u8;
pub const FDP_LIST: u8 = 108u8;
pub const FDP_HANDLES: u8 = 64u8;
pub const FDP_OPTIONS: u8 = 37u8;
pub const FDP_POSITIONAL: u32 = 4;
pub const FDP_REFUSE: u32 = 0;
pub const FDP_DIE_AS_0_09: u32 = 1;
pub const FDP_DIE: u32 = 2;
pub const FDP_AS_NUMBER: u32 = 0;
pub const FDP_AS_HANDLE: u32 = 1;
pub const FDP_AS_ENDPOINT: u32 = 2;
pub const FDP_AS_LISTENER: u32 = 3;
pub const FDP_AS_SPARE: u32 = 4;
pub const FDP_LIST_NOTHING: u32 = 0;
pub const FDP_LIST_RECEIVED: u32 = 1;
pub const FDP_LIST_READ: u32 = 2;
pub const FDP_LIST_SENT: u32 = 3;
pub const FDP_LIST_WRITTEN: u32 = 4;
pub const FDP_LIST_ALL_SENT: u32 = 5;
pub const FDP_STORE_NOTHING: u32 = 0;
pub const FDP_STORE_UID: u32 = 1;
pub const FDP_STORE_SENDER: u32 = 2;
pub const FDP_MISTAKE_NONE: u32 = 0;
pub const FDP_MISTAKE_LISTENER: u32 = 1;
pub const FDP_MISTAKE_NO_SERVER: u32 = 2;
pub const FDP_MISTAKE_NO_SOCKET: u32 = 3;
pub const FDP_MISTAKE_NOT_LOCAL: u32 = 4;
pub const FDP_ABSENT: u32 = 0;
pub const FDP_GOOD: u32 = 1;
pub const FDP_BAD: u32 = 2;
pub const FDP_READ: u32 = 0;
pub const FDP_WRITE: u32 = 1;
pub const FDP_APPEND: u32 = 2;
pub const FDP_READ_WRITE: u32 = 3;
pub const FDP_READ_APPEND: u32 = 4;
pub const FDP_ONE_BUFFER: u32 = 0;
pub const FDP_TWO_BUFFERS: u32 = 1;
pub const FDP_SOCKET: u32 = 2;
pub const FDP_ASK_BUFFERS: u32 = 3;
pub const FDP_ANSWER: u32 = 0;
pub const FDP_WAIT: u32 = 1;
pub const FDP_LIMIT: u32 = 2;
pub const FDP_TEXT: u32 = 3;
pub const FDP_CROAK: u32 = 4;
pub const FDP_INVALID: u32 = 5;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct fdp_sub {
    pub name: *const ::std::os::raw::c_char,
    pub prototype: *const ::std::os::raw::c_char,
    pub usage: *const ::std::os::raw::c_char,
    pub arguments: *const ::std::os::raw::c_char,
    pub index: u32,
    pub if_bad: u8,
    pub as_: u8,
    pub stores: u8,
    pub is_list: u8,
    pub list: u8,
    pub quiet: u8,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of fdp_sub"][::std::mem::size_of::<fdp_sub>() - 48usize];
    ["Alignment of fdp_sub"][::std::mem::align_of::<fdp_sub>() - 8usize];
    ["Offset of field: fdp_sub::name"][::std::mem::offset_of!(fdp_sub, name) - 0usize];
    ["Offset of field: fdp_sub::prototype"][::std::mem::offset_of!(fdp_sub, prototype) - 8usize];
    ["Offset of field: fdp_sub::usage"][::std::mem::offset_of!(fdp_sub, usage) - 16usize];
    ["Offset of field: fdp_sub::arguments"][::std::mem::offset_of!(fdp_sub, arguments) - 24usize];
    ["Offset of field: fdp_sub::index"][::std::mem::offset_of!(fdp_sub, index) - 32usize];
    ["Offset of field: fdp_sub::if_bad"][::std::mem::offset_of!(fdp_sub, if_bad) - 36usize];
    ["Offset of field: fdp_sub::as_"][::std::mem::offset_of!(fdp_sub, as_) - 37usize];
    ["Offset of field: fdp_sub::stores"][::std::mem::offset_of!(fdp_sub, stores) - 38usize];
    ["Offset of field: fdp_sub::is_list"][::std::mem::offset_of!(fdp_sub, is_list) - 39usize];
    ["Offset of field: fdp_sub::list"][::std::mem::offset_of!(fdp_sub, list) - 40usize];
    ["Offset of field: fdp_sub::quiet"][::std::mem::offset_of!(fdp_sub, quiet) - 41usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct fdp_argument {
    pub number: i64,
    pub bytes: *const u8,
    pub length: usize,
    pub state: u8,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of fdp_argument"][::std::mem::size_of::<fdp_argument>() - 32usize];
    ["Alignment of fdp_argument"][::std::mem::align_of::<fdp_argument>() - 8usize];
    ["Offset of field: fdp_argument::number"]
        [::std::mem::offset_of!(fdp_argument, number) - 0usize];
    ["Offset of field: fdp_argument::bytes"][::std::mem::offset_of!(fdp_argument, bytes) - 8usize];
    ["Offset of field: fdp_argument::length"]
        [::std::mem::offset_of!(fdp_argument, length) - 16usize];
    ["Offset of field: fdp_argument::state"][::std::mem::offset_of!(fdp_argument, state) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct fdp_option {
    pub name: *const u8,
    pub name_length: usize,
    pub text: *const u8,
    pub text_length: usize,
    pub number: f64,
    pub truth: u8,
    pub defined: u8,
    pub has_value: u8,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of fdp_option"][::std::mem::size_of::<fdp_option>() - 48usize];
    ["Alignment of fdp_option"][::std::mem::align_of::<fdp_option>() - 8usize];
    ["Offset of field: fdp_option::name"][::std::mem::offset_of!(fdp_option, name) - 0usize];
    ["Offset of field: fdp_option::name_length"]
        [::std::mem::offset_of!(fdp_option, name_length) - 8usize];
    ["Offset of field: fdp_option::text"][::std::mem::offset_of!(fdp_option, text) - 16usize];
    ["Offset of field: fdp_option::text_length"]
        [::std::mem::offset_of!(fdp_option, text_length) - 24usize];
    ["Offset of field: fdp_option::number"][::std::mem::offset_of!(fdp_option, number) - 32usize];
    ["Offset of field: fdp_option::truth"][::std::mem::offset_of!(fdp_option, truth) - 40usize];
    ["Offset of field: fdp_option::defined"][::std::mem::offset_of!(fdp_option, defined) - 41usize];
    ["Offset of field: fdp_option::has_value"]
        [::std::mem::offset_of!(fdp_option, has_value) - 42usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct fdp_received {
    pub number: i32,
    pub mode: u8,
    pub buffers: u8,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of fdp_received"][::std::mem::size_of::<fdp_received>() - 8usize];
    ["Alignment of fdp_received"][::std::mem::align_of::<fdp_received>() - 4usize];
    ["Offset of field: fdp_received::number"]
        [::std::mem::offset_of!(fdp_received, number) - 0usize];
    ["Offset of field: fdp_received::mode"][::std::mem::offset_of!(fdp_received, mode) - 4usize];
    ["Offset of field: fdp_received::buffers"]
        [::std::mem::offset_of!(fdp_received, buffers) - 5usize];
};
pub const FDP_UNKNOWN: i64 = -9223372036854775808;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct fdp_ids {
    pub pid: i64,
    pub uid: i64,
    pub gid: i64,
    pub are_given: u8,
    pub of_message: u8,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of fdp_ids"][::std::mem::size_of::<fdp_ids>() - 32usize];
    ["Alignment of fdp_ids"][::std::mem::align_of::<fdp_ids>() - 8usize];
    ["Offset of field: fdp_ids::pid"][::std::mem::offset_of!(fdp_ids, pid) - 0usize];
    ["Offset of field: fdp_ids::uid"][::std::mem::offset_of!(fdp_ids, uid) - 8usize];
    ["Offset of field: fdp_ids::gid"][::std::mem::offset_of!(fdp_ids, gid) - 16usize];
    ["Offset of field: fdp_ids::are_given"][::std::mem::offset_of!(fdp_ids, are_given) - 24usize];
    ["Offset of field: fdp_ids::of_message"][::std::mem::offset_of!(fdp_ids, of_message) - 25usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct fdp_answer {
    pub error: i32,
    pub has_bytes: u8,
    pub owns_bytes: u8,
    pub numbers: u8,
    pub bytes: *const u8,
    pub length: usize,
    pub number: [i64; 3usize],
    pub only: fdp_received,
    pub many: *mut fdp_received,
    pub received: usize,
    pub list: *const u32,
    pub list_length: usize,
    pub is_list: u8,
    pub surplus: usize,
    pub mistake: u8,
    pub ids: fdp_ids,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of fdp_answer"][::std::mem::size_of::<fdp_answer>() - 144usize];
    ["Alignment of fdp_answer"][::std::mem::align_of::<fdp_answer>() - 8usize];
    ["Offset of field: fdp_answer::error"][::std::mem::offset_of!(fdp_answer, error) - 0usize];
    ["Offset of field: fdp_answer::has_bytes"]
        [::std::mem::offset_of!(fdp_answer, has_bytes) - 4usize];
    ["Offset of field: fdp_answer::owns_bytes"]
        [::std::mem::offset_of!(fdp_answer, owns_bytes) - 5usize];
    ["Offset of field: fdp_answer::numbers"][::std::mem::offset_of!(fdp_answer, numbers) - 6usize];
    ["Offset of field: fdp_answer::bytes"][::std::mem::offset_of!(fdp_answer, bytes) - 8usize];
    ["Offset of field: fdp_answer::length"][::std::mem::offset_of!(fdp_answer, length) - 16usize];
    ["Offset of field: fdp_answer::number"][::std::mem::offset_of!(fdp_answer, number) - 24usize];
    ["Offset of field: fdp_answer::only"][::std::mem::offset_of!(fdp_answer, only) - 48usize];
    ["Offset of field: fdp_answer::many"][::std::mem::offset_of!(fdp_answer, many) - 56usize];
    ["Offset of field: fdp_answer::received"]
        [::std::mem::offset_of!(fdp_answer, received) - 64usize];
    ["Offset of field: fdp_answer::list"][::std::mem::offset_of!(fdp_answer, list) - 72usize];
    ["Offset of field: fdp_answer::list_length"]
        [::std::mem::offset_of!(fdp_answer, list_length) - 80usize];
    ["Offset of field: fdp_answer::is_list"][::std::mem::offset_of!(fdp_answer, is_list) - 88usize];
    ["Offset of field: fdp_answer::surplus"][::std::mem::offset_of!(fdp_answer, surplus) - 96usize];
    ["Offset of field: fdp_answer::mistake"]
        [::std::mem::offset_of!(fdp_answer, mistake) - 104usize];
    ["Offset of field: fdp_answer::ids"][::std::mem::offset_of!(fdp_answer, ids) - 112usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct fdp_call {
    pub sub: *const fdp_sub,
    pub argument: [fdp_argument; 4usize],
    pub handles: *const i32,
    pub handles_length: usize,
    pub options: *const fdp_option,
    pub options_length: usize,
    pub max_text: u64,
    pub signal_pending: *const ::std::os::raw::c_int,
    pub max_system_fd: i32,
    pub flush_error: i32,
    pub operation: *mut ::std::os::raw::c_void,
    pub sigpipe: *mut ::std::os::raw::c_void,
    pub answer: fdp_answer,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of fdp_call"][::std::mem::size_of::<fdp_call>() - 352usize];
    ["Alignment of fdp_call"][::std::mem::align_of::<fdp_call>() - 8usize];
    ["Offset of field: fdp_call::sub"][::std::mem::offset_of!(fdp_call, sub) - 0usize];
    ["Offset of field: fdp_call::argument"][::std::mem::offset_of!(fdp_call, argument) - 8usize];
    ["Offset of field: fdp_call::handles"][::std::mem::offset_of!(fdp_call, handles) - 136usize];
    ["Offset of field: fdp_call::handles_length"]
        [::std::mem::offset_of!(fdp_call, handles_length) - 144usize];
    ["Offset of field: fdp_call::options"][::std::mem::offset_of!(fdp_call, options) - 152usize];
    ["Offset of field: fdp_call::options_length"]
        [::std::mem::offset_of!(fdp_call, options_length) - 160usize];
    ["Offset of field: fdp_call::max_text"][::std::mem::offset_of!(fdp_call, max_text) - 168usize];
    ["Offset of field: fdp_call::signal_pending"]
        [::std::mem::offset_of!(fdp_call, signal_pending) - 176usize];
    ["Offset of field: fdp_call::max_system_fd"]
        [::std::mem::offset_of!(fdp_call, max_system_fd) - 184usize];
    ["Offset of field: fdp_call::flush_error"]
        [::std::mem::offset_of!(fdp_call, flush_error) - 188usize];
    ["Offset of field: fdp_call::operation"]
        [::std::mem::offset_of!(fdp_call, operation) - 192usize];
    ["Offset of field: fdp_call::sigpipe"][::std::mem::offset_of!(fdp_call, sigpipe) - 200usize];
    ["Offset of field: fdp_call::answer"][::std::mem::offset_of!(fdp_call, answer) - 208usize];
};
extern "C" {
    pub fn fdp_choose_transport(tainting: u8);
}
extern "C" {
    pub fn fdp_enter(call: *mut fdp_call) -> u32;
}
extern "C" {
    pub fn fdp_wait(call: *mut fdp_call);
}
extern "C" {
    pub fn fdp_abandon(call: *mut fdp_call);
}
extern "C" {
    pub fn fdp_buffers(descriptor: i32) -> u8;
}
extern "C" {
    pub fn fdp_await_room(call: *mut fdp_call, descriptor: i32) -> i32;
}
extern "C" {
    pub fn fdp_offset(descriptor: i32) -> i64;
}
extern "C" {
    pub fn fdp_hold_sigpipe(call: *mut fdp_call);
}
extern "C" {
    pub fn fdp_release_sigpipe(call: *mut fdp_call);
}
extern "C" {
    pub fn fdp_escape_text(call: *mut fdp_call, descriptor: i32);
}
extern "C" {
    pub fn fdp_table(row: usize) -> *const fdp_sub;
}
extern "C" {
    pub fn fdp_boot(interpreter: *mut ::std::os::raw::c_void, xsub: *mut ::std::os::raw::c_void);
}
