//! What each XSUB does: its arguments, and what it asks of [`passing`].

use std::borrow::Cow;
use std::ffi::CString;
use std::time::{Duration, Instant};

use super::call::Arguments;
use super::options;
use crate::descriptor::{self, Mode};
use crate::endpoint::Connecting;
use crate::error::{self, Error};
use crate::operation::{Answer, Call};
use crate::passing::{self, Patience, Type};
use crate::system;
use crate::threads;
use crate::transport::MOST_DESCRIPTORS;

/// Why a call does not begin.
pub enum Refused {
    /// It fails.
    Fails(Error),
    /// The arguments make no sense: it dies.
    Dies(Cow<'static, str>),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused::Fails(error)
    }
}

/// What is wrong with the options.
impl From<String> for Refused {
    fn from(why: String) -> Self {
        Refused::Dies(why.into())
    }
}

fn dies<T>(why: &'static str) -> Result<T, Refused> {
    Err(Refused::Dies(why.into()))
}

type Outcome = Result<Call, Refused>;

fn over(result: error::Result<Answer>) -> Outcome {
    Ok(Call::Over(result))
}

pub fn spipe(arguments: &Arguments<'_>) -> Outcome {
    let (kind, note_senders) = options::of_pair(arguments)?;
    Ok(passing::pair(kind, note_senders))
}

pub fn endp_create(arguments: &Arguments<'_>) -> Outcome {
    let (kind, options) = options::of_create(arguments)?;
    Ok(passing::create(kind, arguments.terminated(0)?, options))
}

pub fn endp_connect(arguments: &Arguments<'_>) -> Outcome {
    let (kind, options) = options::of_connect(arguments)?;
    Ok(passing::connect(kind, arguments.terminated(0)?, options))
}

pub fn cli_conn(arguments: &Arguments<'_>) -> Outcome {
    let options = Connecting { survives_exec: true, ..Connecting::default() };
    Ok(passing::connect(Type::Stream, arguments.terminated(0)?, options))
}

pub fn serv_accept_fh(arguments: &Arguments<'_>) -> Outcome {
    Ok(passing::accept(arguments.descriptor(0)?, true, arguments.is_given(1)))
}

pub fn serv_accept_fd(arguments: &Arguments<'_>) -> Outcome {
    Ok(passing::accept(arguments.descriptor(0)?, false, arguments.is_given(1)))
}

pub fn send_file(arguments: &Arguments<'_>) -> Outcome {
    Ok(passing::send(arguments.descriptor(0)?, arguments.descriptor(1)?))
}

pub fn my_send_fd(arguments: &Arguments<'_>) -> Outcome {
    match arguments.integer(1) {
        Some(status @ ..=-1) => {
            Ok(passing::send_error(arguments.descriptor(0)?, status.wrapping_neg(), b"", None))
        }
        _ => send_file(arguments),
    }
}

pub fn send_files(arguments: &Arguments<'_>) -> Outcome {
    Ok(passing::send_all(arguments.descriptor(0)?, arguments.handles(), None))
}

pub fn send_err(arguments: &Arguments<'_>) -> Outcome {
    let text = arguments.bytes(2);
    let Some(errno @ 1..=255) = arguments.integer(1) else {
        return dies("argument 2 is not an errno, 1 to 255");
    };
    if text.contains(&0) {
        return dies("argument 3 has a NUL byte in it");
    }
    Ok(passing::send_error(arguments.descriptor(0)?, errno, text, None))
}

pub fn recv_fh(arguments: &Arguments<'_>) -> Outcome {
    Ok(passing::receive(arguments.descriptor(0)?, true, arguments.is_given(1)))
}

pub fn recv_fd(arguments: &Arguments<'_>) -> Outcome {
    Ok(passing::receive(arguments.descriptor(0)?, false, arguments.is_given(1)))
}

pub fn receive_all(arguments: &Arguments<'_>) -> Outcome {
    let Some(most) = most_descriptors(arguments, 1) else {
        return dies("argument 2 is negative");
    };
    Ok(passing::receive_all(arguments.descriptor(0)?, most, arguments.is_given(2), None))
}

/// None if it is negative.
fn most_descriptors(arguments: &Arguments<'_>, index: usize) -> Option<usize> {
    let most = arguments.integer(index).unwrap_or(MOST_DESCRIPTORS as i64);
    size(most)
}

/// None if it is negative; what does not fit into memory is all of it.
fn size(number: i64) -> Option<usize> {
    (number >= 0).then(|| usize::try_from(number).unwrap_or(usize::MAX))
}

pub fn write_fd(arguments: &Arguments<'_>) -> Outcome {
    let (connection, bytes) = (arguments.descriptor(0)?, arguments.bytes(1));
    if !arguments.is_given(1) {
        return dies("argument 2, the bytes, is missing or undefined");
    }
    let may_be_empty = || passing::keeps_boundaries(connection);
    if bytes.is_empty() && !may_be_empty() {
        return dies("argument 2 is empty");
    }
    Ok(passing::write(connection, bytes, arguments.handles(), None))
}

pub fn read_fd(arguments: &Arguments<'_>) -> Outcome {
    let Some(length @ 1..) = arguments.integer(1).and_then(size) else {
        return dies("argument 2 is not 1 or more");
    };
    let Some(most) = most_descriptors(arguments, 2) else {
        return dies("argument 3 is negative");
    };
    Ok(passing::read(arguments.descriptor(0)?, length, most, arguments.is_given(3), None))
}

pub fn ask_sender(arguments: &Arguments<'_>) -> Outcome {
    Ok(passing::note_senders(arguments.descriptor(0)?))
}

pub fn peer_cred(arguments: &Arguments<'_>) -> Outcome {
    Ok(passing::peer(arguments.descriptor(0)?))
}

pub fn peer_pidfd(arguments: &Arguments<'_>) -> Outcome {
    Ok(passing::peer_process(arguments.descriptor(0)?))
}

pub fn peer_groups(arguments: &Arguments<'_>) -> Outcome {
    Ok(passing::peer_groups(arguments.descriptor(0)?))
}

pub fn memfd(arguments: &Arguments<'_>) -> Outcome {
    let name = CString::new(arguments.bytes(0))
        .map_err(|_| Refused::Dies("argument 1 has a NUL byte in it".into()))?;
    if !arguments.is_given(1) {
        return dies("argument 2 is undefined");
    }
    Ok(passing::memory_file(&name, arguments.bytes(1)))
}

pub fn my_getfl(arguments: &Arguments<'_>) -> Outcome {
    let flags = descriptor::status_flags(arguments.descriptor(0)?);
    over(flags.map(|flags| Answer::number(i64::from(flags.bits()))))
}

pub fn get_fopen_mode(arguments: &Arguments<'_>) -> Outcome {
    let flags = descriptor::status_flags(arguments.descriptor(0)?)?;
    let mode = Mode::from_flags(flags).ok_or(Error::InvalidArgument)?;
    over(Ok(Answer::text(mode.name())))
}

pub fn bind_to_fs(arguments: &Arguments<'_>) -> Outcome {
    Ok(passing::attach(arguments.descriptor(0)?, arguments.terminated(1)?))
}

pub fn my_isastream(arguments: &Arguments<'_>) -> Outcome {
    let is_stream = passing::is_stream(arguments.descriptor(0)?);
    over(is_stream.map(|is_stream| Answer::number(i64::from(is_stream))))
}

/// Perl calls it in each new thread; perlmod(1).
pub fn clone(_: &Arguments<'_>) -> Outcome {
    threads::note();
    over(Ok(Answer::default()))
}

pub fn transport(_: &Arguments<'_>) -> Outcome {
    over(Ok(Answer::text(passing::name())))
}

/// What the connection's own flags say does not count.
pub fn receive_into(arguments: &Arguments<'_>) -> Outcome {
    let patience = Some(Patience::None);
    Ok(passing::receive_all(arguments.descriptor(0)?, MOST_DESCRIPTORS, false, patience))
}

pub fn read_into(arguments: &Arguments<'_>) -> Outcome {
    let length = arguments.integer(2).and_then(size);
    let length = length.unwrap_or(0).max(1);
    let patience = patience(arguments.integer(3));
    Ok(passing::read(arguments.descriptor(0)?, length, MOST_DESCRIPTORS, false, patience))
}

pub fn send_files_from(arguments: &Arguments<'_>) -> Outcome {
    let patience = Some(Patience::None);
    Ok(passing::send_all(arguments.descriptor(0)?, arguments.handles(), patience))
}

pub fn send_err_from(arguments: &Arguments<'_>) -> Outcome {
    let errno = arguments.integer(2).ok_or(Error::InvalidArgument)?;
    let patience = Some(Patience::None);
    Ok(passing::send_error(arguments.descriptor(0)?, errno, arguments.bytes(3), patience))
}

pub fn write_from(arguments: &Arguments<'_>) -> Outcome {
    let connection = arguments.descriptor(0)?;
    let patience = patience(arguments.integer(2));
    Ok(passing::write(connection, arguments.bytes(3), arguments.handles(), patience))
}

/// So many milliseconds; fewer than 0, for ever.
fn patience(milliseconds: Option<i64>) -> Option<Patience> {
    let Ok(milliseconds) = u64::try_from(milliseconds.unwrap_or(0)) else {
        return Some(Patience::ForEver);
    };
    let deadline = Instant::now().checked_add(Duration::from_millis(milliseconds));
    Some(match deadline {
        _ if milliseconds == 0 => Patience::None,
        None => Patience::ForEver,
        Some(deadline) => Patience::Until(deadline),
    })
}

/// Another descriptor of the same file; none if the second argument is one.
pub fn spare(arguments: &Arguments<'_>) -> Outcome {
    let descriptor = arguments.descriptor(0)?;
    let is_there =
        arguments.descriptor(1).is_ok_and(|spare| system::is_same_file(descriptor, spare));
    over(match is_there {
        true => Ok(Answer::default()),
        false => descriptor::duplicate(descriptor).map(Answer::descriptor),
    })
}
