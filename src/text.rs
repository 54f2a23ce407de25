//! The peer's text as a terminal may show it.

use std::str::{self, Utf8Error};

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
        let pieces: [&[u8]; 4] = [b"x\xe2", b"\x82", b"\xac\xe2", b"y"];
        let shown: Vec<u8> = pieces.iter().flat_map(|piece| terminal.show(piece)).collect();
        assert_eq!(shown, "x\u{20ac}\\xe2y".as_bytes());
    }
}
