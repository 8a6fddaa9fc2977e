//! How a batch stands: events and their resumption, the time to the end, and providers of embeddings.

use crate::support::*;
use cloudindex_wire::{ErrorType, Phase, codes};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Instant;

#[test]
fn events_tell_every_change_and_resume() {
    let server = Server::start();
    let batch = server.batch().id;
    let mut events = server.events(&batch, None);
    let first = events.next().unwrap();
    assert_eq!((first.report.batch.status.total_files, first.report.batch.status.status), (0, Phase::Open));
    server.upload(&batch, &[("a", b"a".to_vec())]);
    let mut ids = vec![first.id];
    let done = events
        .by_ref()
        .inspect(|event| ids.push(event.id))
        .find(|event| event.report.batch.status.processed_files == 1);
    let done = done.unwrap();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    // Resumed with the newest: nothing until something happens. With an older one: the newest at once.
    assert_eq!(server.events(&batch, Some(first.id)).next().unwrap().id, done.id);
    let mut resumed = server.events(&batch, Some(done.id));
    server.post(&format!("/v1/batches/{batch}/complete"), "");
    let ended = resumed.next().unwrap();
    assert_eq!(ended.report.batch.status.status, Phase::Completed);
    assert!(ended.id > done.id && resumed.next().is_none(), "the stream ends with the batch");
    assert_eq!(events.find(|event| event.report.batch.status.status == Phase::Completed).unwrap().id, ended.id);
    // Whoever has the last event is told not to come again.
    let last = ended.id.to_string();
    let path = format!("/v1/batches/{batch}/events");
    assert_eq!(server.send("GET", &path, &[("Last-Event-ID", &last)], b"").status, 204);
    server.get("/v1/batches/nope/events").problem(404, codes::BATCH_NOT_FOUND);
    // Who follows does not keep the server from ending.
    let open = server.batch().id;
    let mut open = server.events(&open, None);
    open.next().unwrap();
    assert!(server.terminate().success());
    assert!(open.next().is_none());
}

#[test]
fn progress_is_in_hundredths_of_a_percent_and_100_at_the_end_alone() {
    let server = Server::with(&["--workers", "0"]);
    let batch = server.batch().id;
    // A rejected path is done with; the others wait.
    server.bundle(
        &batch,
        &[document("../x", &[b"x"]), document("a", &[b"a"]), document("b", &[b"b"])],
        &[b"x", b"a", b"b"],
    );
    assert_eq!(server.status(&batch).status.progress_percentage.to_string(), "33.33");
}

#[test]
fn the_end_is_foretold() {
    let server = Server::start();
    let batch = server.batch_with(r#"{"processing":{"chunkSize":120}}"#).id;
    let text = |i: usize| format!("Document {i}. {}", "It has sentences to be cut. ".repeat(150)).into_bytes();
    let names: Vec<String> = (0..600).map(|i| format!("{i}")).collect();
    let all: Vec<(&str, Vec<u8>)> = names.iter().enumerate().map(|(i, name)| (name.as_str(), text(i))).collect();
    for some in all.chunks(100) {
        server.upload(&batch, some);
    }
    server.post(&format!("/v1/batches/{batch}/complete"), "");
    // What it said, and when.
    let mut said: Vec<(Instant, f64, f64)> = Vec::new();
    let begun = Instant::now();
    for event in server.events(&batch, None) {
        let report = event.report;
        let status = report.batch.status;
        if status.status == Phase::Completed {
            break;
        }
        if let (Some(at), Some(speed)) = (status.estimated_completion, report.documents_per_second) {
            assert!(speed > 0.0 && at.ends_with('Z'));
            said.push((Instant::now(), status.progress_percentage, seconds_until(&at)));
        }
    }
    let (end, took) = (Instant::now(), begun.elapsed().as_secs_f64());
    let late: Vec<_> = said.iter().filter(|(_, percent, _)| *percent >= 50.0).collect();
    assert!(!late.is_empty(), "it took {took} s: {said:?}");
    for (at, percent, left) in late {
        let truth = end.duration_since(*at).as_secs_f64();
        // Events are a fifth of a second apart.
        assert!((left - truth).abs() < 0.25 * took + 0.2, "at {percent} % it said {left} s, it was {truth} of {took}");
    }
}

/// Seconds from now to a time of today or tomorrow.
fn seconds_until(iso: &str) -> f64 {
    let clock = &iso[11..23];
    let part = |from: usize, to: usize| clock[from..to].parse::<f64>().unwrap();
    let at = part(0, 2) * 3600.0 + part(3, 5) * 60.0 + part(6, 12);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64() % 86_400.0;
    let left = at - now;
    if left < -43_200.0 { left + 86_400.0 } else { left }
}

/// A provider that fails as often as told, and then answers vectors; tells how often it was asked, and the last request.
fn provider(failures: usize) -> (String, Arc<AtomicUsize>, Arc<Mutex<String>>) {
    provider_that(move |number| number < failures)
}

/// One that fails when `fails` says so of the request of this number, and answers no sooner than it does.
fn provider_that(fails: impl Fn(usize) -> bool + Send + 'static) -> (String, Arc<AtomicUsize>, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/embeddings", listener.local_addr().unwrap());
    let (asked, last) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(String::new())));
    let shared = (asked.clone(), last.clone());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut reader = BufReader::new(socket.unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                head.push_str(&line);
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let request: serde_json::Value = serde_json::from_slice(&body).unwrap();
            *shared.1.lock().unwrap() = format!("{head}{request}");
            let (status, answer) = if fails(shared.0.fetch_add(1, Ordering::SeqCst)) {
                ("500 No", "{}".to_owned())
            } else {
                let vector =
                    |text: &str| (0..8).map(|i| text.bytes().filter(|b| b % 8 == i).count()).collect::<Vec<_>>();
                let texts = request["input"].as_array().unwrap();
                // Last first, as it may.
                let data: Vec<_> = texts.iter().enumerate().rev().map(|(index, text)| {
                    serde_json::json!({ "index": index, "embedding": vector(text.as_str().unwrap()) })
                }).collect();
                ("200 OK", serde_json::json!({ "data": data, "model": "m" }).to_string())
            };
            let mut socket = reader.into_inner();
            let _ = write!(
                socket,
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
                answer.len()
            );
        }
    });
    (url, asked, last)
}

#[test]
fn a_provider_of_embeddings_is_asked_and_may_fail_for_a_time() {
    let (url, asked, last) = provider(1);
    let flags = ["--embeddings-url", &url, "--embeddings-model", "small", "--embeddings-width", "8"];
    let server = Server::with(&flags);
    let batch = server.batch().id;
    server.upload(&batch, &[("a", b"some words".to_vec())]);
    let status = server.settled(&batch);
    assert_eq!((status.processed_files, status.failed_files), (1, 0));
    assert!(asked.load(Ordering::SeqCst) >= 2, "the first answer was a failure");
    assert!(last.lock().unwrap().contains(r#""model":"small""#));
    assert_eq!(server.found(serde_json::json!({ "query": "sdrow emos" })), ["a"]);
    drop(server);
    // One that never answers well: an error of the system, worth another attempt.
    let (url, ..) = provider(usize::MAX);
    let flags =
        ["--embeddings-url", &url, "--embeddings-model", "small", "--embeddings-width", "8", "--retry-wait", "10"];
    let server = Server::with(&flags);
    let batch = server.batch().id;
    server.upload(&batch, &[("a", b"some words".to_vec())]);
    assert_eq!(server.settled(&batch).failed_files, 1);
    let error = server.errors(&batch).remove(0);
    assert_eq!(
        (error.error_type, error.code.as_str(), error.retryable),
        (ErrorType::System, codes::TEMPORARY_ERROR, true)
    );
    assert!(error.message.contains("500"), "{}", error.message);
    // Where it is, and with what, is the operator's business.
    assert!(!error.message.contains("127.0.0.1"), "{}", error.message);
    let retried: cloudindex_wire::Retried = server.post(&format!("/v1/batches/{batch}/retry"), "").json();
    assert_eq!(retried.retried, 1);
    assert_eq!(server.settled(&batch).failed_files, 1);
    let found = server.search(serde_json::json!({ "query": "words" }));
    let notice = found.notice.unwrap();
    assert!(notice.contains("500") && !notice.contains("127.0.0.1"), "{notice}");
}

#[test]
fn what_was_read_of_a_document_before_it_was_replaced_is_dropped_after_a_restart_too() {
    let (go, gone) = mpsc::channel::<()>();
    let (url, asked, _) = provider_that(move |number| {
        if number == 0 {
            gone.recv().unwrap();
        }
        false
    });
    let server = Server::with(&["--workers", "0"]);
    let batch = server.batch().id;
    server.upload(&batch, &[("a", b"old words".to_vec())]);
    let flags = ["--embeddings-url", &url, "--embeddings-model", "small", "--embeddings-width", "8", "--workers", "1"];
    let server = Server::on(server.keep(), &flags);
    // The job of before is under way; its document gets another one.
    until(|| asked.load(Ordering::SeqCst) == 1);
    server.upload(&batch, &[("a", b"new text".to_vec())]);
    go.send(()).unwrap();
    assert_eq!(server.settled(&batch).processed_files, 1);
    assert_eq!(server.search(serde_json::json!({ "query": "text" })).results[0].snippet, "new text");
}
