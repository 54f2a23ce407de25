//! The table of XSUBs: a row and a function for each.
//!
//! To add one: a row, a function that begins it, a line in the POD and a test.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::bindings::*;
use super::call::Arguments;
use super::options;
use crate::descriptor::{self, Mode};
use crate::endpoint::{self, accept::Accept, connect, connect::Connect, create::Create};
use crate::error::{Error, Result};
use crate::operation::{Answer, Operation, Step};
use crate::streams;
use crate::system;
use crate::threads;
use crate::transport::ancillary::MOST_DESCRIPTORS;
use crate::transport::read::Read;
use crate::transport::receive::Receive;
use crate::transport::send::{Send, SendAll};
use crate::transport::{choice, sysv_stream};

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
            as_: FDP_AS_NUMBER as u8,
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
        if let Success::Descriptors(kind) = success {
            self.sub.as_ = kind as u8;
        }
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
#[inline(always)]
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

/// Begins the call on the transport that serves the connection.
#[inline(always)]
fn serve<S: Operation + 'static, T: Operation + 'static>(
    connection: Result<BorrowedFd<'static>>,
    on_stream: impl FnOnce(BorrowedFd<'static>) -> Result<S>,
    on_socket: impl FnOnce(BorrowedFd<'static>) -> Result<T>,
) -> Begun {
    match connection {
        Err(error) => Begun::Over(Err(error)),
        Ok(stream) if choice::is_stream(stream) => start(on_stream(stream)),
        Ok(socket) => start(on_socket(socket)),
    }
}

fn spipe(_: &Arguments<'_>) -> Begun {
    let pair = if choice::makes_streams() { sysv_stream::pipe() } else { endpoint::pair() };
    over(pair.map(|(one, other)| {
        let mut answer = Answer::descriptor(one);
        answer.descriptors.push(other);
        answer
    }))
}

fn endp_create(arguments: &Arguments<'_>) -> Begun {
    let options = options::of_create(arguments);
    if choice::makes_streams() {
        start(options.and_then(|options| sysv_stream::create(arguments.terminated(0)?, options)))
    } else {
        start(options.and_then(|options| Create::new(arguments.terminated(0)?, options)))
    }
}

fn endp_connect(arguments: &Arguments<'_>) -> Begun {
    match options::of_connect(arguments) {
        Ok(options) => connect_to(arguments, options),
        Err(error) => Begun::Over(Err(error)),
    }
}

fn cli_conn(arguments: &Arguments<'_>) -> Begun {
    connect_to(arguments, connect::Options { survives_exec: true, ..connect::Options::default() })
}

fn connect_to(arguments: &Arguments<'_>, options: connect::Options) -> Begun {
    let path = arguments.terminated(0);
    if choice::makes_streams() {
        start(path.and_then(|path| sysv_stream::Connect::start(path, options)))
    } else {
        start(path.and_then(|path| Connect::new(path, options)))
    }
}

fn serv_accept_fh(arguments: &Arguments<'_>) -> Begun {
    accept(arguments, true)
}

fn serv_accept_fd(arguments: &Arguments<'_>) -> Begun {
    accept(arguments, false)
}

fn accept(arguments: &Arguments<'_>, close_on_exec: bool) -> Begun {
    serve(
        arguments.descriptor(0),
        |server| Ok(sysv_stream::Accept::new(server, close_on_exec)),
        |listener| Ok(Accept::new(listener, close_on_exec, arguments.is_given(1))),
    )
}

fn send_file(arguments: &Arguments<'_>) -> Begun {
    send_descriptor(arguments)
}

#[inline(always)]
fn send_descriptor(arguments: &Arguments<'_>) -> Begun {
    serve(
        arguments.descriptor(0),
        |stream| Ok(sysv_stream::Send::descriptor(stream, arguments.descriptor(1)?.as_raw_fd())),
        |socket| Ok(Send::descriptor(socket, arguments.descriptor(1)?)),
    )
}

fn my_send_fd(arguments: &Arguments<'_>) -> Begun {
    match arguments.integer(1) {
        Some(status) if status < 0 => send_status(arguments, status.wrapping_neg()),
        _ => send_descriptor(arguments),
    }
}

fn send_status(arguments: &Arguments<'_>, status: i64) -> Begun {
    serve(
        arguments.descriptor(0),
        |stream| Ok(sysv_stream::Send::status(stream, status)),
        |socket| Ok(Send::status(socket, status)),
    )
}

fn recv_fh(arguments: &Arguments<'_>) -> Begun {
    receive(arguments, true)
}

fn recv_fd(arguments: &Arguments<'_>) -> Begun {
    receive(arguments, false)
}

#[inline(always)]
fn receive(arguments: &Arguments<'_>, close_on_exec: bool) -> Begun {
    let ask_sender = arguments.is_given(1);
    serve(
        arguments.descriptor(0),
        |stream| Ok(sysv_stream::Receive::one(stream, close_on_exec, ask_sender)),
        |socket| Ok(Receive::one(socket, close_on_exec, ask_sender)),
    )
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
    let ask_sender = arguments.is_given(2);
    serve(
        arguments.descriptor(0),
        |stream| Ok(sysv_stream::Receive::all(stream, most, ask_sender)),
        |socket| Ok(Receive::all(socket, most, ask_sender)),
    )
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
    serve(
        arguments.descriptor(0),
        |stream| sysv_stream::Send::bytes(stream, bytes, arguments.handles()),
        |socket| Send::bytes(socket, bytes, arguments.handles()),
    )
}

fn read_fd(arguments: &Arguments<'_>) -> Begun {
    let length = arguments.integer(1).and_then(|length| usize::try_from(length).ok());
    let Some(length @ 1..) = length else {
        return Begun::Invalid("Invalid args to read_fd: argument 2 is not 1 or more");
    };
    let Some(most) = most_descriptors(arguments, 2) else {
        return Begun::Invalid("Invalid args to read_fd: argument 3 is negative");
    };
    let ask_sender = arguments.is_given(3);
    serve(
        arguments.descriptor(0),
        |stream| Ok(sysv_stream::Read::new(stream, length, most, ask_sender)),
        |socket| Ok(Read::new(socket, length, most, ask_sender)),
    )
}

fn send_files(arguments: &Arguments<'_>) -> Begun {
    serve(
        arguments.descriptor(0),
        |stream| sysv_stream::Send::descriptors(stream, arguments.handles()),
        |socket| SendAll::new(socket, arguments.handles()),
    )
}

fn send_err(arguments: &Arguments<'_>) -> Begun {
    let text = arguments.bytes(2);
    let Some(errno @ 1..=255) = arguments.integer(1) else {
        return Begun::Invalid("Invalid args to send_err: argument 2 is not an errno, 1 to 255");
    };
    if text.contains(&0) {
        return Begun::Invalid("Invalid args to send_err: argument 3 has a NUL byte in it");
    }
    serve(
        arguments.descriptor(0),
        |stream| Ok(sysv_stream::Send::error(stream, errno, text)),
        |socket| Ok(Send::error(socket, errno, text)),
    )
}

/// On streams it is always known.
fn ask_sender(arguments: &Arguments<'_>) -> Begun {
    let noted = arguments.descriptor(0).and_then(|connection| {
        if !choice::is_stream(connection) {
            system::note_senders(connection)?;
        }
        Ok(Answer::default())
    });
    over(noted)
}

fn peer_cred(arguments: &Arguments<'_>) -> Begun {
    let ids = arguments.descriptor(0).and_then(|connection| match choice::is_stream(connection) {
        true => streams::peer_ids(connection),
        false => Ok(system::peer_ids(connection)?),
    });
    over(ids.map(|ids| Answer { ids: Some(Box::new(ids)), ..Answer::default() }))
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
fn bind_to_fs(arguments: &Arguments<'_>) -> Begun {
    if !choice::makes_streams() {
        return over(Err(Error::NotSupported));
    }
    let end = arguments.descriptor(0);
    start(end.and_then(|end| sysv_stream::attach(end, arguments.terminated(1)?)))
}

fn my_isastream(arguments: &Arguments<'_>) -> Begun {
    let is_stream = arguments.descriptor(0).and_then(|any| {
        descriptor::status_flags(any)?;
        Ok(choice::is_stream(any))
    });
    over(is_stream.map(|is_stream| Answer::number(i64::from(is_stream))))
}

/// Perl calls it in each new thread; perlmod(1).
fn clone(_: &Arguments<'_>) -> Begun {
    threads::note();
    over(Ok(Answer::default()))
}

fn transport(_: &Arguments<'_>) -> Begun {
    over(Ok(Answer::text(choice::name())))
}
