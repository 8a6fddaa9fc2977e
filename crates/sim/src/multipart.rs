//! Reads the bodies that the engine writes, strictly: what a lenient parser would let pass is a finding here.

use std::fmt::Display;

/// One part: its name, and its bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Part<'a> {
    pub name: &'a str,
    pub bytes: &'a [u8],
}

/// What came of a body.
#[derive(Debug, Default)]
pub struct Body<'a> {
    pub parts: Vec<Part<'a>>,
    /// The closing boundary was there, and nothing after it.
    pub whole: bool,
}

/// The boundary that a `Content-Type` names.
pub fn boundary(content_type: &str) -> Result<&str, String> {
    let boundary = content_type
        .strip_prefix("multipart/form-data; boundary=")
        .ok_or_else(|| format!("{content_type:?} is not multipart/form-data with a boundary"))?;
    let fine =
        (1..=70).contains(&boundary.len()) && boundary.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fine { Ok(boundary) } else { Err(format!("boundary {boundary:?} would need quotes")) }
}

/// Reads parts until the body ends, whole or in the middle of one.
pub fn read<'a>(body: &'a [u8], boundary: &str) -> Result<Body<'a>, String> {
    let delimiter = format!("\r\n--{boundary}");
    let mut read = Body::default();
    let Some(mut rest) = body.strip_prefix(&delimiter.as_bytes()[2..]) else {
        return if delimiter.as_bytes()[2..].starts_with(body) {
            Ok(read)
        } else {
            fault("it does not begin with the boundary")
        };
    };
    loop {
        if let Some(after) = rest.strip_prefix(b"--") {
            read.whole = after == b"\r\n" || after.is_empty();
            return if read.whole || after == b"\r" { Ok(read) } else { fault("something follows the last boundary") };
        }
        let Some(head_end) = find(rest, b"\r\n\r\n") else { return Ok(read) };
        let name = part_name(&rest[..head_end])?;
        let content = &rest[head_end + 4..];
        let Some(end) = find(content, delimiter.as_bytes()) else { return Ok(read) };
        read.parts.push(Part { name, bytes: &content[..end] });
        rest = &content[end + delimiter.len()..];
    }
}

/// The name that a part's head gives it.
fn part_name(head: &[u8]) -> Result<&str, String> {
    let head = std::str::from_utf8(head).map_err(|error| error.to_string())?;
    let mut lines = head.split("\r\n");
    if lines.next() != Some("") {
        return fault("a boundary is not followed by a line's end");
    }
    let mut name = None;
    for line in lines {
        if let Some(rest) = line.strip_prefix("Content-Disposition: form-data; name=\"") {
            name = rest.strip_suffix('"');
        } else if !line.starts_with("Content-Type: ") {
            return fault(format!("unexpected header {line:?}"));
        }
    }
    match name {
        Some(name) if !name.contains(['"', '\\']) => Ok(name),
        _ => fault(format!("a part has no plain name: {head:?}")),
    }
}

fn fault<T>(what: impl Display) -> Result<T, String> {
    Err(format!("multipart body: {what}"))
}

/// Where `needle` begins; it begins with a carriage return, which is rare in what is searched.
fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + hay[from..].iter().position(|byte| *byte == needle[0])?;
        if hay[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] =
        b"--XX\r\nContent-Disposition: form-data; name=\"manifest\"\r\nContent-Type: application/json\r\n\r\n{}\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"ab\"\r\n\r\n\r\n\r\n--X\r\n--XX--\r\n";

    #[test]
    fn parts_are_found_whatever_is_in_them() {
        let body = read(BODY, "XX").unwrap();
        let parts: Vec<_> = body.parts.iter().map(|part| (part.name, part.bytes)).collect();
        assert_eq!(parts, [("manifest", &b"{}"[..]), ("ab", &b"\r\n\r\n--X"[..])]);
        assert!(body.whole);
    }

    #[test]
    fn a_cut_body_gives_what_came_whole() {
        for len in 0..BODY.len() - 2 {
            let body = read(&BODY[..len], "XX").unwrap();
            assert!(!body.whole && body.parts.len() <= 2, "{len}");
        }
    }

    #[test]
    fn what_is_not_as_it_should_be_is_said() {
        for body in ["x--XX\r\n", "--XX\r\nX-Odd: 1\r\n\r\n\r\n--XX--", "--XX\r\n\r\n\r\n\r\n--XX--", "--XX--\r\nmore"]
        {
            assert!(read(body.as_bytes(), "XX").is_err(), "{body}");
        }
        assert_eq!(boundary("multipart/form-data; boundary=a1"), Ok("a1"));
        assert!(boundary("multipart/form-data; boundary=\"a 1\"").is_err());
    }
}
