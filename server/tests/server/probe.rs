//! The probe for blocks, and the figures of `/metrics`.

use crate::support::*;
use cloudindex_server::store::{Records, sqlite::Sqlite};
use cloudindex_wire::{BlockOutcome, BundleReply, Digest, codes};
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The body of `POST …/blocks` with a manifest of `asked`, then `parts`.
fn probe(asked: &[&[u8]], parts: &[&[u8]]) -> Vec<u8> {
    let asked: Vec<_> = asked.iter().map(|block| (name(block), block.len())).collect();
    let mut body = Vec::new();
    part(&mut body, "manifest", serde_json::json!({ "blocks": asked }).to_string().as_bytes());
    body.extend_from_slice(&bundle(None, parts));
    body
}

fn send(server: &Server, batch: &str, body: &[u8]) -> Reply {
    server.send("POST", &format!("/v1/batches/{batch}/blocks"), &[("Content-Type", &multipart())], body)
}

fn acks(reply: &Reply) -> Vec<(Digest, &'static str)> {
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let reply: BundleReply = reply.json();
    assert!(reply.documents.is_empty());
    let word = |outcome| match outcome {
        BlockOutcome::Stored => "stored",
        BlockOutcome::Duplicate => "duplicate",
        BlockOutcome::Missing => "missing",
        BlockOutcome::Rejected { .. } => "rejected",
    };
    reply.blocks.into_iter().map(|ack| (ack.digest, word(ack.outcome))).collect()
}

#[test]
fn every_entry_is_answered_in_order() {
    let mut server = Server::start();
    let batch = server.batch().id;
    assert_eq!(acks(&send(&server, &batch, &probe(&[], &[]))), []);
    let (a, b) = ((name(b"a"), "missing"), (name(b"b"), "missing"));
    assert_eq!(acks(&send(&server, &batch, &probe(&[b"a", b"b", b"a"], &[]))), [a, b, a]);
    // Parts may follow, and are answered after it.
    let reply = send(&server, &batch, &probe(&[b"a", b"b"], &[b"a", b"c", b"a"]));
    let parts = [(name(b"a"), "stored"), (name(b"c"), "stored"), (name(b"a"), "duplicate")];
    assert_eq!(acks(&reply), [[a, b].as_slice(), &parts].concat());
    let a = (name(b"a"), "duplicate");
    assert_eq!(acks(&send(&server, &batch, &probe(&[b"b", b"a"], &[b"a"]))), [b, a, a]);
    // What another tenant holds is no business of this one's.
    server.with_key("other-key", |server| {
        let batch = server.batch().id;
        assert_eq!(acks(&send(server, &batch, &probe(&[b"a"], &[]))), [(name(b"a"), "missing")]);
    });
}

#[test]
fn what_is_no_probe_is_refused() {
    let server = Server::start();
    let batch = server.batch().id;
    let raw = |manifest: &[u8]| {
        let mut body = Vec::new();
        part(&mut body, "manifest", manifest);
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        send(&server, &batch, &body)
    };
    for wrong in [&b"{}"[..], b"[]", b"", b"{\"documents\":[]}", b"{\"blocks\":[[\"00\",1]]}", b"\xff"] {
        raw(wrong).problem(400, codes::INVALID_REQUEST);
    }
    let many = |count| {
        let blocks: Vec<_> = (0..count).map(|i: u64| (name(&i.to_le_bytes()), 8)).collect();
        raw(serde_json::json!({ "blocks": blocks }).to_string().as_bytes())
    };
    assert_eq!(acks(&many(16_384)).len(), 16_384);
    let problem = many(16_385).problem(413, codes::BUNDLE_TOO_LARGE);
    assert!(problem.detail.contains("16384"), "{}", problem.detail);
    raw(&b" ".repeat((8 << 20) + 1)).problem(413, codes::BUNDLE_TOO_LARGE);
    // A manifest is the first part, or none at all.
    let mut late = Vec::new();
    part(&mut late, &name(b"x").to_string(), b"x");
    late.extend_from_slice(&probe(&[b"x"], &[]));
    send(&server, &batch, &late).problem(400, codes::INVALID_REQUEST);
    assert_eq!(server.post(&format!("/v1/batches/{batch}/complete"), "").status, 200);
    send(&server, &batch, &probe(&[b"x"], &[])).problem(409, codes::BATCH_CLOSED);
    send(&server, "batch_none", &probe(&[b"x"], &[])).problem(404, codes::BATCH_NOT_FOUND);
}

#[test]
fn a_block_told_of_is_noted_once_an_hour() {
    let data = directory();
    let path = data.join("records.sqlite");
    let records = Sqlite::open(&path).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tenant = runtime.block_on(records.tenant("t")).unwrap();
    let sql = rusqlite::Connection::open(&path).unwrap();
    sql.execute("INSERT INTO packs (id, name) VALUES (1, 'pack_x')", []).unwrap();
    let now = cloudindex_server::clock::now_ms();
    let minute = 60_000;
    for (block, age) in [(b"old", 61 * minute), (b"new", 59 * minute)] {
        let row = rusqlite::params![tenant.0, name(block).0, now - age];
        sql.execute("INSERT INTO blocks (tenant, digest, pack, offset, length, at) VALUES (?1, ?2, 1, 0, 3, ?3)", row)
            .unwrap();
    }
    let held = runtime.block_on(records.hold(tenant, vec![name(b"new"), name(b"none"), name(b"old")], now)).unwrap();
    assert_eq!(held, [true, false, true]);
    let at = |block: &[u8]| -> i64 {
        sql.query_row("SELECT at FROM blocks WHERE digest = ?1", [name(block).0], |row| row.get(0)).unwrap()
    };
    assert_eq!(at(b"old"), now, "noted");
    assert_eq!(at(b"new"), now - 59 * minute, "no write was needed");
    std::fs::remove_dir_all(data).unwrap();
}

#[test]
fn figures_count_what_came() {
    let server = Server::start();
    let batch = server.batch().id;
    let blocks = [noise(1, 100_000), noise(2, 50_000)];
    let slices = [blocks[0].as_slice(), &blocks[1]];
    let documents = [document("x", &slices), document("y", &[b"never"]), document("/z", &[])];
    let before = figure(&server, "cloudindex_body_bytes_total");
    server.bundle(&batch, &documents, &slices);
    let body = bundle(Some(&documents), &slices).len() as u64;
    assert_eq!(figure(&server, "cloudindex_body_bytes_total"), before + body);
    assert_eq!(figure(&server, "cloudindex_block_bytes_total"), 150_000);
    assert_eq!(figure(&server, "cloudindex_block_bytes_stored_total"), 150_000);
    for (outcome, count) in [("committed", 1), ("incomplete", 1), ("rejected", 1), ("duplicate", 0)] {
        assert_eq!(figure(&server, &format!("cloudindex_documents_total{{outcome=\"{outcome}\"}}")), count);
    }
    // A duplicate came, and is not stored again; a probe brings no block.
    send(&server, &batch, &probe(&slices, &slices[1..]));
    server.bundle(&batch, &documents[..1], &[]);
    assert_eq!(figure(&server, "cloudindex_block_bytes_total"), 200_000);
    assert_eq!(figure(&server, "cloudindex_block_bytes_stored_total"), 150_000);
    assert_eq!(figure(&server, "cloudindex_documents_total{outcome=\"duplicate\"}"), 1);
    // A request that breaks off counts as far as it came.
    let body = bundle(None, &[&noise(3, 300_000)]);
    let mut socket = TcpStream::connect(server.address()).unwrap();
    write!(
        socket,
        "POST /v1/batches/{batch}/blocks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
        multipart(),
        body.len()
    )
    .unwrap();
    socket.write_all(&body[..100_000]).unwrap();
    drop(socket);
    let start = Instant::now();
    while figure(&server, "cloudindex_block_bytes_total") < 299_000 {
        assert!(start.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(figure(&server, "cloudindex_block_bytes_total") < 300_000);
    // Routes as matched, whatever was asked for.
    server.get("/v1/batches/nonsense");
    server.get("/v1/nonsense/1");
    server.get("/nonsense");
    server.send("PUT", "/v1/batches", &[], b"");
    let requests = |labels: &str| figure(&server, &format!("cloudindex_requests_total{{{labels}}}"));
    assert_eq!(requests("method=\"POST\",route=\"/v1/batches/{id}/documents\",status=\"200\""), 2);
    assert_eq!(requests("method=\"GET\",route=\"/v1/batches/{id}\",status=\"404\""), 1);
    assert_eq!(requests("method=\"GET\",route=\"none\",status=\"404\""), 2);
    assert_eq!(requests("method=\"other\",route=\"/v1/batches\",status=\"405\""), 1);
    assert!(requests("method=\"GET\",route=\"/metrics\",status=\"200\"") > 5);
    let all = server.get("/metrics").body;
    assert!(!String::from_utf8(all).unwrap().contains("nonsense"));
}
