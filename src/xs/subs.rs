//! The table of XSUBs: a row and a function for each.
//!
//! To add one: a row, a function that begins it, a line in the POD and a test.
#![allow(unsafe_code)]

use std::ffi::CStr;

use super::bindings::*;
use super::call::Arguments;
use super::options;
use crate::descriptor::{self, Mode};
use crate::endpoint::{self, accept::Accept, connect, connect::Connect, create::Create};
use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::system;
use crate::threads;
use crate::transport::ancillary::MOST_DESCRIPTORS;
use crate::transport::read::Read;
use crate::transport::receive::Receive;
use crate::transport::send::{Send, SendAll};

/// A call that has begun: it is over, or it waits for C to do something.
pub enum Begun {
    Over(Result<Answer>),
    /// The arguments make no sense: it dies.
    Invalid(&'static str),
    Suspended(Box<dyn Operation>, Step),
}

/// What of the answer Perl gets.
#[derive(Clone, Copy)]
pub enum Success {
    Constant(i64),
    Number,
    Text,
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
    /// The peer's status alone; else an empty list.
    StatusOrNothing,
    Zero,
    /// An empty list.
    Nothing,
    /// `die "TEXT: $!\n"`
    Die(&'static str),
}

pub struct Row {
    pub sub: fdp_sub,
    pub begin: fn(&Arguments<'_>) -> Begun,
    pub success: Success,
    pub failure: Failure,
    /// What goes into the argument of kind FDP_STORE: FDP_STORE_...
    pub store: u32,
}

// SAFETY: nothing in it changes, and its pointers are to string literals.
unsafe impl Sync for Row {}

impl Row {
    /// `arguments` is a letter each, see shim.h.  As it stands, any number of
    /// arguments is taken, as Perl subs do.
    const fn new(
        name: &'static CStr,
        arguments: &'static CStr,
        begin: fn(&Arguments<'_>) -> Begun,
    ) -> Self {
        let sub = fdp_sub {
            name: name.as_ptr(),
            prototype: std::ptr::null(),
            usage: std::ptr::null(),
            arguments: arguments.as_ptr(),
            index: 0,
            if_bad: FDP_REFUSE as u8,
        };
        let (success, failure) = (Success::Constant(1), Failure::Undef);
        Row { sub, begin, success, failure, store: FDP_STORE_NOTHING }
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
        self.success = success;
        self
    }

    const fn fails_with(mut self, failure: Failure) -> Self {
        self.failure = failure;
        self
    }

    const fn stores(mut self, what: u32) -> Self {
        self.store = what;
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

pub static TABLE: [Row; 27] = numbered([
    Row::new(c"File::FDpasser::spipe", c"", spipe)
        .gives(ENDPOINT)
        .fails_with(Failure::Die("socketpair")),
    Row::new(c"File::FDpasser::endp_create", c"p%", endp_create).gives(LISTENER),
    Row::new(c"File::FDpasser::endp_connect", c"p%", endp_connect).gives(ENDPOINT),
    Row::new(c"File::FDpasser::serv_accept_fh", c"do", serv_accept_fh)
        .gives(ENDPOINT)
        .stores(FDP_STORE_UID),
    Row::new(c"File::FDpasser::serv_accept_fd", c"do", serv_accept_fd)
        .gives(NUMBER)
        .stores(FDP_STORE_UID),
    Row::new(c"File::FDpasser::send_file", c"ch", send_file).if_bad(FDP_DIE_AS_0_09),
    Row::new(c"File::FDpasser::recv_fh", c"do", recv_fh).gives(HANDLE).stores(FDP_STORE_SENDER),
    Row::new(c"File::FDpasser::recv_fd", c"do", recv_fd).gives(NUMBER).stores(FDP_STORE_SENDER),
    Row::new(c"File::FDpasser::write_fd", c"cb@", write_fd).if_bad(FDP_DIE).gives(Success::Number),
    Row::new(c"File::FDpasser::read_fd", c"diio", read_fd)
        .if_bad(FDP_DIE)
        .gives(HANDLE)
        .fails_with(Failure::Nothing)
        .stores(FDP_STORE_SENDER),
    Row::new(c"File::FDpasser::send_files", c"c@", send_files)
        .if_bad(FDP_DIE)
        .gives(Success::Number),
    Row::new(c"File::FDpasser::recv_fhs", c"dio", recv_fhs)
        .if_bad(FDP_DIE)
        .gives(HANDLE)
        .fails_with(Failure::Nothing)
        .stores(FDP_STORE_SENDER),
    Row::new(c"File::FDpasser::recv_fds", c"dio", recv_fds)
        .if_bad(FDP_DIE)
        .gives(NUMBER)
        .fails_with(Failure::Nothing)
        .stores(FDP_STORE_SENDER),
    // For File::FDpasser::Queue, which has to tell a peer's EAGAIN from its own.
    Row::new(c"File::FDpasser::_receive", c"d", recv_fhs)
        .gives(HANDLE)
        .fails_with(Failure::StatusOrNothing),
    Row::new(c"File::FDpasser::send_err", c"cib", send_err).if_bad(FDP_DIE),
    Row::new(c"File::FDpasser::ask_sender", c"d", ask_sender).if_bad(FDP_DIE),
    Row::new(c"File::FDpasser::peer_cred", c"d", peer_cred)
        .if_bad(FDP_DIE)
        .gives(Success::Ids)
        .fails_with(Failure::Nothing),
    Row::new(c"File::FDpasser::get_fopen_mode", c"d", get_fopen_mode).gives(Success::Text),
    Row::new(c"File::FDpasser::transport", c"", transport).gives(Success::Text),
    Row::new(c"File::FDpasser::CLONE", c"", clone),
    Row::new(c"File::FDpasser::cli_conn", c"p", cli_conn)
        .counted(c"name", c"$")
        .gives(NUMBER)
        .fails_with(Failure::MinusOne),
    Row::new(c"File::FDpasser::my_getfl", c"d", my_getfl)
        .counted(c"fd", c"$")
        .gives(Success::Number)
        .fails_with(Failure::MinusOne),
    Row::new(c"File::FDpasser::my_send_fd", c"cn", my_send_fd)
        .counted(c"clifd, fd", c"$$")
        .gives(Success::Constant(0))
        .fails_with(Failure::MinusOne),
    Row::new(c"File::FDpasser::my_recv_fd", c"d", recv_fd)
        .counted(c"servfd", c"$")
        .gives(NUMBER)
        .fails_with(Failure::MinusStatus),
    Row::new(c"File::FDpasser::my_serv_accept", c"do", serv_accept_fd)
        .counted(c"listenfd, uidptr", c"$$")
        .gives(NUMBER)
        .fails_with(Failure::MinusOne)
        .stores(FDP_STORE_UID),
    Row::new(c"File::FDpasser::my_isastream", c"d", my_isastream)
        .counted(c"fd", c"$")
        .gives(Success::Number)
        .fails_with(Failure::MinusOne),
    Row::new(c"File::FDpasser::bind_to_fs", c"dp", bind_to_fs)
        .counted(c"fd, name", c"$$")
        .fails_with(Failure::Zero),
]);

fn over(result: Result<Answer>) -> Begun {
    Begun::Over(result)
}

/// Takes the first step, most often the only one.
fn start<O: Operation + 'static>(operation: Result<O>) -> Begun {
    let mut operation = match operation {
        Ok(operation) => operation,
        Err(error) => return Begun::Over(Err(error)),
    };
    match operation.step() {
        Step::Done(result) => Begun::Over(result),
        step => Begun::Suspended(Box::new(operation), step),
    }
}

fn spipe(_: &Arguments<'_>) -> Begun {
    over(endpoint::pair().map(|(one, other)| {
        let mut answer = Answer::descriptor(one);
        answer.descriptors.push(other);
        answer
    }))
}

fn endp_create(arguments: &Arguments<'_>) -> Begun {
    start(
        options::of_create(arguments)
            .and_then(|options| Create::new(arguments.terminated(0)?, options)),
    )
}

fn endp_connect(arguments: &Arguments<'_>) -> Begun {
    start(
        options::of_connect(arguments)
            .and_then(|options| Connect::new(arguments.terminated(0)?, options)),
    )
}

fn cli_conn(arguments: &Arguments<'_>) -> Begun {
    let options = connect::Options { survives_exec: true, ..connect::Options::default() };
    start(arguments.terminated(0).and_then(|path| Connect::new(path, options)))
}

fn serv_accept_fh(arguments: &Arguments<'_>) -> Begun {
    start(
        arguments.descriptor(0).map(|listener| Accept::new(listener, true, arguments.is_given(1))),
    )
}

fn serv_accept_fd(arguments: &Arguments<'_>) -> Begun {
    start(
        arguments.descriptor(0).map(|listener| Accept::new(listener, false, arguments.is_given(1))),
    )
}

fn send_file(arguments: &Arguments<'_>) -> Begun {
    let send = || Ok(Send::descriptor(arguments.descriptor(0)?, arguments.descriptor(1)?));
    start(send())
}

fn my_send_fd(arguments: &Arguments<'_>) -> Begun {
    let send = || {
        let connection = arguments.descriptor(0)?;
        match arguments.integer(1) {
            Some(status) if status < 0 => Ok(Send::status(connection, status.wrapping_neg())),
            _ => Ok(Send::descriptor(connection, arguments.descriptor(1)?)),
        }
    };
    start(send())
}

fn recv_fh(arguments: &Arguments<'_>) -> Begun {
    start(receive(arguments, true))
}

fn recv_fd(arguments: &Arguments<'_>) -> Begun {
    start(receive(arguments, false))
}

fn receive(arguments: &Arguments<'_>, close_on_exec: bool) -> Result<Receive> {
    Ok(Receive::one(arguments.descriptor(0)?, close_on_exec, arguments.is_given(1)))
}

fn recv_fhs(arguments: &Arguments<'_>) -> Begun {
    recv_all(arguments, "Invalid args to recv_fhs: argument 2 is negative")
}

fn recv_fds(arguments: &Arguments<'_>) -> Begun {
    recv_all(arguments, "Invalid args to recv_fds: argument 2 is negative")
}

fn recv_all(arguments: &Arguments<'_>, invalid: &'static str) -> Begun {
    let Some(most) = most_descriptors(arguments, 1) else {
        return Begun::Invalid(invalid);
    };
    let connection = arguments.descriptor(0);
    start(connection.map(|connection| Receive::all(connection, most, arguments.is_given(2))))
}

/// None if it is negative.
fn most_descriptors(arguments: &Arguments<'_>, index: usize) -> Option<usize> {
    let most = arguments.integer(index).unwrap_or(MOST_DESCRIPTORS as i64);
    usize::try_from(most).ok()
}

fn write_fd(arguments: &Arguments<'_>) -> Begun {
    let bytes = arguments.bytes(1);
    if bytes.is_empty() {
        return Begun::Invalid("Invalid args to write_fd: argument 2 is empty");
    }
    let connection = arguments.descriptor(0);
    start(connection.and_then(|connection| Send::bytes(connection, bytes, arguments.handles())))
}

fn read_fd(arguments: &Arguments<'_>) -> Begun {
    let length = arguments.integer(1).and_then(|length| usize::try_from(length).ok());
    let Some(length @ 1..) = length else {
        return Begun::Invalid("Invalid args to read_fd: argument 2 is not 1 or more");
    };
    let Some(most) = most_descriptors(arguments, 2) else {
        return Begun::Invalid("Invalid args to read_fd: argument 3 is negative");
    };
    let connection = arguments.descriptor(0);
    start(connection.map(|connection| Read::new(connection, length, most, arguments.is_given(3))))
}

fn send_files(arguments: &Arguments<'_>) -> Begun {
    let connection = arguments.descriptor(0);
    start(connection.and_then(|connection| SendAll::new(connection, arguments.handles())))
}

fn send_err(arguments: &Arguments<'_>) -> Begun {
    let text = arguments.bytes(2);
    let Some(errno @ 1..=255) = arguments.integer(1) else {
        return Begun::Invalid("Invalid args to send_err: argument 2 is not an errno, 1 to 255");
    };
    if text.contains(&0) {
        return Begun::Invalid("Invalid args to send_err: argument 3 has a NUL byte in it");
    }
    start(arguments.descriptor(0).map(|connection| Send::error(connection, errno, text)))
}

fn ask_sender(arguments: &Arguments<'_>) -> Begun {
    let noted =
        arguments.descriptor(0).and_then(|connection| Ok(system::note_senders(connection)?));
    over(noted.map(|()| Answer::default()))
}

fn peer_cred(arguments: &Arguments<'_>) -> Begun {
    let ids = arguments.descriptor(0).and_then(|connection| Ok(system::peer_ids(connection)?));
    over(ids.map(|ids| Answer { ids: Some(ids), ..Answer::default() }))
}

fn my_getfl(arguments: &Arguments<'_>) -> Begun {
    let flags = arguments.descriptor(0).and_then(descriptor::status_flags);
    over(flags.map(|flags| Answer::number(i64::from(flags.bits()))))
}

fn get_fopen_mode(arguments: &Arguments<'_>) -> Begun {
    let flags = arguments.descriptor(0).and_then(descriptor::status_flags);
    let mode = flags.and_then(|flags| Mode::from_flags(flags).ok_or(Error::InvalidArgument));
    over(mode.map(|mode| Answer::text(mode.name())))
}

/// Only streams are attached to names.
fn bind_to_fs(_: &Arguments<'_>) -> Begun {
    over(Err(Error::NotSupported))
}

fn my_isastream(arguments: &Arguments<'_>) -> Begun {
    let flags = arguments.descriptor(0).and_then(descriptor::status_flags);
    over(flags.map(|_| Answer::number(0)))
}

/// Perl calls it in each new thread; perlmod(1).
fn clone(_: &Arguments<'_>) -> Begun {
    threads::note();
    over(Ok(Answer::default()))
}

fn transport(_: &Arguments<'_>) -> Begun {
    over(Ok(Answer::text("socket")))
}
