//! A real receiver of webhooks, which answers as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

/// A request that came.
#[derive(Debug)]
pub struct Call {
    pub at: Instant,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Call {
    pub fn id(&self) -> &str {
        self.headers["webhook-id"].to_str().unwrap()
    }

    pub fn event(&self) -> cloudindex_wire::WebhookEvent {
        super::contract::named("WebhookEvent", &serde_json::from_slice(&self.body).unwrap());
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// How it is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    Status(u16),
    Redirect(String),
    /// Not at all, while the other side waits.
    Never,
    /// 200, and then a body without end.
    EndlessBody,
    /// Headers without end.
    EndlessHead,
}

pub struct Receiver {
    pub url: String,
    calls: mpsc::Receiver<Call>,
}

impl Receiver {
    /// Answers 200.
    pub fn start() -> Receiver {
        Self::with(|_| Answer::Status(200))
    }

    /// Answers the call of each number, from 0 on, as `answer` says.
    pub fn with(answer: impl Fn(usize) -> Answer + Send + 'static) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/webhook", listener.local_addr().unwrap());
        let (send, calls) = mpsc::channel();
        std::thread::spawn(move || {
            let mut number = 0;
            for socket in listener.incoming() {
                // Whoever was killed while it sent has sent nothing.
                let Some((call, socket)) = read(socket.unwrap()) else { continue };
                let answer = answer(number);
                number += 1;
                if send.send(call).is_err() {
                    return;
                }
                std::thread::spawn(move || reply(socket, &answer));
            }
        });
        Receiver { url, calls }
    }

    pub fn port(&self) -> &str {
        self.url.rsplit(':').next().unwrap().strip_suffix("/webhook").unwrap()
    }

    /// The next call; a test that waits for what never comes must end.
    #[track_caller]
    pub fn next(&self) -> Call {
        self.calls.recv_timeout(Duration::from_secs(120)).expect("a call")
    }

    /// All calls up to the first of such an event.
    #[track_caller]
    pub fn until(&self, so: impl Fn(&cloudindex_wire::WebhookEvent) -> bool) -> Vec<Call> {
        let mut calls = vec![self.next()];
        while !so(&calls[calls.len() - 1].event()) {
            calls.push(self.next());
        }
        calls
    }

    /// Whether nothing has come that was not taken.
    pub fn is_idle(&self) -> bool {
        self.calls.try_recv().is_err()
    }
}

fn read(socket: TcpStream) -> Option<(Call, TcpStream)> {
    let mut reader = BufReader::new(socket);
    let (mut headers, mut line) = (HeaderMap::new(), String::new());
    reader.read_line(&mut line).ok()?;
    assert!(line.is_empty() || line.starts_with("POST /webhook HTTP/1.1"), "{line}");
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        let name: HeaderName = name.parse().unwrap();
        headers.insert(name, HeaderValue::from_str(value.trim()).unwrap());
    }
    let length = headers.get("content-length")?.to_str().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((Call { at: Instant::now(), headers, body }, reader.into_inner()))
}

fn reply(mut socket: TcpStream, answer: &Answer) {
    // All of it may fail: the other side may be dead by now.
    let _ = match answer {
        Answer::Status(status) => write!(socket, "HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nOK"),
        Answer::Redirect(to) => write!(socket, "HTTP/1.1 307 X\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"),
        Answer::Never => socket.read(&mut [0]).map(|_| ()),
        Answer::EndlessBody => {
            let _ = write!(socket, "HTTP/1.1 200 X\r\nContent-Length: 999999999999\r\n\r\n");
            endless(&mut socket, &[b'x'; 4096])
        }
        Answer::EndlessHead => {
            let _ = write!(socket, "HTTP/1.1 200 X\r\n");
            endless(&mut socket, b"X-More: more of it, and more, and more\r\n")
        }
    };
}

fn endless(socket: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    loop {
        socket.write_all(bytes)?;
    }
}
