//! SIGTERM: what is under way is answered, what follows a batch is let go, workers end, and so does the process, well.

use crate::support::*;
use cloudindex_wire::{BundleReply, DocumentOutcome};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Looks again and again until it is so.
#[track_caller]
fn until(so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
}

fn logged(log: &Path, words: &str) -> bool {
    std::fs::read_to_string(log).unwrap().contains(words)
}

/// A request for `body`, of which half is sent and has arrived.
fn half_sent(server: &Server, batch: &str, body: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(server.address()).unwrap();
    write!(
        socket,
        "POST /v1/batches/{batch}/documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
        multipart(),
        body.len()
    )
    .unwrap();
    socket.write_all(&body[..body.len() / 2]).unwrap();
    until(|| {
        let text = String::from_utf8(server.get("/metrics").body).unwrap();
        let count = text.lines().find_map(|line| line.strip_prefix("cloudindex_body_bytes_total ")).unwrap();
        count.parse::<usize>().unwrap() >= body.len() / 2
    });
    socket
}

#[test]
fn an_upload_under_way_is_answered_and_durable() {
    let (server, log) = Server::logged(&[]);
    let batch = server.batch().id;
    let bytes = noise(1, 2 << 20);
    let body = bundle(Some(&[document("x", &[&bytes])]), &[&bytes]);
    let mut socket = half_sent(&server, &batch, &body);
    let mut events = server.events(&batch, None);
    events.next().unwrap();
    let address = server.address().to_owned();
    server.signal("-TERM");
    until(|| logged(&log, "stopping"));
    assert!(events.next().is_none(), "who follows a batch is let go");
    until(|| TcpStream::connect(&address).is_err());
    socket.write_all(&body[body.len() / 2..]).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, json) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    let reply: BundleReply = serde_json::from_str(json).unwrap();
    assert!(matches!(reply.documents[0].outcome, DocumentOutcome::Committed { .. }), "{answer}");
    let (status, data) = server.ended();
    assert_eq!(status.code(), Some(0));
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.trim_end().ends_with("stopped"), "{text}");
    let server = Server::on(data, &[]);
    assert_eq!(server.content(&server.documents(&batch)[0].id), bytes);
}

#[test]
fn workers_end_in_the_midst_of_work_and_nothing_breaks() {
    let mut server = Server::with(&["--workers", "3"]);
    let batch = server.batch_with(r#"{"processing":{"chunkSize":100}}"#).id;
    let names: Vec<String> = (0..300).map(|number| format!("d/{number}")).collect();
    for (turn, some) in names.chunks(100).enumerate() {
        let files: Vec<(&str, Vec<u8>)> = some
            .iter()
            .map(|name| (name.as_str(), format!("{name}. {}", "Some words. ".repeat(300)).into_bytes()))
            .collect();
        server.upload(&batch, &files);
        let done = server.until(&batch, |status| status.processed_files > 0).processed_files;
        assert!(done < 300, "there is work");
        server.signal("-TERM");
        let (status, data) = server.ended();
        assert_eq!(status.code(), Some(0), "turn {turn}");
        server = Server::on(data, &["--workers", "3"]);
    }
    let status = server.settled(&batch);
    assert_eq!((status.processed_files, status.failed_files), (300, 0));
}

#[test]
fn what_is_stopped_as_it_starts_breaks_nothing() {
    for _ in 0..30 {
        let (server, log) = Server::logged(&["--workers", "8"]);
        server.signal("-TERM");
        let (status, data) = server.ended();
        let text = std::fs::read_to_string(&log).unwrap();
        assert!(status.code() == Some(0) && !text.contains("ERROR"), "{status} {text}");
        std::fs::remove_dir_all(data).unwrap();
    }
}

#[test]
fn who_never_ends_is_not_waited_for() {
    let (server, log) = Server::logged(&["--stop-grace", "0"]);
    let batch = server.batch().id;
    let socket = half_sent(&server, &batch, &bundle(Some(&[]), &[&noise(1, 2 << 20)]));
    server.signal("-TERM");
    let (status, data) = server.ended();
    assert_eq!(status.code(), Some(0));
    assert!(logged(&log, "given up"));
    drop(socket);
    std::fs::remove_dir_all(data).unwrap();
}
