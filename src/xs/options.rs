//! `name => value` pairs.  A name that nobody knows, or a value that makes no
//! sense, is named in what the call dies of; an undefined value is as if it
//! were not there.

use std::time::Duration;

use nix::sys::stat::Mode;

use super::bindings::fdp_option;
use super::call::Arguments;
use crate::endpoint::{Connecting, Listening};
use crate::passing::Type;

/// Or what is wrong with the options, for whoever wrote them.
pub type Result<T> = std::result::Result<T, String>;

/// So many bytes of a name or value are shown.
const SHOWN: usize = 40;

/// The first argument of what is called as a method.
const CLASS: &[u8] = b"File::FDpasser";
const NO_METHOD: &str = "it is a function, no method";

const MOST_PERMISSIONS: u32 = 0o777;

/// And whether both ends note who sends.
pub fn of_pair(arguments: &Arguments<'_>) -> Result<(Type, bool)> {
    let (mut kind, mut note_senders) = (None, false);
    for option in arguments.options() {
        match option.named()? {
            b"type" => kind = option.value(endpoint_type)?,
            b"sender" => note_senders = option.truth != 0,
            _ => return Err(option.is_unknown()),
        }
    }
    Ok((kind.unwrap_or_default(), note_senders))
}

pub fn of_create(arguments: &Arguments<'_>) -> Result<(Type, Listening)> {
    refuse_class(arguments)?;
    let (mut kind, mut options) = (None, Listening::default());
    for option in arguments.options() {
        match option.named()? {
            b"type" => kind = option.value(endpoint_type)?,
            b"mode" => options.mode = option.value(permissions)?,
            b"backlog" => options.backlog = option.value(backlog)?,
            b"exclusive" => options.exclusive = option.truth != 0,
            b"sender" => options.note_senders = option.truth != 0,
            _ => return Err(option.is_unknown()),
        }
    }
    let kind = kind.unwrap_or_default();
    if kind == Type::Dgram && options.backlog.is_some() {
        return Err("backlog makes no sense with type => 'dgram': nobody connects".into());
    }
    Ok((kind, options))
}

pub fn of_connect(arguments: &Arguments<'_>) -> Result<(Type, Connecting)> {
    refuse_class(arguments)?;
    let (mut kind, mut options) = (None, Connecting::default());
    for option in arguments.options() {
        match option.named()? {
            b"type" => kind = option.value(endpoint_type)?,
            b"timeout" => options.timeout = option.value(timeout)?,
            b"sender" => options.note_senders = option.truth != 0,
            _ => return Err(option.is_unknown()),
        }
    }
    Ok((kind.unwrap_or_default(), options))
}

/// Where a path should be.
fn refuse_class(arguments: &Arguments<'_>) -> Result<()> {
    match arguments.bytes(0) {
        CLASS => Err(NO_METHOD.into()),
        _ => Ok(()),
    }
}

impl fdp_option {
    /// Its name, if there is a value, too.
    fn named(&self) -> Result<&[u8]> {
        if self.name() == CLASS {
            return Err(NO_METHOD.into());
        }
        if self.has_value == 0 {
            return Err(format!(
                "option {} has no value: options are name => value",
                shown(self.name())
            ));
        }
        Ok(self.name())
    }

    /// As `read` takes it; None if it is undefined.
    fn value<T>(&self, read: impl FnOnce(&Self) -> Result<T>) -> Result<Option<T>> {
        (self.defined != 0).then(|| read(self)).transpose()
    }

    fn is_unknown(&self) -> String {
        format!("there is no option {}", shown(self.name()))
    }

    fn is_wrong(&self, why: &str) -> String {
        let (name, text) = (shown(self.name()), shown(self.text()));
        if self.number.is_nan() || self.text().starts_with(b"0") {
            format!("{name} => '{text}' {why}")
        } else {
            format!("{name} => {text} {why}")
        }
    }
}

fn shown(bytes: &[u8]) -> String {
    let mut shown = bytes[..bytes.len().min(SHOWN)].escape_ascii().to_string();
    if bytes.len() > SHOWN {
        shown.push_str("...");
    }
    shown
}

/// Perl takes '0600' for six hundred, and 600 is no permission at all.
fn permissions(option: &fdp_option) -> Result<Mode> {
    let is_octal = option.text().len() > 1 && option.text().starts_with(b"0");
    match (whole(option.number, MOST_PERMISSIONS), octal(option.text())) {
        (_, Some(meant)) if is_octal => Err(option.is_wrong(&format!(
            "is a string, which perl takes for a decimal number: 0{meant:03o} was meant"
        ))),
        (None, Some(meant)) => {
            Err(option.is_wrong(&format!("is more than 0777: 0{meant:03o} was meant")))
        }
        (None, None) => Err(option.is_wrong("is no number from 0 to 0777")),
        (Some(bits), _) => Ok(Mode::from_bits_truncate(bits as libc::mode_t)),
    }
}

/// The permissions that the digits would be after a 0.
fn octal(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    let digits_only = digits.bytes().all(|digit| digit.is_ascii_digit());
    let number = u32::from_str_radix(digits, 8).ok()?;
    (digits_only && number <= MOST_PERMISSIONS).then_some(number)
}

fn endpoint_type(option: &fdp_option) -> Result<Type> {
    match option.text() {
        b"stream" => Ok(Type::Stream),
        b"seqpacket" => Ok(Type::SeqPacket),
        b"dgram" => Ok(Type::Dgram),
        _ => Err(option.is_wrong("is neither 'stream' nor 'seqpacket' nor 'dgram'")),
    }
}

fn backlog(option: &fdp_option) -> Result<i32> {
    let number = whole(option.number, i32::MAX as u32);
    let why = "is no whole number from 0 to 2147483647";
    number.map(|number| number as i32).ok_or_else(|| option.is_wrong(why))
}

fn timeout(option: &fdp_option) -> Result<Duration> {
    let seconds = Duration::try_from_secs_f64(option.number);
    seconds.map_err(|_| option.is_wrong("is no number of seconds"))
}

fn whole(value: f64, most: u32) -> Option<u32> {
    ((0.0..=f64::from(most)).contains(&value) && value.fract() == 0.0).then_some(value as u32)
}
