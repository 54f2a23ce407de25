//! The message parser: whatever bytes come, and in whatever pieces they are
//! seen, they are the same messages.

use fdpasser::message::{extent, read, whole, Position, Whole};

/// What is left when the bytes end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Status(u8),
    Half,
    Text,
}

type Messages<'a> = Vec<(&'a [u8], End)>;

/// The first byte says how much is seen at a time.
pub fn check(input: &[u8]) {
    let Some((&size, bytes)) = input.split_first() else { return };
    let expected = messages(bytes);
    for seen in [1, 2, 1 + usize::from(size)] {
        assert_eq!(read_all(bytes, seen), expected);
    }
    check_whole(bytes);
}

/// By definition: text up to a zero byte, and a status.
fn messages(mut bytes: &[u8]) -> Messages<'_> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let text = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        let (end, length) = match bytes[text..] {
            [] => (End::Text, text),
            [_] => (End::Half, text + 1),
            [_, status, ..] => (End::Status(status), text + 2),
        };
        found.push((&bytes[..text], end));
        bytes = &bytes[length..];
    }
    found
}

/// As a receiver does, which sees so many bytes at a time.
fn read_all(bytes: &[u8], window: usize) -> Messages<'_> {
    let (mut found, mut position) = (Vec::new(), Position::default());
    let (mut start, mut text, mut at) = (0, 0, 0);
    while at < bytes.len() {
        let queued = &bytes[at..bytes.len().min(at + window)];
        let length = extent(position, queued);
        assert!((1..=queued.len()).contains(&length));
        let said = read(position, &queued[..length]);
        (text, position, at) = (text + said.text, said.position, at + length);
        if let Some(status) = said.status {
            found.push((&bytes[start..start + text], End::Status(status)));
            (start, text) = (at, 0);
        }
    }
    match position {
        Position::Status => found.push((&bytes[start..start + text], End::Half)),
        Position::Text if start < at => found.push((&bytes[start..at], End::Text)),
        Position::Text => {}
    }
    found
}

/// Messages that come whole agree with those of a stream of bytes.
fn check_whole(bytes: &[u8]) {
    let found = messages(bytes);
    let expected = match found.as_slice() {
        [] | [(_, End::Text)] => Whole::Text,
        [(text, End::Status(status))] => Whole::End { text: text.len(), status: *status },
        _ => Whole::Malformed,
    };
    assert_eq!(whole(bytes), expected);
}
