//! A request's body as a bounded stream: capped in bytes, un-gzipped on the way, given up when it stalls.

use crate::error::Fault;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use cloudindex_wire::codes;
use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use std::io::Write;
use std::time::Duration;

/// How long a body may send nothing before the attempt is given up.
const IDLE: Duration = Duration::from_secs(60);
/// What a body may go on with after its request was refused, so that the client can read why.
const DRAIN_BYTES: u64 = 64 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(20);
/// Gzip expands at most 1,032 times: so many bytes at once become at most about 1 MiB.
const GZIP_STEP: usize = 1024;

/// The bytes of a body after its `Content-Encoding` is undone, chunk by chunk.
pub struct BodyReader {
    body: Body,
    /// Bytes that may still come, before and after decoding.
    raw_left: u64,
    left: u64,
    cap: u64,
    gzip: Option<MultiGzDecoder<Vec<u8>>>,
    /// Compressed bytes that wait for their turn.
    packed: Bytes,
    ended: bool,
}

impl BodyReader {
    /// Reads at most `cap` bytes, on the wire and decoded. A longer `Content-Length` is refused before any byte is read.
    pub fn new(body: Body, headers: &HeaderMap, cap: u64) -> Result<Self, Box<(Fault, Body)>> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > cap) {
            return Err(Box::new((too_large(cap), body)));
        }
        let gzip = match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
            None => None,
            Some(name) if name.is_empty() || name.eq_ignore_ascii_case(b"identity") => None,
            Some(name) if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") => {
                Some(MultiGzDecoder::new(Vec::new()))
            }
            Some(_) => {
                let detail = "Content-Encoding must be gzip or absent";
                let fault =
                    Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, codes::INVALID_REQUEST, "Unknown encoding", detail);
                return Err(Box::new((fault.with(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip")), body)));
            }
        };
        Ok(BodyReader { body, raw_left: cap, left: cap, cap, gzip, packed: Bytes::new(), ended: false })
    }

    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let bytes = if self.gzip.is_some() { self.next_unpacked().await? } else { self.next_raw().await? };
        let Some(bytes) = bytes else { return Ok(None) };
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or_else(|| too_large(self.cap))?;
        Ok(Some(bytes))
    }

    async fn next_raw(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            if self.ended {
                return Ok(None);
            }
            let frame = match tokio::time::timeout(IDLE, self.body.frame()).await {
                Err(_) => {
                    let detail = format!("no byte came for {} seconds", IDLE.as_secs());
                    return Err(Fault::new(
                        StatusCode::REQUEST_TIMEOUT,
                        codes::CONNECTION_ERROR,
                        "The request stalled",
                        detail,
                    ));
                }
                Ok(frame) => frame,
            };
            let bytes = match frame {
                None => {
                    self.ended = true;
                    return Ok(None);
                }
                Some(Err(error)) => {
                    self.ended = true;
                    let detail = format!("the request's body was cut off: {error}");
                    return Err(Fault::new(
                        StatusCode::BAD_REQUEST,
                        codes::CONNECTION_ERROR,
                        "The body was cut off",
                        detail,
                    ));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) if !bytes.is_empty() => bytes,
                    _ => continue,
                },
            };
            self.raw_left = self.raw_left.checked_sub(bytes.len() as u64).ok_or_else(|| too_large(self.cap))?;
            return Ok(Some(bytes));
        }
    }

    async fn next_unpacked(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            if self.packed.is_empty() {
                match self.next_raw().await? {
                    Some(bytes) => self.packed = bytes,
                    None => return self.unpack(&[]),
                }
            }
            let step = self.packed.split_to(self.packed.len().min(GZIP_STEP));
            if let Some(bytes) = self.unpack(&step)? {
                return Ok(Some(bytes));
            }
        }
    }

    /// What `step` decodes to; an empty step ends the stream.
    fn unpack(&mut self, step: &[u8]) -> Result<Option<Bytes>, Fault> {
        let broken =
            |error| Fault::invalid(format!("the body is not whole gzip, as its Content-Encoding says: {error}"));
        let Some(gzip) = &mut self.gzip else { return Ok(None) };
        if step.is_empty() {
            gzip.try_finish().map_err(broken)?;
        } else {
            gzip.write_all(step).map_err(broken)?;
        }
        let bytes = std::mem::take(gzip.get_mut());
        Ok((!bytes.is_empty()).then(|| Bytes::from(bytes)))
    }

    /// Reads on without use, within bounds: a client that still sends cannot hear an answer.
    pub async fn drain(self) {
        if !self.ended {
            drain(self.body).await;
        }
    }
}

/// The head and the whole body of a request that is small by nature.
pub async fn small(request: Request, cap: u64) -> Result<(Parts, Vec<u8>), Fault> {
    let (head, body) = request.into_parts();
    let mut reader = match BodyReader::new(body, &head.headers, cap) {
        Ok(reader) => reader,
        Err(refused) => {
            let (fault, body) = *refused;
            drain(body).await;
            return Err(fault);
        }
    };
    let mut all = Vec::new();
    while let Some(bytes) = reader.next().await? {
        all.extend_from_slice(&bytes);
    }
    Ok((head, all))
}

/// Reads a body's JSON; `what` is what it is called if it is not valid.
pub fn read<T: DeserializeOwned>(what: &str, json: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(json).map_err(|error| Fault::invalid(format!("{what} is not valid: {error}")))
}

/// Reads `body` to its end without use, within bounds of bytes and time.
pub async fn drain(mut body: Body) {
    let mut left = DRAIN_BYTES;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, |bytes| bytes.len() as u64));
            if left == 0 {
                break;
            }
        }
    };
    // Past the time it is the client's loss.
    let _ = tokio::time::timeout(DRAIN_TIME, reading).await;
}

fn too_large(cap: u64) -> Fault {
    let detail = format!("a request's body may have at most {cap} bytes, encoded and decoded; send less at once");
    Fault::new(StatusCode::PAYLOAD_TOO_LARGE, codes::BUNDLE_TOO_LARGE, "The body is too large", detail)
}
