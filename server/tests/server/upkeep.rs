//! Housekeeping in a real server: what nobody needs goes, and what somebody needs stays.

use crate::support::*;
use cloudindex_wire::{BlockOutcome, BundleReply, VerifyPage, codes};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

/// A day is a second, and there is a round each second.
const FAST: [&str; 4] = ["--collect-after", "1", "--collect-every", "1"];

/// Bytes of all packs.
fn packed(data: &Path) -> u64 {
    let packs = std::fs::read_dir(data.join("packs")).unwrap().map(Result::unwrap);
    let packs = packs.filter(|entry| entry.file_name().to_string_lossy().starts_with("pack_"));
    // One may go just now.
    packs.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}

fn missing(server: &Server, batch: &str, blocks: &[&[u8]]) -> Vec<bool> {
    let asked: Vec<_> = blocks.iter().map(|block| (name(block), block.len())).collect();
    let mut body = Vec::new();
    part(&mut body, "manifest", serde_json::json!({ "blocks": asked }).to_string().as_bytes());
    body.extend_from_slice(&bundle(None, &[]));
    let reply = server.send("POST", &format!("/v1/batches/{batch}/blocks"), &[("Content-Type", &multipart())], &body);
    let acks = reply.json::<BundleReply>().blocks;
    acks.iter().map(|ack| matches!(ack.outcome, BlockOutcome::Missing)).collect()
}

#[test]
fn what_no_document_names_goes_and_its_room_is_free() {
    let server = Server::with(&FAST);
    let batch = server.batch().id;
    let blocks: Vec<Vec<u8>> = (0..8).map(|seed| noise(seed, 10_000)).collect();
    let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    // One pack: two documents of which one goes, one that shares a block with it, and a block that none names.
    let documents = [
        document("stays", &slices[0..2]),
        document("shares", &[slices[1], slices[2]]),
        document("goes", &[slices[2], slices[3], slices[4], slices[5], slices[6]]),
    ];
    server.bundle(&batch, &documents, &slices);
    // Another pack, of what is replaced.
    let (old, new) = (noise(100, 5000), noise(101, 6000));
    server.bundle(&batch, &[document("changes", &[&old])], &[&old]);
    server.bundle(&batch, &[document("changes", &[&new])], &[&new]);
    let id = |path: &str| server.documents(&batch).into_iter().find(|document| document.path == path).unwrap().id;
    assert_eq!(server.send("DELETE", &format!("/v1/documents/{}", id("goes")), &[], b"").status, 204);
    let live = 3 * 10_000 + 6000;
    until(|| packed(&server.data) == live);
    let dropped =
        (figure(&server, "cloudindex_blocks_dropped_total"), figure(&server, "cloudindex_block_bytes_dropped_total"));
    assert_eq!(dropped, (6, 55_000));
    // One of the old content, and the one that was written anew; they are counted when they are gone.
    until(|| figure(&server, "cloudindex_packs_removed_total") == 2);
    let all = [slices.as_slice(), &[&old, &new]].concat();
    let [t, f] = [true, false];
    assert_eq!(missing(&server, &batch, &all), [f, f, f, t, t, t, t, t, t, f]);
    assert!(server.content(&id("stays")) == slices[0..2].concat());
    assert!(server.content(&id("shares")) == [slices[1], slices[2]].concat());
    assert!(server.content(&id("changes")) == new);
    // What went may come again.
    server.bundle(&batch, &documents[2..], &slices);
    assert!(server.content(&id("goes")) == slices[2..7].concat());
    let server = server.kill_and_restart();
    let page: VerifyPage = server.post(&format!("/v1/batches/{batch}/verify"), "").json();
    assert_eq!((page.documents.checked, page.documents.stored), (4, 4));
}

#[test]
fn a_day_is_the_rule() {
    let server = Server::with(&["--collect-every", "1"]);
    let batch = server.batch().id;
    let (young, old) = (noise(1, 1000), noise(2, 1000));
    server.bundle_reply(&batch, None, &[&young]);
    server.bundle_reply(&batch, None, &[&old]);
    let sql = rusqlite::Connection::open(server.data.join("records.sqlite")).unwrap();
    let hours_ago = |block: &[u8], hours: i64| {
        let at = cloudindex_server::clock::now_ms() - hours * 3_600_000 - 60_000;
        sql.execute("UPDATE blocks SET at = ?2 WHERE digest = ?1", rusqlite::params![name(block).0, at]).unwrap();
    };
    hours_ago(&young, 23);
    hours_ago(&old, 24);
    until(|| packed(&server.data) == 1000);
    assert_eq!(figure(&server, "cloudindex_blocks_dropped_total"), 1);
    assert_eq!(missing(&server, &batch, &[&young, &old]), [false, true]);
}

#[test]
fn a_pack_that_goes_while_it_is_read_is_an_error_and_no_end() {
    let server = Server::start();
    let batch = server.batch().id;
    let blocks: Vec<Vec<u8>> = (0..24).map(|seed| noise(seed, 1 << 20)).collect();
    let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    server.bundle(&batch, &[document("x", &slices)], &slices);
    let id = server.documents(&batch).remove(0).id;
    let mut socket = TcpStream::connect(server.address()).unwrap();
    write!(
        socket,
        "GET /v1/documents/{id}/content HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut got = vec![0; 100_000];
    socket.read_exact(&mut got).unwrap();
    for entry in std::fs::read_dir(server.data.join("packs")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    // It ends short: more than the sockets hold was not read yet.
    let _ = socket.read_to_end(&mut got);
    let head = got.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    assert!(got[..head].starts_with(b"HTTP/1.1 200"));
    let whole = slices.concat();
    assert!(got.len() - head < whole.len() && whole.starts_with(&got[head..]), "what came is right, and not all");
    server.get(&format!("/v1/documents/{id}/content")).problem(503, codes::TEMPORARY_ERROR);
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn whoever_reads_slowly_reads_on_when_a_pack_was_written_anew() {
    let server = Server::with(&FAST);
    let batch = server.batch().id;
    let blocks: Vec<Vec<u8>> = (0..32).map(|seed| noise(seed, 1 << 20)).collect();
    let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    server.bundle(&batch, &[document("goes", &slices[..17]), document("stays", &slices[17..])], &slices);
    let [goes, stays] = [0, 1].map(|at| server.documents(&batch).remove(at).id);
    let mut socket = TcpStream::connect(server.address()).unwrap();
    write!(
        socket,
        "GET /v1/documents/{stays}/content HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut got = vec![0; 100_000];
    socket.read_exact(&mut got).unwrap();
    assert_eq!(server.send("DELETE", &format!("/v1/documents/{goes}"), &[], b"").status, 204);
    until(|| figure(&server, "cloudindex_packs_removed_total") == 1);
    // More than the sockets hold was not read yet.
    socket.read_to_end(&mut got).unwrap();
    let head = got.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    assert!(got[head..] == slices[17..].concat(), "{} bytes", got.len() - head);
}
