//! The table of XSUBs: a row for each.
//!
//! To add one: a row, a function in [`super::subs`] that begins it, its entry in
//! the manual and a test.
#![allow(unsafe_code)]

use std::ffi::CStr;

use super::bindings::*;
use super::call::Arguments;
use super::subs::{self, Refused};
use crate::operation::Call;

/// Begins a call.
type Begin = fn(&Arguments<'_>) -> Result<Call, Refused>;

/// What of the answer Perl gets.
#[derive(Clone, Copy)]
pub enum Success {
    Constant(i64),
    /// A number, a text, or a list of numbers; in scalar context how many.
    Value,
    /// A number, true if it is 0.
    Written,
    /// pid, uid, gid
    Ids,
    /// As numbers, handles, endpoints: FDP_AS_..., after bytes if there are any
    Descriptors(u32),
}

/// What Perl gets besides `$!`.
#[derive(Clone, Copy)]
pub enum Failure {
    Undef,
    MinusOne,
    /// The peer's status, negative; else -1.
    MinusStatus,
    /// The errno, in place of what came, if a message was taken; else undef.
    Message,
    Zero,
    /// An empty list.
    Nothing,
    /// `die "TEXT: $!\n"`
    Die(&'static str),
}

pub struct Row {
    pub sub: fdp_sub,
    pub begin: Begin,
    pub success: Success,
    pub failure: Failure,
}

// SAFETY: nothing in it changes, and its pointers are to string literals.
unsafe impl Sync for Row {}

impl Row {
    /// `arguments` is a letter each, see shim.h.  As it stands, any number of
    /// arguments is taken, as Perl subs do.
    const fn new(name: &'static CStr, arguments: &'static CStr, begin: Begin) -> Self {
        let sub = fdp_sub {
            name: name.as_ptr(),
            prototype: std::ptr::null(),
            usage: std::ptr::null(),
            arguments: arguments.as_ptr(),
            index: 0,
            if_bad: FDP_REFUSE as u8,
            as_: FDP_AS_NUMBER as u8,
            stores: FDP_STORE_NOTHING as u8,
            is_list: 0,
            list: FDP_LIST_NOTHING as u8,
            quiet: 0,
        };
        let (success, failure) = (Success::Constant(1), Failure::Undef);
        Row { sub, begin, success, failure }
    }

    /// The XSUBs of 0.09 count their arguments and have prototypes.
    const fn counted(mut self, usage: &'static CStr, prototype: &'static CStr) -> Self {
        self.sub.usage = usage.as_ptr();
        self.sub.prototype = prototype.as_ptr();
        self
    }

    const fn if_bad(mut self, what: u32) -> Self {
        self.sub.if_bad = what as u8;
        self
    }

    const fn gives(mut self, success: Success) -> Self {
        if let Success::Descriptors(kind) = success {
            self.sub.as_ = kind as u8;
        }
        self.success = success;
        self
    }

    const fn fails_with(mut self, failure: Failure) -> Self {
        self.sub.is_list = matches!(failure, Failure::Nothing) as u8;
        self.failure = failure;
        self
    }

    /// What becomes of the argument of kind FDP_LIST: FDP_LIST_...
    const fn updates_list(mut self, how: u32) -> Self {
        self.sub.list = how as u8;
        self
    }

    /// Without SIGPIPE.
    const fn quietly(mut self) -> Self {
        self.sub.quiet = 1;
        self
    }

    /// What goes into the argument of kind FDP_STORE: FDP_STORE_...
    const fn stores(mut self, what: u32) -> Self {
        self.sub.stores = what as u8;
        self
    }
}

const fn numbered<const ROWS: usize>(mut rows: [Row; ROWS]) -> [Row; ROWS] {
    let mut index = 0;
    while index < ROWS {
        rows[index].sub.index = index as u32;
        index += 1;
    }
    rows
}

const NUMBER: Success = Success::Descriptors(FDP_AS_NUMBER);
const HANDLE: Success = Success::Descriptors(FDP_AS_HANDLE);
const ENDPOINT: Success = Success::Descriptors(FDP_AS_ENDPOINT);
const LISTENER: Success = Success::Descriptors(FDP_AS_LISTENER);

pub static TABLE: &[Row] = &numbered([
    Row::new(c"File::FDpasser::spipe", c"%", subs::spipe)
        .gives(ENDPOINT)
        .fails_with(Failure::Die("socketpair")),
    Row::new(c"File::FDpasser::endp_create", c"p%", subs::endp_create).gives(LISTENER),
    Row::new(c"File::FDpasser::endp_connect", c"p%", subs::endp_connect).gives(ENDPOINT),
    Row::new(c"File::FDpasser::serv_accept_fh", c"do", subs::serv_accept_fh)
        .gives(ENDPOINT)
        .stores(FDP_STORE_UID),
    Row::new(c"File::FDpasser::serv_accept_fd", c"do", subs::serv_accept_fd)
        .gives(NUMBER)
        .stores(FDP_STORE_UID),
    Row::new(c"File::FDpasser::send_file", c"ch", subs::send_file).if_bad(FDP_DIE_AS_0_09),
    Row::new(c"File::FDpasser::recv_fh", c"ro", subs::recv_fh)
        .gives(HANDLE)
        .stores(FDP_STORE_SENDER),
    Row::new(c"File::FDpasser::recv_fd", c"ro", subs::recv_fd)
        .gives(NUMBER)
        .stores(FDP_STORE_SENDER),
    Row::new(c"File::FDpasser::write_fd", c"cb@", subs::write_fd)
        .if_bad(FDP_DIE)
        .gives(Success::Written),
    Row::new(c"File::FDpasser::read_fd", c"riio", subs::read_fd)
        .if_bad(FDP_DIE)
        .gives(HANDLE)
        .fails_with(Failure::Nothing)
        .stores(FDP_STORE_SENDER),
    Row::new(c"File::FDpasser::send_files", c"c@", subs::send_files)
        .if_bad(FDP_DIE)
        .gives(Success::Value),
    Row::new(c"File::FDpasser::recv_fhs", c"rio", subs::receive_all)
        .if_bad(FDP_DIE)
        .gives(HANDLE)
        .fails_with(Failure::Nothing)
        .stores(FDP_STORE_SENDER),
    Row::new(c"File::FDpasser::recv_fds", c"rio", subs::receive_all)
        .if_bad(FDP_DIE)
        .gives(NUMBER)
        .fails_with(Failure::Nothing)
        .stores(FDP_STORE_SENDER),
    Row::new(c"File::FDpasser::send_err", c"cib", subs::send_err).if_bad(FDP_DIE),
    Row::new(c"File::FDpasser::ask_sender", c"d", subs::ask_sender).if_bad(FDP_DIE),
    Row::new(c"File::FDpasser::peer_cred", c"d", subs::peer_cred)
        .if_bad(FDP_DIE)
        .gives(Success::Ids)
        .fails_with(Failure::Nothing),
    Row::new(c"File::FDpasser::peer_pidfd", c"d", subs::peer_pidfd).if_bad(FDP_DIE).gives(HANDLE),
    Row::new(c"File::FDpasser::peer_groups", c"d", subs::peer_groups)
        .if_bad(FDP_DIE)
        .gives(Success::Value)
        .fails_with(Failure::Nothing),
    Row::new(c"File::FDpasser::memfd", c"bb", subs::memfd).if_bad(FDP_DIE).gives(HANDLE),
    Row::new(c"File::FDpasser::get_fopen_mode", c"d", subs::get_fopen_mode).gives(Success::Value),
    Row::new(c"File::FDpasser::transport", c"", subs::transport).gives(Success::Value),
    // Perl gives it the class.
    Row::new(c"File::FDpasser::CLONE", c"b", subs::clone),
    Row::new(c"File::FDpasser::cli_conn", c"p", subs::cli_conn)
        .counted(c"name", c"$")
        .gives(NUMBER)
        .fails_with(Failure::MinusOne),
    Row::new(c"File::FDpasser::my_getfl", c"d", subs::my_getfl)
        .counted(c"fd", c"$")
        .gives(Success::Value)
        .fails_with(Failure::MinusOne),
    Row::new(c"File::FDpasser::my_send_fd", c"cn", subs::my_send_fd)
        .counted(c"clifd, fd", c"$$")
        .gives(Success::Constant(0))
        .fails_with(Failure::MinusOne),
    Row::new(c"File::FDpasser::my_recv_fd", c"r", subs::recv_fd)
        .counted(c"servfd", c"$")
        .gives(NUMBER)
        .fails_with(Failure::MinusStatus),
    Row::new(c"File::FDpasser::my_serv_accept", c"do", subs::serv_accept_fd)
        .counted(c"listenfd, uidptr", c"$$")
        .gives(NUMBER)
        .fails_with(Failure::MinusOne)
        .stores(FDP_STORE_UID),
    Row::new(c"File::FDpasser::my_isastream", c"d", subs::my_isastream)
        .counted(c"fd", c"$")
        .gives(Success::Value)
        .fails_with(Failure::MinusOne),
    Row::new(c"File::FDpasser::bind_to_fs", c"dp", subs::bind_to_fs)
        .counted(c"fd, name", c"$$")
        .fails_with(Failure::Zero),
    // For File::FDpasser::Queue and ::Channel.
    Row::new(c"File::FDpasser::_receive_into", c"rl", subs::receive_into)
        .updates_list(FDP_LIST_RECEIVED)
        .gives(HANDLE)
        .fails_with(Failure::Message),
    Row::new(c"File::FDpasser::_read_into", c"rlii", subs::read_into)
        .updates_list(FDP_LIST_READ)
        .gives(HANDLE),
    Row::new(c"File::FDpasser::_send_files_from", c"cl@", subs::send_files_from)
        .updates_list(FDP_LIST_SENT)
        .quietly()
        .gives(Success::Value),
    Row::new(c"File::FDpasser::_send_err_from", c"clib", subs::send_err_from)
        .updates_list(FDP_LIST_ALL_SENT)
        .quietly(),
    Row::new(c"File::FDpasser::_write_from", c"clib@", subs::write_from)
        .updates_list(FDP_LIST_WRITTEN)
        .gives(Success::Value)
        .fails_with(Failure::Zero),
    Row::new(c"File::FDpasser::_write_quietly_from", c"clib@", subs::write_from)
        .updates_list(FDP_LIST_WRITTEN)
        .quietly()
        .gives(Success::Value)
        .fails_with(Failure::Zero),
    Row::new(c"File::FDpasser::_spare", c"hi", subs::spare)
        .gives(Success::Descriptors(FDP_AS_SPARE)),
]);
