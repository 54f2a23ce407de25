//! The message parser: whatever bytes come, and in whatever pieces they are
//! seen, they are the same messages.

use fdpasser::message::{front, whole, Front, Position, Whole};

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
    for (seen, takes_halves) in [(2, false), (2 + usize::from(size), size % 2 == 1)] {
        assert_eq!(read(bytes, seen, takes_halves), expected);
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

/// As a receiver does, which sees so many bytes at a time, and takes a zero
/// byte that it sees alone, or leaves it and sees what comes behind it.
fn read(bytes: &[u8], window: usize, takes_halves: bool) -> Messages<'_> {
    let (mut found, mut position) = (Vec::new(), Position::default());
    let (mut start, mut at, mut zero) = (0, 0, 0);
    while at < bytes.len() {
        let alone = takes_halves && bytes[at] == 0 && position == Position::Text;
        let seen = if alone { 1 } else { window };
        let queued = &bytes[at..bytes.len().min(at + seen)];
        match front(position, queued) {
            Front::Text(length) => {
                assert!((1..=queued.len()).contains(&length));
                at += length;
            }
            Front::Half => {
                assert_eq!((position, queued), (Position::Text, &[0][..]));
                (position, zero) = (Position::Status, at);
                at += 1;
            }
            Front::End { length, status } => {
                assert!(length <= queued.len());
                zero = if position == Position::Text { at } else { zero };
                found.push((&bytes[start..zero], End::Status(status)));
                at += length;
                (start, position) = (at, Position::Text);
            }
        }
    }
    match position {
        Position::Status => found.push((&bytes[start..zero], End::Half)),
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
