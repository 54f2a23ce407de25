//! What Rust has to say, as C turns it into scalars.
#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

use nix::errno::Errno;

use super::bindings::*;
use super::boundary::croak;
use super::call::Arguments;
use super::table::{Failure, Row, Success};
use crate::descriptor::{self, Kind, Mode};
use crate::error::{Error, Result};
use crate::identity::{Ids, IdsOf};
use crate::operation::{Answer, Value};

/// Ends the call with a result; the step for C.
#[inline(always)]
pub fn write(row: &Row, call: &mut fdp_call, result: Result<Answer>) -> u32 {
    match result {
        Ok(answer) => succeed(row, call, answer),
        Err(error) => return fail(row, call, error),
    }
    FDP_ANSWER
}

fn fail(row: &Row, call: &mut fdp_call, error: Error) -> u32 {
    call.answer.mistake = mistake(row, call, error) as u8;
    let error = match u32::from(call.answer.mistake) {
        FDP_MISTAKE_LISTENER if Arguments(call).is_received_from() => Error::InvalidArgument,
        _ => error,
    };
    call.answer.error = error.errno();
    match (row.failure, error) {
        (Failure::Message, error) if is_of_message(error) => {
            call.answer.error = 0;
            give_number(call, Some(i64::from(error.errno())));
        }
        (Failure::Undef | Failure::Message, _) => give_number(call, None),
        (Failure::MinusStatus, Error::Status(status)) => {
            give_number(call, Some(-i64::from(status.get())))
        }
        (Failure::MinusOne | Failure::MinusStatus, _) => give_number(call, Some(-1)),
        (Failure::Zero, _) => give_number(call, Some(0)),
        (Failure::Nothing, _) => {}
        (Failure::Die(text), _) => return croak(call, text.as_bytes()),
    }
    FDP_ANSWER
}

/// Was a message taken that is to blame?
fn is_of_message(error: Error) -> bool {
    matches!(error, Error::Status(_) | Error::Malformed | Error::TooLong | Error::Refused)
}

/// What a program has mistaken its first argument for; FDP_MISTAKE_...
fn mistake(row: &Row, call: &fdp_call, error: Error) -> u32 {
    let Some(endpoint) = Arguments(call).endpoint() else {
        return FDP_MISTAKE_NONE;
    };
    match error {
        Error::NotLocal => FDP_MISTAKE_NOT_LOCAL,
        Error::System(Errno::ENOTSOCK) => FDP_MISTAKE_NO_SOCKET,
        Error::InvalidArgument if u32::from(row.sub.stores) == FDP_STORE_UID => {
            FDP_MISTAKE_NO_SERVER
        }
        // Systems say EINVAL or ENOTCONN of a listener, but that of other sockets too.
        Error::System(Errno::EINVAL | Errno::ENOTCONN) if descriptor::is_listener(endpoint) => {
            FDP_MISTAKE_LISTENER
        }
        _ => FDP_MISTAKE_NONE,
    }
}

#[inline(always)]
fn succeed(row: &Row, call: &mut fdp_call, answer: Answer) {
    call.answer.surplus = answer.surplus;
    if let Some(ids) = &answer.ids {
        call.answer.ids = ids_for_c(**ids);
    }
    match row.success {
        Success::Constant(number) => give_number(call, Some(number)),
        Success::Descriptors(kind) => give_descriptors(call, kind, answer),
        Success::Ids => give_ids(call, *answer.ids.unwrap_or_default()),
        Success::Value => give_value(call, answer.value),
        Success::Written => match answer.value {
            Value::Number(0) => give_text(call, "0 but true"),
            value => give_value(call, value),
        },
    }
}

fn give_value(call: &mut fdp_call, value: Value) {
    match value {
        Value::None => give_number(call, None),
        Value::Number(number) => give_number(call, Some(number)),
        Value::CutShort(number, why) => {
            give_number(call, Some(number));
            call.answer.error = why.errno();
        }
        Value::Numbers(numbers) => give_list(call, numbers),
        Value::Text(text) => give_text(call, text),
        Value::Bytes(bytes) => give_bytes(call, bytes),
    }
}

fn give_number(call: &mut fdp_call, number: Option<i64>) {
    call.answer.number[0] = number.unwrap_or(FDP_UNKNOWN);
    call.answer.numbers = 1;
}

fn give_text(call: &mut fdp_call, text: &'static str) {
    call.answer.has_bytes = 1;
    (call.answer.bytes, call.answer.length) = (text.as_ptr(), text.len());
}

fn give_ids(call: &mut fdp_call, ids: Ids) {
    call.answer.number = [ids.pid, ids.uid, ids.gid].map(|id| id.unwrap_or(FDP_UNKNOWN));
    call.answer.numbers = 3;
}

/// The call owns them until C has made scalars of them.
fn give_list(call: &mut fdp_call, numbers: Box<[u32]>) {
    let numbers = Box::leak(numbers);
    (call.answer.list, call.answer.list_length) = (numbers.as_ptr(), numbers.len());
    call.answer.is_list = 1;
}

/// The call owns them until C has made a string of them.
pub fn give_bytes(call: &mut fdp_call, bytes: Vec<u8>) {
    let bytes = Box::leak(bytes.into_boxed_slice());
    (call.answer.bytes, call.answer.length) = (bytes.as_ptr(), bytes.len());
    (call.answer.has_bytes, call.answer.owns_bytes) = (1, 1);
}

/// Passes the descriptors to the call, which owns them until Perl does.
fn give_descriptors(call: &mut fdp_call, kind: u32, answer: Answer) {
    if let Value::Bytes(bytes) = answer.value {
        give_bytes(call, bytes);
    }
    let max_system_fd = call.max_system_fd;
    let received = |descriptor| received(descriptor, kind, max_system_fd);
    call.answer.received = answer.descriptors.len();
    match answer.descriptors.only() {
        Ok(only) => call.answer.only = received(only),
        Err(descriptors) => {
            let many: Box<[fdp_received]> = descriptors.into_iter().map(received).collect();
            call.answer.many = Box::into_raw(many).cast();
        }
    }
}

fn received(descriptor: OwnedFd, kind: u32, max_system_fd: i32) -> fdp_received {
    if kind != FDP_AS_NUMBER && kind != FDP_AS_SPARE && descriptor.as_raw_fd() <= max_system_fd {
        // Perl's $^F: the standard handles are for children, too.  Cannot fail
        // on a descriptor that is open.
        let _ = descriptor::set_close_on_exec(&descriptor, false);
    }
    let (mode, buffers) = match kind {
        FDP_AS_HANDLE => as_handle(&descriptor),
        // Whatever it is open for: to open it for appending would move it.
        FDP_AS_SPARE => (FDP_READ, FDP_ONE_BUFFER),
        _ => (FDP_READ_WRITE, FDP_SOCKET),
    };
    fdp_received { number: descriptor.into_raw_fd(), mode: mode as u8, buffers: buffers as u8 }
}

fn as_handle(descriptor: &OwnedFd) -> (u32, u32) {
    let flags = descriptor::status_flags(descriptor);
    // What can neither be read nor written is good for ioctl, fstat, fchdir; in
    // a handle for both directions it is at least not lost.
    let mode = flags.ok().and_then(Mode::from_flags).unwrap_or(Mode::ReadWrite);
    match mode {
        Mode::Read => (FDP_READ, FDP_ONE_BUFFER),
        Mode::Write => (FDP_WRITE, FDP_ONE_BUFFER),
        Mode::Append => (FDP_APPEND, FDP_ONE_BUFFER),
        // PerlIO looks where it stands, so what can seek is known by then.
        Mode::ReadWrite => (FDP_READ_WRITE, FDP_ASK_BUFFERS),
        Mode::ReadAppend => (FDP_READ_APPEND, FDP_ASK_BUFFERS),
    }
}

pub fn buffers(descriptor: impl AsFd) -> u32 {
    match descriptor::kind(descriptor) {
        Kind::Socket => FDP_SOCKET,
        Kind::Stream => FDP_TWO_BUFFERS,
        Kind::File => FDP_ONE_BUFFER,
    }
}

fn ids_for_c(ids: Ids) -> fdp_ids {
    let number = |id: Option<i64>| id.unwrap_or(FDP_UNKNOWN);
    fdp_ids {
        pid: number(ids.pid),
        uid: number(ids.uid),
        gid: number(ids.gid),
        are_given: 1,
        of_message: u8::from(ids.of == IdsOf::Message),
    }
}

/// Closes what Perl does not own, and frees the list.
pub fn forget(call: &mut fdp_call) {
    let answer = &mut call.answer;
    if std::mem::take(&mut answer.owns_bytes) != 0 {
        let bytes = std::ptr::slice_from_raw_parts_mut(answer.bytes.cast_mut(), answer.length);
        // SAFETY: a boxed slice of this length, by `give_bytes`.
        drop(unsafe { Box::from_raw(bytes) });
    }
    if std::mem::take(&mut answer.is_list) != 0 {
        let list = std::ptr::slice_from_raw_parts_mut(answer.list.cast_mut(), answer.list_length);
        // SAFETY: a boxed slice of this length, by `give_list`.
        drop(unsafe { Box::from_raw(list) });
    }
    let length = std::mem::take(&mut answer.received);
    if answer.many.is_null() {
        if length == 1 {
            close(answer.only);
        }
        return;
    }
    let many = std::mem::replace(&mut answer.many, std::ptr::null_mut());
    // SAFETY: a boxed slice of this length, by `give_descriptors`.
    let many = unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(many, length)) };
    many.iter().copied().for_each(close);
}

fn close(received: fdp_received) {
    if received.number >= 0 {
        // SAFETY: C sets the number to -1 when Perl owns it; until then the
        // call does, which has just forgotten it.
        drop(unsafe { OwnedFd::from_raw_fd(received.number) });
    }
}
