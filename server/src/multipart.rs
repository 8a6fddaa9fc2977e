//! `multipart/form-data` (RFC 7578) read as a stream: one part at a time, chunk by chunk.
//!
//! Libraries for this read ahead as far as the network is fast, which with an unpacked body means the whole of it in
//! memory; this reader asks for bytes only when it has none to give.

use crate::body::BodyReader;
use crate::error::Fault;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use cloudindex_wire::codes;
use memchr::memmem;
use std::collections::VecDeque;

/// Bytes of one part's headers.
const MAX_HEADERS: usize = 8 << 10;

/// The pure part: bytes in, parts out.
pub struct Parts {
    /// `\r\n--boundary`
    delimiter: Vec<u8>,
    held: Vec<u8>,
    /// Bytes of `held` that are spent.
    start: usize,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the first delimiter, or in a part's content that nobody asked for.
    Skipping,
    /// Just after a delimiter.
    Delimiter,
    Content,
    End,
}

/// What the bytes so far amount to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// More bytes are needed.
    Hungry,
    /// A part begins, of this name.
    Part(String),
    /// Bytes of the current part.
    Bytes(Bytes),
    /// The current part is over.
    PartEnd,
    /// The last part is over.
    End,
}

impl Parts {
    pub fn new(boundary: &str) -> Self {
        // The first delimiter may open the body: a line end before it makes all alike.
        Parts {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            held: b"\r\n".to_vec(),
            start: 0,
            at: At::Skipping,
        }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.held.drain(..self.start);
        self.start = 0;
        self.held.extend_from_slice(bytes);
    }

    pub fn step(&mut self) -> Result<Step, String> {
        loop {
            let rest = &self.held[self.start..];
            match self.at {
                At::End => return Ok(Step::End),
                At::Skipping | At::Content => {
                    let content = self.at == At::Content;
                    let found = memmem::find(rest, &self.delimiter);
                    let free = found.unwrap_or((rest.len() + 1).saturating_sub(self.delimiter.len()));
                    let bytes = content.then(|| Bytes::copy_from_slice(&rest[..free]));
                    self.start += free;
                    if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
                        return Ok(Step::Bytes(bytes));
                    }
                    if found.is_none() {
                        return Ok(Step::Hungry);
                    }
                    self.start += self.delimiter.len();
                    self.at = At::Delimiter;
                    if content {
                        return Ok(Step::PartEnd);
                    }
                }
                At::Delimiter => {
                    if rest.starts_with(b"--") {
                        self.at = At::End;
                        return Ok(Step::End);
                    }
                    // The line end of the delimiter and an empty line around the headers: "\r\nName: value\r\n\r\n".
                    let Some(end) = memmem::find(rest, b"\r\n\r\n") else {
                        if rest.len() > MAX_HEADERS {
                            return Err("a part's headers are too long".into());
                        }
                        return Ok(Step::Hungry);
                    };
                    let name = part_name(&rest[..end])?;
                    self.start += end + 4;
                    self.at = At::Content;
                    return Ok(Step::Part(name));
                }
            }
        }
    }
}

/// The `name` of a part's `Content-Disposition`.
fn part_name(headers: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(headers).map_err(|_| "a part's headers are not UTF-8")?;
    for line in text.split("\r\n") {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.trim().eq_ignore_ascii_case("content-disposition") {
            return parameter(value, "name").ok_or_else(|| "a part's Content-Disposition has no name".into());
        }
    }
    Err("a part has no Content-Disposition".into())
}

/// The value of one parameter of a header like `form-data; name="x"; filename=y`.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let mut value = String::new();
                let mut chars = quoted.char_indices();
                let end = loop {
                    match chars.next()? {
                        (i, '"') => break i + 1,
                        (_, '\\') => value.push(chars.next()?.1),
                        (_, c) => value.push(c),
                    }
                };
                (value, &quoted[end..])
            }
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next.split_once(';')?.1;
    }
}

/// The boundary that a request's `Content-Type` names.
pub fn boundary(headers: &HeaderMap) -> Result<String, Fault> {
    let value = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str);
    let value = value.and_then(Result::ok).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("multipart/form-data") {
        let detail = "a bundle is multipart/form-data: first the part \"manifest\", then blocks named by their digests";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Fault::new(status, codes::INVALID_REQUEST, "The body is no bundle", detail));
    }
    match parameter(value, "boundary") {
        Some(boundary) if !boundary.is_empty() && boundary.len() <= 70 => Ok(boundary),
        _ => Err(Fault::invalid("the Content-Type has no boundary of 1 to 70 characters")),
    }
}

/// [`Parts`] fed from a body.
pub struct Multipart {
    body: BodyReader,
    parts: Parts,
    /// The name of a part whose content was not read yet.
    queue: VecDeque<Step>,
}

impl Multipart {
    pub fn new(body: BodyReader, boundary: &str) -> Self {
        Multipart { body, parts: Parts::new(boundary), queue: VecDeque::new() }
    }

    /// The name of the next part, or `None` after the last; what is left of the current one is skipped.
    pub async fn part(&mut self) -> Result<Option<String>, Fault> {
        loop {
            match self.step().await? {
                Step::Part(name) => return Ok(Some(name)),
                Step::End => return Ok(None),
                Step::Bytes(_) | Step::PartEnd | Step::Hungry => {}
            }
        }
    }

    /// The next bytes of the current part; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        match self.step().await? {
            Step::Bytes(bytes) => Ok(Some(bytes)),
            other => {
                if !matches!(other, Step::PartEnd) {
                    self.queue.push_back(other);
                }
                Ok(None)
            }
        }
    }

    async fn step(&mut self) -> Result<Step, Fault> {
        if let Some(step) = self.queue.pop_front() {
            return Ok(step);
        }
        loop {
            match self.parts.step().map_err(Fault::invalid)? {
                Step::Hungry => match self.body.next().await? {
                    Some(bytes) => self.parts.feed(&bytes),
                    None => return Err(Fault::invalid("the body ends before its closing boundary")),
                },
                step => return Ok(step),
            }
        }
    }

    /// Reads the rest without use; see [`BodyReader::drain`].
    pub async fn drain(self) {
        self.body.drain().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All parts of `body`, fed in pieces of `piece` bytes.
    fn read(body: &[u8], piece: usize) -> Result<Vec<(String, Vec<u8>)>, String> {
        let mut parts = Parts::new("B");
        let mut all: Vec<(String, Vec<u8>)> = Vec::new();
        let mut pieces = body.chunks(piece);
        loop {
            match parts.step()? {
                Step::Hungry => parts.feed(pieces.next().ok_or("cut off")?),
                Step::Part(name) => all.push((name, Vec::new())),
                Step::Bytes(bytes) => all.last_mut().ok_or("bytes of no part")?.1.extend_from_slice(&bytes),
                Step::PartEnd => {}
                Step::End => return Ok(all),
            }
        }
    }

    #[test]
    fn parts_are_the_same_however_the_body_is_cut() {
        let body = b"preamble\r\n--B\r\nContent-Disposition: form-data; name=\"manifest\"; filename=\"b\"\r\nContent-Type: a/b\r\n\r\n\
            {}\r\n--B  \r\ncontent-disposition:form-data;name=x\r\n\r\n\r\n--\r\n-B\r\n\r\n--B\r\n\
            Content-Disposition: form-data; filename=\"a;name=\\\"q\"; name=\"\"\r\n\r\n\r\n--B--\r\nepilogue";
        let whole = read(body, body.len()).unwrap();
        assert_eq!(whole[0], ("manifest".into(), b"{}".to_vec()));
        assert_eq!(whole[1], ("x".into(), b"\r\n--\r\n-B\r\n".to_vec()));
        assert_eq!(whole[2], (String::new(), Vec::new()));
        assert_eq!(whole.len(), 3);
        for piece in 1..body.len() {
            assert_eq!(read(body, piece).unwrap(), whole, "pieces of {piece}");
        }
        for end in 0..body.len() - 12 {
            assert!(read(&body[..end], 7).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn what_is_no_part_is_refused() {
        assert!(read(b"--B\r\nX: y\r\n\r\n\r\n--B--", 9).is_err());
        assert!(read(b"--B\r\nContent-Disposition: form-data\r\n\r\n\r\n--B--", 9).is_err());
        assert!(read(&[b"--B\r\n".as_slice(), &b"x".repeat(9000)].concat(), 999).is_err());
    }
}
