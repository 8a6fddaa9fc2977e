//! As much of HTTP/1.1 as a proxy needs.

use std::io::{self, ErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LONGEST_HEAD: usize = 64 * 1024;

/// A connection, with what was read of it and not yet used.
pub(crate) struct Conn {
    stream: TcpStream,
    read: Vec<u8>,
}

/// The first lines of a message: `first` is `METHOD target` or the status.
pub(crate) struct Head {
    pub first: First,
    headers: Vec<(String, Vec<u8>)>,
}

pub(crate) enum First {
    Request { method: String, target: String },
    Reply { status: u16 },
}

impl Head {
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// Bytes of the body as announced.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// As it goes on, with what it says of the connection said anew.
    pub fn text(&self, connection: &str) -> Vec<u8> {
        let mut text = match &self.first {
            First::Request { method, target } => format!("{method} {target} HTTP/1.1\r\n"),
            First::Reply { status } => format!("HTTP/1.1 {status} \r\n"),
        }
        .into_bytes();
        for (name, value) in &self.headers {
            if !name.eq_ignore_ascii_case("connection") && !name.eq_ignore_ascii_case("keep-alive") {
                text.extend_from_slice(name.as_bytes());
                text.extend_from_slice(b": ");
                text.extend_from_slice(value);
                text.extend_from_slice(b"\r\n");
            }
        }
        text.extend_from_slice(format!("connection: {connection}\r\n\r\n").as_bytes());
        text
    }
}

impl Conn {
    pub fn new(stream: TcpStream) -> Self {
        // Fails for a connection that is gone already, which the next read tells.
        let _ = stream.set_nodelay(true);
        Conn { stream, read: Vec::new() }
    }

    /// The next head; `None` when the other side has ended in good order.
    pub async fn head(&mut self, request: bool) -> io::Result<Option<Head>> {
        loop {
            if let Some((head, length)) = parse(&self.read, request)? {
                self.read.drain(..length);
                return Ok(Some(head));
            }
            if self.read.len() > LONGEST_HEAD {
                return Err(ErrorKind::InvalidData.into());
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return if self.read.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// The next bytes, at most so many; none at the end.
    pub async fn bytes(&mut self, most: usize) -> io::Result<Vec<u8>> {
        if self.read.is_empty() {
            let mut piece = Vec::with_capacity(most);
            (&mut self.stream).take(most as u64).read_buf(&mut piece).await?;
            return Ok(piece);
        }
        let rest = self.read.split_off(most.min(self.read.len()));
        Ok(std::mem::replace(&mut self.read, rest))
    }

    /// The next bytes of a body that has `left` to come, which must come.
    pub async fn body(&mut self, left: &mut u64, most: usize) -> io::Result<Option<Vec<u8>>> {
        if *left == 0 {
            return Ok(None);
        }
        let piece = self.bytes(usize::try_from(*left).unwrap_or(usize::MAX).min(most)).await?;
        if piece.is_empty() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        *left -= piece.len() as u64;
        Ok(Some(piece))
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Returns when the other side has closed or reset; never, while it only says more than was asked.
    pub async fn gone(&self) {
        if matches!(self.stream.peek(&mut [0]).await, Ok(1..)) {
            std::future::pending::<()>().await;
        }
    }

    /// Ends the connection with RST.
    pub fn reset(self) {
        let _ = self.stream.set_zero_linger();
    }
}

fn parse(bytes: &[u8], request: bool) -> io::Result<Option<(Head, usize)>> {
    let mut space = [httparse::EMPTY_HEADER; 100];
    let wrong = |_| io::Error::from(ErrorKind::InvalidData);
    let (first, headers, parsed) = if request {
        let mut head = httparse::Request::new(&mut space);
        let parsed = head.parse(bytes).map_err(wrong)?;
        let (method, target) = (head.method.unwrap_or("").to_owned(), head.path.unwrap_or("").to_owned());
        (First::Request { method, target }, head.headers, parsed)
    } else {
        let mut head = httparse::Response::new(&mut space);
        let parsed = head.parse(bytes).map_err(wrong)?;
        (First::Reply { status: head.code.unwrap_or(0) }, head.headers, parsed)
    };
    let httparse::Status::Complete(length) = parsed else { return Ok(None) };
    let headers = headers.iter().map(|header| (header.name.to_owned(), header.value.to_owned())).collect();
    Ok(Some((Head { first, headers }, length)))
}
