//! Where C enters Rust.
//!
//! Between two entries a call's operation lives in a box that the call owns;
//! during an entry it is borrowed from there.  A panic ends the call and
//! becomes a Perl exception.
#![allow(unsafe_code)]

use std::borrow::Cow;
use std::io::IsTerminal;
use std::sync::atomic::AtomicI32;

use nix::errno::Errno;
use nix::poll::PollFlags;

use super::answer;
use super::bindings::{
    fdp_call, fdp_sub, FDP_CROAK, FDP_INVALID, FDP_LIMIT, FDP_ONE_BUFFER, FDP_TEXT, FDP_WAIT,
};
use super::call::Arguments;
use super::panic;
use super::subs::Refused;
use super::table::{Row, TABLE};
use crate::descriptor;
use crate::error::{self, Error};
use crate::operation::{Call, Operation, Step};
use crate::passing;
use crate::sigpipe;
use crate::system;
use crate::text::ForTerminal;
use crate::wait::{self, Signals, Waiter};

/// A call between two steps.
struct Suspended {
    operation: Box<dyn Operation>,
    /// The last step was [`Step::Limit`].
    limit_asked: bool,
    /// What a terminal gets to see of the text.
    escaped: Vec<u8>,
    terminal: ForTerminal,
    /// Where C could not be told.
    panicked: bool,
}

/// The first step of a call, or the next.
///
/// # Safety
/// `call` is the trampoline's, not yet abandoned; nobody else refers to it.  What
/// the trampoline has not set is not read.
#[no_mangle]
pub unsafe extern "C" fn fdp_enter(call: *mut fdp_call) -> u32 {
    // SAFETY: by the caller's word.
    let call = unsafe { &mut *call };
    panic::caught(|| enter(call)).unwrap_or_else(|| croak(call, panic::text()))
}

fn enter(call: &mut fdp_call) -> u32 {
    let row = row(call);
    let step = match suspended(call) {
        Some(suspended) if suspended.panicked => return croak(call, panic::text()),
        Some(suspended) => suspended.next_step(call.max_text),
        None => match begin(row, call) {
            Ok(Call::Over(result)) => return answer::write(row, call, result),
            Ok(Call::InProgress(operation, step)) => {
                suspend(call, operation, matches!(step, Step::Limit));
                Ok(step)
            }
            Err(Refused::Fails(error)) => return answer::write(row, call, Err(error)),
            Err(Refused::Dies(why)) => return invalid(call, why),
        },
    };
    act(row, call, step)
}

fn row(call: &fdp_call) -> &'static Row {
    // SAFETY: the trampoline found it in the table.
    let sub = unsafe { &*call.sub };
    &TABLE[sub.index as usize]
}

fn begin(row: &Row, call: &fdp_call) -> Result<Call, Refused> {
    if call.flush_error != 0 {
        return Err(Error::System(Errno::from_raw(call.flush_error)).into());
    }
    (row.begin)(&Arguments(call))
}

fn act(row: &Row, call: &mut fdp_call, step: error::Result<Step>) -> u32 {
    let result = match step {
        Ok(Step::Wait) => return FDP_WAIT,
        Ok(Step::Limit) => return FDP_LIMIT,
        Ok(Step::Text) => {
            if let Some(suspended) = suspended(call) {
                let text = suspended.text();
                (call.answer.bytes, call.answer.length) = (text.as_ptr(), text.len());
            }
            return FDP_TEXT;
        }
        Ok(Step::Done(answer)) => Ok(answer),
        Err(error) => Err(error),
    };
    drop_operation(call);
    answer::write(row, call, result)
}

/// Dies with a text that lives for ever; C adds the place, and if there is an
/// errno, what that means instead.
pub fn croak(call: &mut fdp_call, text: &'static [u8]) -> u32 {
    (call.answer.bytes, call.answer.length) = (text.as_ptr(), text.len());
    FDP_CROAK
}

/// The same, of the arguments; the call owns a text that does not live for ever.
fn invalid(call: &mut fdp_call, why: Cow<'static, str>) -> u32 {
    match why {
        Cow::Borrowed(why) => (call.answer.bytes, call.answer.length) = (why.as_ptr(), why.len()),
        Cow::Owned(why) => answer::give_bytes(call, why.into_bytes()),
    }
    FDP_INVALID
}

impl Suspended {
    fn next_step(&mut self, max_text: u64) -> error::Result<Step> {
        if std::mem::take(&mut self.limit_asked) {
            self.operation.peer_text().into_iter().for_each(|text| text.limit(max_text));
        }
        let step = self.operation.advance();
        self.limit_asked = matches!(step, Ok(Step::Limit));
        step
    }

    fn text(&mut self) -> &[u8] {
        self.operation.peer_text().map_or(&[], |text| text.piece())
    }
}

fn suspend(call: &mut fdp_call, operation: Box<dyn Operation>, limit_asked: bool) {
    let suspended = Suspended {
        operation,
        limit_asked,
        escaped: Vec::new(),
        terminal: ForTerminal::default(),
        panicked: false,
    };
    call.operation = Box::into_raw(Box::new(suspended)).cast();
}

/// The operation between two steps, borrowed from the call.
fn suspended<'a>(call: &fdp_call) -> Option<&'a mut Suspended> {
    // SAFETY: null, or what `suspend` put there.  Only one of these exists at a
    // time: each entry makes its own, and entries do not nest.
    unsafe { call.operation.cast::<Suspended>().as_mut() }
}

fn drop_operation(call: &mut fdp_call) {
    let operation = std::mem::replace(&mut call.operation, std::ptr::null_mut());
    if !operation.is_null() {
        // SAFETY: what `suspend` put there; the call has just forgotten it.
        drop(unsafe { Box::from_raw(operation.cast::<Suspended>()) });
    }
}

/// Blocks as the operation asked.
///
/// # Safety
/// As `fdp_enter`.
#[no_mangle]
pub unsafe extern "C" fn fdp_wait(call: *mut fdp_call) {
    // SAFETY: by the caller's word.
    let call = unsafe { &*call };
    if let Some(suspended) = suspended(call) {
        let wait = || suspended.operation.wait(signals(call));
        suspended.panicked = panic::caught(wait).is_none();
    }
}

fn signals(call: &fdp_call) -> Signals<'_> {
    let flag = call.signal_pending.cast_mut();
    // SAFETY: C points to the interpreter's flag, an aligned int that lives as
    // long as the interpreter.  It is written by whole stores, by signal handlers
    // and by threads->kill; this load sees the old value or the new.
    Signals((!flag.is_null()).then(|| unsafe { AtomicI32::from_ptr(flag) }))
}

/// See shim.h.  What else is wrong with the descriptor, the write will say.
///
/// # Safety
/// As `fdp_enter`.
#[no_mangle]
pub unsafe extern "C" fn fdp_await_room(call: *mut fdp_call, descriptor: i32) -> i32 {
    // SAFETY: by the caller's word.
    let call = unsafe { &*call };
    match panic::caught(|| await_room(descriptor, signals(call))) {
        Some(Err(error @ (Error::WouldBlock | Error::Interrupted))) => error.errno(),
        _ => 0,
    }
}

fn await_room(descriptor: i32, signals: Signals<'_>) -> error::Result<()> {
    let descriptor = descriptor::borrow(i64::from(descriptor))?;
    let mut waiter = Waiter::new(descriptor);
    // A wait for room is over now and then when there is none yet.
    while !wait::ready(descriptor, PollFlags::POLLOUT) {
        waiter.for_output()?;
        waiter.wait(signals);
        waiter.outcome()?;
    }
    Ok(())
}

/// See shim.h; lseek(2).
#[no_mangle]
pub extern "C" fn fdp_offset(descriptor: i32) -> i64 {
    let stands = |fd| system::position(fd).map_err(Error::from);
    descriptor::borrow(i64::from(descriptor)).and_then(stands).unwrap_or(-1)
}

/// Frees what the call still owns.
///
/// # Safety
/// As `fdp_enter`; the call is not entered again.
#[no_mangle]
pub unsafe extern "C" fn fdp_abandon(call: *mut fdp_call) {
    // SAFETY: by the caller's word.
    let call = unsafe { &mut *call };
    panic::caught(|| drop_operation(call));
    panic::caught(|| answer::forget(call));
    panic::caught(|| release_sigpipe(call));
}

/// See shim.h.
///
/// # Safety
/// As `fdp_enter`.
#[no_mangle]
pub unsafe extern "C" fn fdp_hold_sigpipe(call: *mut fdp_call) {
    // SAFETY: by the caller's word.
    let call = unsafe { &mut *call };
    release_sigpipe(call);
    if let Some(held) = sigpipe::Held::hold() {
        call.sigpipe = Box::into_raw(Box::new(held)).cast();
    }
}

/// See shim.h.
///
/// # Safety
/// As `fdp_enter`.
#[no_mangle]
pub unsafe extern "C" fn fdp_release_sigpipe(call: *mut fdp_call) {
    // SAFETY: by the caller's word.
    release_sigpipe(unsafe { &mut *call });
}

fn release_sigpipe(call: &mut fdp_call) {
    let held = std::mem::replace(&mut call.sigpipe, std::ptr::null_mut());
    if !held.is_null() {
        // SAFETY: what `fdp_hold_sigpipe` put there; the call has just forgotten it.
        drop(unsafe { Box::from_raw(held.cast::<sigpipe::Held>()) });
    }
}

/// See shim.h.
///
/// # Safety
/// As `fdp_enter`.
#[no_mangle]
pub unsafe extern "C" fn fdp_escape_text(call: *mut fdp_call, descriptor: i32) {
    // SAFETY: by the caller's word.
    let call = unsafe { &mut *call };
    let Some(suspended) = suspended(call) else {
        return;
    };
    if descriptor::borrow(i64::from(descriptor)).is_ok_and(|fd| fd.is_terminal()) {
        let Suspended { terminal, operation, .. } = suspended;
        let text = || operation.peer_text().map(|text| terminal.show(text.piece()));
        suspended.escaped = panic::caught(text).flatten().unwrap_or_default();
        (call.answer.bytes, call.answer.length) =
            (suspended.escaped.as_ptr(), suspended.escaped.len());
    }
}

/// See shim.h.
#[no_mangle]
pub extern "C" fn fdp_buffers(descriptor: i32) -> u8 {
    descriptor::borrow(i64::from(descriptor)).map_or(FDP_ONE_BUFFER, answer::buffers) as u8
}

/// The table's rows, one by one; null past its end.
#[no_mangle]
pub extern "C" fn fdp_table(row: usize) -> *const fdp_sub {
    TABLE.get(row).map_or(std::ptr::null(), |row| &row.sub)
}

/// Once; see shim.h.
#[no_mangle]
pub extern "C" fn fdp_choose_transport(tainting: u8) {
    // A panic leaves the choice as it was: sockets.
    panic::caught(|| passing::choose(tainting != 0));
}
