//! Sizes in words.

/// 2^53: whole numbers of JavaScript end there.
pub(super) const MOST_BYTES: f64 = 9_007_199_254_740_992.0;
/// Two of each power: those of 1,000 and those of 1,024.
const UNITS: [&str; 10] = ["", "b", "kb", "kib", "mb", "mib", "gb", "gib", "tb", "tib"];

/// Bytes, as `1.5 GiB` says; they may be more than anything has.
pub(super) fn size(text: &str) -> Option<f64> {
    let text = text.as_bytes().trim_ascii();
    let split = text.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split)?;
    let unit = UNITS.iter().position(|known| unit.trim_ascii().eq_ignore_ascii_case(known.as_bytes()))?;
    let base = if unit % 2 == 0 { 1000.0 } else { 1024.0f64 };
    Some(decimal(number)? * base.powi(unit as i32 / 2))
}

/// A number such as `1.5`. The standard library's parser takes every float there is, and 20 kB of the page's wasm.
fn decimal(text: &[u8]) -> Option<f64> {
    let mut parts = text.split(|byte| *byte == b'.');
    let mut number = digits(parts.next()?)?;
    if let Some(fraction) = parts.next() {
        number += digits(fraction)? / 10f64.powi(fraction.len() as i32);
    }
    parts.next().is_none().then_some(number)
}

fn digits(text: &[u8]) -> Option<f64> {
    let plain = (1..=15).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    plain.then(|| text.iter().fold(0.0, |sum, digit| sum * 10.0 + f64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_numbers_and_words() {
        for (text, bytes) in [("512KB", 512_000), ("1.5 GiB", 1_610_612_736), ("7", 7), ("1 b", 1), ("2mib", 2_097_152)]
        {
            assert_eq!(size(text), Some(f64::from(bytes)), "{text}");
        }
        for text in ["", "GB", "-1KB", "1..5KB", "1.", "9999999TB", "1 KBB"] {
            assert!(size(text).is_none_or(|bytes| bytes > MOST_BYTES), "{text}");
        }
    }
}
