//! The peer's text: handed on in pieces, up to a limit; and as a terminal may
//! show it.

use std::os::fd::BorrowedFd;
use std::str::{self, Utf8Error};

use crate::descriptor::{self, Identity};
use crate::error::{self, Error};
use crate::operation::Step;

/// Text that came in one call, and was not handed on yet.
#[derive(Debug, Default)]
pub struct PeerText {
    waiting: Vec<u8>,
    piece: Vec<u8>,
    /// Of all the call's pieces.
    length: u64,
    limit: Option<u64>,
    /// What the connection was when a piece was handed on.
    handed_on_by: Option<Identity>,
}

impl PeerText {
    /// Text is handed on when there is so much of it, or no more.
    pub const PIECE: usize = 4096;

    pub fn add(&mut self, text: &[u8]) {
        self.waiting.extend_from_slice(text);
    }

    /// How many bytes wait to be handed on.
    #[inline(always)]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Says how many bytes one call takes, after [`Step::Limit`].
    pub fn limit(&mut self, bytes: u64) {
        self.limit = Some(bytes);
    }

    /// The step that hands on what waits.  Malformed if that is more than a call
    /// takes.
    #[cold]
    pub fn hand_on(&mut self, connection: BorrowedFd<'_>) -> error::Result<Step> {
        let Some(limit) = self.limit else {
            return Ok(Step::Limit);
        };
        self.piece = std::mem::take(&mut self.waiting);
        self.length += self.piece.len() as u64;
        if self.length > limit {
            return Err(Error::Malformed);
        }
        self.handed_on_by = descriptor::identity(connection);
        Ok(Step::Text)
    }

    /// Whether a piece has been handed on since this was asked last.
    /// NotADescriptor if the program has closed the connection meanwhile: another
    /// may have its number by now.
    #[inline(always)]
    pub fn was_handed_on(&mut self, connection: BorrowedFd<'_>) -> error::Result<bool> {
        match self.handed_on_by.take() {
            None => Ok(false),
            before if before == descriptor::identity(connection) => Ok(true),
            _ => Err(Error::NotADescriptor),
        }
    }

    /// What is handed on, after [`Step::Text`].
    pub fn piece(&self) -> &[u8] {
        &self.piece
    }
}

/// Makes text fit for a terminal, piece by piece.
#[derive(Default)]
pub struct ForTerminal {
    /// The bytes of a character whose rest has not come.  If it never comes
    /// they are not shown.
    begun: Vec<u8>,
}

impl ForTerminal {
    /// Control characters but newline and tab, and bytes that are no UTF-8,
    /// become `\xNN`: a terminal obeys them, and the peer is not its user.
    pub fn show(&mut self, piece: &[u8]) -> Vec<u8> {
        let text = [&std::mem::take(&mut self.begun), piece].concat();
        let mut shown = Vec::with_capacity(text.len());
        let mut rest = text.as_slice();
        while let Err(error) = show_valid(rest, &mut shown) {
            let bad = &rest[error.valid_up_to()..];
            let Some(length) = error.error_len() else {
                self.begun = bad.to_vec();
                return shown;
            };
            bad[..length].iter().for_each(|&byte| escape(u32::from(byte), &mut shown));
            rest = &bad[length..];
        }
        shown
    }
}

/// As far as it is UTF-8.
fn show_valid(text: &[u8], shown: &mut Vec<u8>) -> Result<(), Utf8Error> {
    let (valid, result) = match str::from_utf8(text) {
        Ok(valid) => (valid, Ok(())),
        Err(error) => {
            (str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default(), Err(error))
        }
    };
    valid.chars().for_each(|character| show(character, shown));
    result
}

fn show(character: char, shown: &mut Vec<u8>) {
    if character.is_control() && !matches!(character, '\n' | '\t') {
        escape(u32::from(character), shown);
    } else {
        shown.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn escape(code: u32, shown: &mut Vec<u8>) {
    shown.extend_from_slice(format!("\\x{code:02x}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::ForTerminal;

    #[test]
    fn what_can_be_read_stays_and_what_is_obeyed_is_escaped() {
        let table: [(&[u8], &[u8]); 7] = [
            (b"", b""),
            (b"plain\tand\nlines", b"plain\tand\nlines"),
            (b"\x1b[2J", b"\\x1b[2J"),
            (b"\r\x07\x7f", b"\\x0d\\x07\\x7f"),
            ("caf\u{e9} \u{9b}2J".as_bytes(), "caf\u{e9} \\x9b2J".as_bytes()),
            (b"\x9b2J", b"\\x9b2J"),
            (b"a\xff\xfeb\xe2\x82", b"a\\xff\\xfeb"),
        ];
        for (text, shown) in table {
            assert_eq!(ForTerminal::default().show(text), shown, "{text:?}");
        }
    }

    #[test]
    fn a_character_may_come_in_pieces() {
        let mut terminal = ForTerminal::default();
        let pieces: [&[u8]; 5] = [b"x\xe2", b"\x82", b"\xac\xe2", b"y", b"z"];
        let shown: Vec<u8> = pieces.iter().flat_map(|piece| terminal.show(piece)).collect();
        assert_eq!(shown, "x\u{20ac}\\xe2yz".as_bytes());
    }
}
