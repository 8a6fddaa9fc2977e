//! One exchange after another between browser and server, and their faults.

use crate::http::{Conn, First, Head};
use crate::pace::{PIECE, Pace, Pipe};
use crate::rules::Fault;
use crate::state::{Orders, State, Ticket};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// What the browser's connection comes to after an exchange.
enum End {
    KeepAlive,
    Close,
    Reset,
}

pub(crate) async fn serve(stream: TcpStream, state: Arc<State>) {
    let mut severed = state.severed();
    tokio::select! {
        () = exchanges(Conn::new(stream), &state) => (),
        _ = severed.changed() => (), // with all that it holds, also the connection to the server
    }
}

async fn exchanges(mut browser: Conn, state: &State) {
    // A browser that went away needs no answer.
    while let Ok(Some(head)) = browser.head(true).await {
        match exchange(&mut browser, &head, state).await {
            Ok(End::KeepAlive) => (),
            Ok(End::Close) => return,
            Ok(End::Reset) | Err(_) => return browser.reset(),
        }
    }
}

/// A request under way.
struct Exchange<'a> {
    state: &'a State,
    ticket: Ticket,
    head: &'a Head,
    /// Bytes of the body that the browser has yet to send.
    left: u64,
    up: Pace<'a>,
    down: Pace<'a>,
    /// How long the reply is held back.
    late: Duration,
}

/// An error is that of either connection: then the other has no use any more.
async fn exchange(browser: &mut Conn, head: &Head, state: &State) -> io::Result<End> {
    let First::Request { method, target } = &head.first else { return Ok(End::Close) };
    if head.header("transfer-encoding").is_some() {
        browser.write(&answer(501, "", "a body of unknown length is more than this proxy can do")).await?;
        return Ok(End::Close);
    }
    let length = head.length().unwrap_or(0);
    let path = target.split('?').next().unwrap_or("");
    let (ticket, Orders { delay, drip_up, drip_down, fate }) = state.admit(method, path, length);
    let up = Pace { link: &state.up, own: Pipe::new(drip_up) };
    let down = Pace { link: &state.down, own: Pipe::new(drip_down) };
    let mut exchange = Exchange { state, ticket, head, left: length, up, down, late: Duration::ZERO };
    sleep(delay).await;

    match fate {
        None => {
            let server = exchange.deliver(browser, u64::MAX).await?;
            exchange.relay(browser, server, u64::MAX).await
        }
        Some(Fault::LateReply { ms }) => {
            let server = exchange.deliver(browser, u64::MAX).await?;
            exchange.late = Duration::from_millis(ms);
            exchange.relay(browser, server, u64::MAX).await
        }
        Some(Fault::CutReply { after }) => {
            let server = exchange.deliver(browser, u64::MAX).await?;
            exchange.relay(browser, server, after).await?;
            Ok(End::Reset)
        }
        Some(Fault::Cut { after }) => {
            exchange.deliver(browser, after).await?.reset();
            Ok(End::Reset)
        }
        Some(Fault::Blackhole) => {
            exchange.drain(browser).await?;
            browser.gone().await;
            Ok(End::Close)
        }
        Some(Fault::LostReply) => {
            let server = exchange.deliver(browser, u64::MAX).await?;
            swallow(server).await?;
            Ok(End::Reset)
        }
        Some(Fault::Duplicate) => {
            let body = exchange.collect(browser).await?;
            swallow(exchange.send(&body).await?).await?;
            let server = exchange.send(&body).await?;
            exchange.relay(browser, server, u64::MAX).await
        }
        Some(Fault::Status { status, headers, body }) => {
            let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            exchange.refuse(browser, status, &headers, &body).await
        }
        Some(Fault::MaxBody { .. }) => {
            let page = "<html><head><title>413 Request Entity Too Large</title></head></html>\r\n";
            exchange.refuse(browser, 413, "content-type: text/html\r\n", page).await
        }
        Some(Fault::Reset | Fault::Latency { .. } | Fault::Drip { .. }) => Ok(End::Reset),
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        self.state.ended(self.ticket);
    }
}

impl Exchange<'_> {
    /// Passes the request on, its body up to so many bytes.
    async fn deliver(&mut self, browser: &mut Conn, most: u64) -> io::Result<Conn> {
        let mut server = self.connect().await?;
        let mut allowed = most;
        let mut deaf = false;
        while allowed > 0
            && let Some(piece) = self.next(browser, allowed).await?
        {
            allowed -= piece.len() as u64;
            if deaf {
                continue;
            }
            // A server that answers before it has heard everything may stop to listen: the rest is taken in for it.
            deaf = server.write(&piece).await.is_err();
            if !deaf {
                self.state.passed(self.ticket, piece.len());
            }
        }
        Ok(server)
    }

    /// Sends the request with a body that is already here.
    async fn send(&self, body: &[u8]) -> io::Result<Conn> {
        let mut server = self.connect().await?;
        server.write(body).await?;
        self.state.passed(self.ticket, body.len());
        Ok(server)
    }

    /// A connection for this request alone, so that no fault strikes another; the request's head has gone on it.
    async fn connect(&self) -> io::Result<Conn> {
        let mut server = Conn::new(TcpStream::connect(self.state.target()).await?);
        server.write(&self.head.text("close")).await?;
        Ok(server)
    }

    async fn next(&mut self, browser: &mut Conn, most: u64) -> io::Result<Option<Vec<u8>>> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.up.piece());
        let piece = browser.body(&mut self.left, most).await?;
        if let Some(piece) = &piece {
            self.state.received(self.ticket, piece.len());
            self.up.pass(piece.len()).await;
        }
        Ok(piece)
    }

    async fn drain(&mut self, browser: &mut Conn) -> io::Result<()> {
        while self.next(browser, u64::MAX).await?.is_some() {}
        Ok(())
    }

    async fn collect(&mut self, browser: &mut Conn) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(piece) = self.next(browser, u64::MAX).await? {
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    async fn refuse(&mut self, browser: &mut Conn, status: u16, headers: &str, body: &str) -> io::Result<End> {
        self.drain(browser).await?;
        self.state.replied(self.ticket, status);
        browser.write(&answer(status, headers, body)).await?;
        Ok(End::KeepAlive)
    }

    /// Brings the server's reply to the browser, of its body so many bytes, unless that goes away first.
    async fn relay(&self, browser: &mut Conn, mut server: Conn, most: u64) -> io::Result<End> {
        let reply = tokio::select! {
            reply = server.head(false) => reply?.ok_or(io::ErrorKind::UnexpectedEof)?,
            () = browser.gone() => return Ok(End::Close),
        };
        tokio::select! {
            () = sleep(self.late) => (),
            () = browser.gone() => return Ok(End::Close),
        }
        let First::Reply { status } = reply.first else { return Ok(End::Close) };
        self.state.replied(self.ticket, status);
        let First::Request { method, .. } = &self.head.first else { return Ok(End::Close) };
        let bodiless = method == "HEAD" || status == 204 || status == 304;
        let framed = bodiless || reply.length().is_some() || reply.header("transfer-encoding").is_some();
        browser.write(&reply.text(if framed { "keep-alive" } else { "close" })).await?;
        let mut left = if bodiless { Some(0) } else { reply.length() };
        let mut allowed = most;
        // Without a length it ends when the server, which was told to close, closes.
        while left != Some(0) && allowed > 0 {
            let most = usize::try_from(allowed).unwrap_or(usize::MAX).min(self.down.piece());
            let piece = tokio::select! {
                piece = server.bytes(most) => piece?,
                () = browser.gone() => return Ok(End::Close),
            };
            if piece.is_empty() {
                break;
            }
            left = left.map(|left| left.saturating_sub(piece.len() as u64));
            allowed = allowed.saturating_sub(piece.len() as u64);
            self.down.pass(piece.len()).await;
            browser.write(&piece).await?;
        }
        Ok(match left {
            None | Some(0) if framed => End::KeepAlive,
            None => End::Close,
            Some(_) => End::Reset,
        })
    }
}

/// Reads a reply to its end, for nobody. An error is as good an end: the server has done what it did.
async fn swallow(mut server: Conn) -> io::Result<()> {
    let reply = server.head(false).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut left = reply.length().unwrap_or(u64::MAX);
    while let Ok(Some(_)) = server.body(&mut left, PIECE).await {}
    Ok(())
}

fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} \r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
