//! `Range` of RFC 9110 §14, for one range of bytes.

/// Which bytes a request wants.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// No range, or one that may be ignored (another unit, several ranges, no sense): answer 200 with all.
    All,
    /// From the first to before the second; answer 206.
    Part(u64, u64),
    /// Answer 416.
    None,
}

/// What `header` wants of `size` bytes.
pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some((unit, spec)) = header.and_then(|header| header.split_once('=')) else { return Wanted::All };
    let spec = spec.trim();
    if !unit.trim().eq_ignore_ascii_case("bytes") || spec.contains(',') {
        return Wanted::All;
    }
    let Some((first, last)) = spec.split_once('-') else { return Wanted::All };
    let number = |text: &str| match text.trim() {
        digits if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits.parse().unwrap_or(u64::MAX))
        }
        _ => None,
    };
    match (number(first), number(last)) {
        (None, Some(0)) if first.trim().is_empty() => Wanted::None,
        (None, Some(_)) if first.trim().is_empty() && size == 0 => Wanted::None,
        (None, Some(suffix)) if first.trim().is_empty() => Wanted::Part(size.saturating_sub(suffix), size),
        (Some(first), None) if last.trim().is_empty() && first < size => Wanted::Part(first, size),
        (Some(_), None) if last.trim().is_empty() => Wanted::None,
        (Some(first), Some(last)) if first > last => Wanted::All,
        (Some(first), Some(last)) if first < size => Wanted::Part(first, last.saturating_add(1).min(size)),
        (Some(_), Some(_)) => Wanted::None,
        _ => Wanted::All,
    }
}

#[cfg(test)]
mod tests {
    use super::{Wanted::*, wanted};

    #[test]
    fn ranges() {
        for (header, size, expected) in [
            ("bytes=0-4", 10, Part(0, 5)),
            ("Bytes = 5-", 10, Part(5, 10)),
            ("bytes=-3", 10, Part(7, 10)),
            ("bytes=-30", 10, Part(0, 10)),
            ("bytes=9-99999999999999999999", 10, Part(9, 10)),
            ("bytes=10-", 10, None),
            ("bytes=10-12", 10, None),
            ("bytes=-0", 10, None),
            ("bytes=0-", 0, None),
            ("bytes=-1", 0, None),
            ("bytes=4-2", 10, All),
            ("bytes=0-1,3-4", 10, All),
            ("lines=0-1", 10, All),
            ("bytes=x-1", 10, All),
            ("bytes=-", 10, All),
            ("nonsense", 10, All),
        ] {
            assert_eq!(wanted(Some(header), size), expected, "{header} of {size}");
        }
        assert_eq!(wanted(Option::None, 10), All);
    }
}
