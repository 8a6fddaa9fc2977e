//! Texts made of others. Beside the standard library's `format!`, whose machinery is kilobytes of the page's wasm.

use crate::json::write_count;

/// A sentence with its gaps filled: each `@` by the next of the texts, each `#` by the next of the counts.
pub fn fill(sentence: &str, texts: &[&str], counts: &[u64]) -> String {
    let (mut filled, mut texts, mut counts) = (String::new(), texts.iter(), counts.iter());
    let mut rest = sentence;
    // Checked, because what std says of a split that fails are kilobytes of the page's wasm too.
    while let Some((before, gap)) = rest.bytes().position(is_gap).and_then(|at| rest.split_at_checked(at)) {
        filled.push_str(before);
        if gap.starts_with('@') {
            filled.push_str(texts.next().unwrap_or(&""));
        } else {
            write_count(&mut filled, counts.next().copied().unwrap_or(0));
        }
        rest = gap.get(1..).unwrap_or_default();
    }
    filled.push_str(rest);
    filled
}

fn is_gap(byte: u8) -> bool {
    matches!(byte, b'@' | b'#')
}

/// Two digits a byte.
pub fn write_hex(text: &mut String, bytes: &[u8], digits: &[u8; 16]) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(digits[usize::from(digit)]));
        }
    }
}

pub const LOWER: &[u8; 16] = b"0123456789abcdef";
pub const UPPER: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_in_their_order() {
        assert_eq!(fill("“@” (@) has # of #", &["ä@", "#"], &[0, u64::MAX]), format!("“ä@” (#) has 0 of {}", u64::MAX));
        assert_eq!(fill("no gap", &[], &[]), "no gap");
    }
}
