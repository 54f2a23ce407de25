//! `name => value` pairs.  A name that nobody knows, or a value that makes no
//! sense, is InvalidArgument; an undefined value is as if it were not there.

use std::time::Duration;

use nix::sys::stat::Mode;

use super::bindings::fdp_option;
use super::call::Arguments;
use crate::endpoint::{Connecting, Listening};
use crate::error::{Error, Result};

fn pairs<'a>(arguments: &Arguments<'a>) -> Result<impl Iterator<Item = &'a fdp_option>> {
    if arguments.has_odd_options() {
        return Err(Error::InvalidArgument);
    }
    Ok(arguments.options().iter())
}

fn whole(value: f64, most: u32) -> Result<u32> {
    if (0.0..=f64::from(most)).contains(&value) && value.fract() == 0.0 {
        Ok(value as u32)
    } else {
        Err(Error::InvalidArgument)
    }
}

pub fn of_create(arguments: &Arguments<'_>) -> Result<Listening> {
    let mut options = Listening::default();
    for option in pairs(arguments)? {
        match (option.name(), option.defined != 0) {
            (b"mode", true) => {
                let bits = whole(option.number, 0o777)?;
                options.mode = Some(Mode::from_bits_truncate(bits as libc::mode_t));
            }
            (b"backlog", true) => {
                options.backlog = Some(whole(option.number, i32::MAX as u32)? as i32)
            }
            (b"exclusive", _) => options.exclusive = option.truth != 0,
            (b"sender", _) => options.note_senders = option.truth != 0,
            (b"mode" | b"backlog", false) => {}
            _ => return Err(Error::InvalidArgument),
        }
    }
    Ok(options)
}

pub fn of_connect(arguments: &Arguments<'_>) -> Result<Connecting> {
    let mut options = Connecting::default();
    for option in pairs(arguments)? {
        match (option.name(), option.defined != 0) {
            (b"timeout", true) => {
                let timeout = Duration::try_from_secs_f64(option.number);
                options.timeout = Some(timeout.map_err(|_| Error::InvalidArgument)?);
            }
            (b"timeout", false) => {}
            (b"sender", _) => options.note_senders = option.truth != 0,
            _ => return Err(Error::InvalidArgument),
        }
    }
    Ok(options)
}
