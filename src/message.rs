//! The two-byte protocol, pure: bytes in, verdict out.
//!
//! A message is a zero byte and a status, after any bytes of text that are not
//! zero.  Status 0 says that a descriptor comes with the message, any other is
//! an errno.  The format is that of `send_fd` in Stevens' "Advanced Programming
//! in the UNIX Environment".

use std::num::NonZeroU8;

/// Where status 0 stands for descriptors that come along.
pub const DESCRIPTOR: [u8; 2] = [0, 0];

/// The message that says `status`.
pub fn status(status: NonZeroU8) -> [u8; 2] {
    [0, status.get()]
}

/// The status that stands for an errno: its low byte, 1 if that is 0.
pub fn status_of(errno: i64) -> NonZeroU8 {
    NonZeroU8::new((errno & 0xff) as u8).unwrap_or(NonZeroU8::MIN)
}

/// How far into a message its reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Position {
    /// At the start, or in the text.
    #[default]
    Text,
    /// After the zero byte: the status comes next.
    Status,
}

/// What the bytes at the front of a connection are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// So many bytes of text, and the message goes on.
    Text(usize),
    /// A zero byte whose status has not come.
    Half,
    /// A zero byte and a status: the end of a message.
    End { length: usize, status: u8 },
}

/// Looks at the front of what is queued; `queued` is not empty.
pub fn front(position: Position, queued: &[u8]) -> Front {
    if position == Position::Status {
        return Front::End { length: 1, status: queued[0] };
    }
    match queued.iter().position(|&byte| byte == 0) {
        Some(0) if queued.len() == 1 => Front::Half,
        Some(0) => Front::End { length: 2, status: queued[1] },
        Some(text) => Front::Text(text),
        None => Front::Text(queued.len()),
    }
}

/// The status of the message at the front, if so much of it is queued.
pub fn status_seen(position: Position, queued: &[u8]) -> Option<u8> {
    let after_zero = match position {
        Position::Status => 0,
        Position::Text => queued.iter().position(|&byte| byte == 0)? + 1,
    };
    queued.get(after_zero).copied()
}

/// What a message is that comes whole, as a stream keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// All of it is text, and there is more to come.
    Text,
    /// So many bytes of text, the zero byte and the status.
    End { text: usize, status: u8 },
    /// The zero byte is not the last but one.
    Malformed,
}

/// Looks at a whole message.
pub fn whole(message: &[u8]) -> Whole {
    match message.iter().position(|&byte| byte == 0) {
        None => Whole::Text,
        Some(text) if text + 2 == message.len() => Whole::End { text, status: message[text + 1] },
        Some(_) => Whole::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_messages() {
        use Whole::{End, Malformed, Text};
        let table: [(&[u8], Whole); 10] = [
            (b"\0\0", End { text: 0, status: 0 }),
            (b"\0\x05", End { text: 0, status: 5 }),
            (b"no such file\n\0\x02", End { text: 13, status: 2 }),
            (b"text\0\0", End { text: 4, status: 0 }),
            (b"text", Text),
            (b"\0", Malformed),
            (b"text\0", Malformed),
            (b"\0ab", Malformed),
            (b"\0\0\0\0", Malformed),
            (b"text\0\0more", Malformed),
        ];
        for (message, expected) in table {
            assert_eq!(whole(message), expected, "{message:?}");
        }
    }

    #[test]
    fn fronts() {
        use Front::{End, Half, Text};
        let table: [(&[u8], Front); 9] = [
            (b"\0", Half),
            (b"\0\0", End { length: 2, status: 0 }),
            (b"\0\x05", End { length: 2, status: 5 }),
            (b"\0\0\0\0", End { length: 2, status: 0 }),
            (b"a", Text(1)),
            (b"ab", Text(2)),
            (b"a\0", Text(1)),
            (b"ab\0\x02", Text(2)),
            (b"\0a", End { length: 2, status: b'a' }),
        ];
        for (queued, expected) in table {
            assert_eq!(front(Position::Text, queued), expected, "{queued:?}");
        }
    }

    #[test]
    fn after_the_zero_byte_any_byte_is_the_status() {
        for status in 0..=255 {
            let expected = Front::End { length: 1, status };
            assert_eq!(front(Position::Status, &[status, b'x']), expected);
        }
    }

    #[test]
    fn statuses_that_are_seen() {
        use Position::{Status, Text};
        let table: [(Position, &[u8], Option<u8>); 8] = [
            (Text, b"", None),
            (Text, b"text", None),
            (Text, b"text\0", None),
            (Text, b"text\0\x05", Some(5)),
            (Text, b"\0\0\0\x05", Some(0)),
            (Status, b"", None),
            (Status, b"\x05\0", Some(5)),
            (Status, b"\0\x05", Some(0)),
        ];
        for (position, queued, expected) in table {
            assert_eq!(status_seen(position, queued), expected, "{queued:?}");
        }
    }

    #[test]
    fn statuses_are_low_bytes_and_never_zero() {
        for (errno, expected) in
            [(1, 1), (5, 5), (255, 255), (256, 1), (257, 1), (512, 1), (300, 44)]
        {
            assert_eq!(status_of(errno).get(), expected, "{errno}");
        }
    }
}
