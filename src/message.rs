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

/// How many of the bytes at the front of what is queued belong to one message:
/// its text, zero byte and status, or as much of that as is there.
pub fn extent(position: Position, queued: &[u8]) -> usize {
    let most = match (position, queued.iter().position(|&byte| byte == 0)) {
        (Position::Status, _) => 1,
        (Position::Text, Some(text)) => text + 2,
        (Position::Text, None) => queued.len(),
    };
    most.min(queued.len())
}

/// What bytes of one message say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// So many of them are text.
    pub text: usize,
    /// The last of them ends the message.
    pub status: Option<u8>,
    /// Where the message goes on if it does.
    pub position: Position,
}

/// Reads bytes that belong to one message, as [`extent`] cuts them.
#[inline(always)]
pub fn read(position: Position, bytes: &[u8]) -> Said {
    match (position, bytes) {
        (_, []) => Said { text: 0, status: None, position },
        (Position::Text, &[0, status]) => Said { text: 0, status: Some(status), position },
        (Position::Status, &[status, ..]) => {
            Said { text: 0, status: Some(status), position: Position::Text }
        }
        (Position::Text, bytes) => read_text(bytes),
    }
}

fn read_text(bytes: &[u8]) -> Said {
    match bytes.iter().position(|&byte| byte == 0) {
        None => Said { text: bytes.len(), status: None, position: Position::Text },
        Some(text) => match bytes.get(text + 1) {
            None => Said { text, status: None, position: Position::Status },
            Some(&status) => Said { text, status: Some(status), position: Position::Text },
        },
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
    fn a_message_ends_with_its_status() {
        let table: [(&[u8], usize); 10] = [
            (b"", 0),
            (b"\0", 1),
            (b"\0\0", 2),
            (b"\0\x05", 2),
            (b"\0\0\0\0", 2),
            (b"a", 1),
            (b"ab", 2),
            (b"a\0", 2),
            (b"ab\0\x02", 4),
            (b"ab\0\x02\0\0", 4),
        ];
        for (queued, expected) in table {
            assert_eq!(extent(Position::Text, queued), expected, "{queued:?}");
        }
        assert_eq!(extent(Position::Status, b""), 0);
        assert_eq!(extent(Position::Status, b"\0\0"), 1);
    }

    #[test]
    fn bytes_of_one_message() {
        use Position::{Status, Text};
        type Row = (Position, &'static [u8], usize, Option<u8>, Position);
        let table: [Row; 10] = [
            (Text, b"", 0, None, Text),
            (Text, b"\0", 0, None, Status),
            (Text, b"\0\0", 0, Some(0), Text),
            (Text, b"\0\x05", 0, Some(5), Text),
            (Text, b"a", 1, None, Text),
            (Text, b"ab", 2, None, Text),
            (Text, b"a\0", 1, None, Status),
            (Text, b"ab\0\x02", 2, Some(2), Text),
            (Status, b"", 0, None, Status),
            (Status, b"\0", 0, Some(0), Text),
        ];
        for (from, bytes, text, status, position) in table {
            assert_eq!(read(from, bytes), Said { text, status, position }, "{bytes:?}");
        }
    }

    #[test]
    fn after_the_zero_byte_any_byte_is_the_status() {
        for status in 0..=255 {
            assert_eq!(read(Position::Status, &[status]).status, Some(status));
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
