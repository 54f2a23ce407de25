//! The peer's text as a terminal may show it.

use std::str;

/// Control characters but newline and tab, and bytes that are no UTF-8, become
/// `\xNN`: a terminal obeys them, and the peer is not its user.
pub fn for_terminal(mut text: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(text.len());
    while !text.is_empty() {
        let (valid, invalid) = match str::from_utf8(text) {
            Ok(valid) => (valid, 0),
            Err(error) => {
                let valid = &text[..error.valid_up_to()];
                let invalid = error.error_len().unwrap_or(text.len() - valid.len());
                (str::from_utf8(valid).unwrap_or_default(), invalid)
            }
        };
        valid.chars().for_each(|character| show(character, &mut shown));
        let (bad, rest) = text[valid.len()..].split_at(invalid);
        bad.iter().for_each(|&byte| escape(u32::from(byte), &mut shown));
        text = rest;
    }
    shown
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
    use super::for_terminal;

    #[test]
    fn what_can_be_read_stays_and_what_is_obeyed_is_escaped() {
        let table: [(&[u8], &[u8]); 7] = [
            (b"", b""),
            (b"plain\tand\nlines", b"plain\tand\nlines"),
            (b"\x1b[2J", b"\\x1b[2J"),
            (b"\r\x07\x7f", b"\\x0d\\x07\\x7f"),
            ("caf\u{e9} \u{9b}2J".as_bytes(), "caf\u{e9} \\x9b2J".as_bytes()),
            (b"\x9b2J", b"\\x9b2J"),
            (b"a\xff\xfeb\xe2\x82", b"a\\xff\\xfeb\\xe2\\x82"),
        ];
        for (text, shown) in table {
            assert_eq!(for_terminal(text), shown, "{text:?}");
        }
    }
}
