//! What a tenant may hold, and what a token may bring.

use crate::support::*;
use cloudindex_wire::{
    Batch, BatchLimits, BatchPage, BlockOutcome, BundleReply, DocumentOutcome, ErrorType, Problem, Quota, UploadToken,
    Usage, codes,
};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;

fn usage(server: &Server) -> Usage {
    server.get("/v1/usage").json()
}

/// What a document is refused with.
#[track_caller]
fn refusal(reply: &BundleReply, at: usize) -> &Problem {
    match &reply.documents[at].outcome {
        DocumentOutcome::Rejected { error } => error,
        other => panic!("{other:?}"),
    }
}

fn delete(server: &Server, batch: &str, path: &str) {
    let id = server.documents(batch).into_iter().find(|document| document.path == path).unwrap().id;
    assert_eq!(server.send("DELETE", &format!("/v1/documents/{id}"), &[], b"").status, 204);
}

#[test]
fn bytes_are_those_of_documents_whatever_they_share() {
    let mut server = Server::with(&["--quota-bytes", "1000"]);
    let (one, two) = (server.batch().id, server.batch().id);
    let (block, small) = (noise(1, 400), noise(2, 300));
    server.upload(&one, &[("a", block.clone())]);
    // The same content again takes no room on the disk, and counts all the same.
    let reply = server.bundle(&two, &[document("a", &[&block]), document("b", &[&small])], &[&small]);
    assert!(matches!(reply.documents[0].outcome, DocumentOutcome::Committed { .. }), "{reply:?}");
    let error = refusal(&reply, 1);
    assert_eq!((error.status, &*error.code, error.retryable), (403, codes::QUOTA_EXCEEDED, false));
    for words in ["\"b\"", "1100 bytes", "quota is 1000", "800 are held", "delete some", "quota-bytes"] {
        assert!(error.detail.contains(words), "{}", error.detail);
    }
    let held = Usage { documents: 2, bytes: 800, block_bytes: 700, batches: 2, quota: usage(&server).quota };
    assert_eq!(usage(&server), held);
    assert_eq!(held.quota, Quota { max_bytes: Some(1000), ..Quota::default() });
    let errors = server.errors(&two);
    assert_eq!((errors[0].error_type, errors[0].code.as_str()), (ErrorType::Validation, codes::QUOTA_EXCEEDED));
    // All that was accepted is there, and is still answered as such.
    let reply = server.bundle(&one, &[document("a", &[&block])], &[]);
    assert!(matches!(reply.documents[0].outcome, DocumentOutcome::Duplicate { .. }), "{reply:?}");
    assert_eq!(server.content(&server.documents(&one)[0].id), block);
    // Other content in its place counts once.
    let larger = noise(3, 600);
    server.upload(&one, &[("a", larger)]);
    assert_eq!((usage(&server).documents, usage(&server).bytes), (2, 1000));
    let reply = server.bundle(&one, &[document("empty", &[]), document("x", &[b"x"])], &[b"x"]);
    assert!(matches!(reply.documents[0].outcome, DocumentOutcome::Committed { .. }));
    assert!(refusal(&reply, 1).detail.contains("1001 bytes"));
    // One tenant's room is not another's.
    server.with_key("other-key", |other| {
        let batch = other.batch().id;
        other.upload(&batch, &[("a", block.clone())]);
        assert_eq!((usage(other).bytes, usage(other).batches), (400, 1));
    });
    // Room that was made is room.
    delete(&server, &two, "a");
    server.upload(&two, &[("b", small)]);
    assert_eq!((usage(&server).documents, usage(&server).bytes), (3, 900));
    assert!(server.errors(&two).is_empty(), "what was refused is there now");
}

#[test]
fn a_quota_may_be_lowered_and_takes_nothing_away() {
    let server = Server::with(&["--quota-documents", "3"]);
    let batch = server.batch().id;
    let files: Vec<(String, Vec<u8>)> = (0..4u8).map(|n| (format!("f{n}"), noise(n.into(), 100))).collect();
    let documents: Vec<_> = files.iter().map(|(path, bytes)| document(path, &[bytes])).collect();
    let blocks: Vec<&[u8]> = files.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    let reply = server.bundle(&batch, &documents, &blocks);
    let error = refusal(&reply, 3);
    assert!(error.detail.contains("4 documents") && error.detail.contains("quota is 3"), "{}", error.detail);
    let server = Server::on(server.keep(), &["--quota-documents", "1", "--quota-bytes", "10"]);
    assert_eq!((usage(&server).documents, usage(&server).bytes, server.documents(&batch).len()), (3, 300, 3));
    let reply = server.bundle(&batch, &documents, &[]);
    assert!(matches!(reply.documents[0].outcome, DocumentOutcome::Duplicate { .. }));
    // Less than before is let in, though it is more than the quota; more is not.
    let (less, more) = (noise(9, 90), noise(8, 101));
    let reply = server.bundle(&batch, &[document("f0", &[&more]), document("f1", &[&less])], &[&less]);
    refusal(&reply, 0);
    assert!(matches!(reply.documents[1].outcome, DocumentOutcome::Incomplete { .. }), "{reply:?}");
    let server = Server::on(server.keep(), &[]);
    assert_eq!(usage(&server).quota, Quota::default());
    server.upload(&batch, &[("f3", files[3].1.clone())]);
}

#[test]
fn blocks_alone_are_bounded_too() {
    let server = Server::with(&["--quota-bytes", "1000"]);
    let batch = server.batch().id;
    let blocks: Vec<Vec<u8>> = (0..6).map(|n| noise(n, 500)).collect();
    let slices: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    let outcomes = |some: &[&[u8]]| {
        let reply: BundleReply = server.bundle_reply(&batch, None, some).json();
        reply.blocks.into_iter().map(|ack| ack.outcome).collect::<Vec<_>>()
    };
    // Twice as much as documents may have: what is under way is no document's yet.
    let told = outcomes(&slices);
    assert!(told[..4].iter().all(|outcome| matches!(outcome, BlockOutcome::Stored)), "{told:?}");
    for outcome in &told[4..] {
        let BlockOutcome::Rejected { error } = outcome else { panic!("{outcome:?}") };
        assert_eq!((&*error.code, error.retryable), (codes::QUOTA_EXCEEDED, false));
        assert!(error.detail.contains("1000 bytes"), "{}", error.detail);
    }
    let told = outcomes(&slices[3..5]);
    assert!(matches!(told[0], BlockOutcome::Duplicate) && matches!(told[1], BlockOutcome::Rejected { .. }), "{told:?}");
    assert_eq!(usage(&server).block_bytes, 2000);
    server.upload(&batch, &[("a", blocks[0].clone()), ("b", blocks[1].clone())]);
    let c = rusqlite::Connection::open(server.data.join("records.sqlite")).unwrap();
    c.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    // As a collector does.
    c.execute("DELETE FROM blocks WHERE digest = ?1", [name(&blocks[2]).0]).unwrap();
    assert_eq!(usage(&server).block_bytes, 1500);
    assert!(matches!(outcomes(&slices[4..5])[0], BlockOutcome::Stored));
}

#[test]
fn batches_are_counted() {
    let server = Server::with(&["--quota-batches", "2"]);
    let create = |key: &str| server.send("POST", "/v1/batches", &[("Idempotency-Key", key)], b"{}");
    assert_eq!((create("1").status, create("2").status), (201, 201));
    let problem = create("3").problem(403, codes::QUOTA_EXCEEDED);
    assert!(!problem.retryable && problem.detail.contains("quota is 2"), "{}", problem.detail);
    assert_eq!(create("2").status, 200, "one that was made is told again");
    assert_eq!(server.get("/v1/batches").json::<BatchPage>().batches.len(), 2);
    assert_eq!(usage(&server).batches, 2);
}

#[test]
fn a_token_has_limits_of_its_own() {
    let mut server = Server::start();
    let batch = server.batch_with(r#"{"limits":{"maxFileSize":100,"maxBatchSize":5}}"#).id;
    let ask = json!({ "batchId": batch, "limits": { "maxBatchSize": 2, "maxFileSize": 200, "totalBatchBytes": 150 } });
    let token: UploadToken = server.post("/v1/tokens", &ask.to_string()).json();
    let both = BatchLimits { max_batch_size: Some(2), max_file_size: Some(100), total_batch_bytes: Some(150) };
    assert_eq!(token.limits, both);
    let wrong = json!({ "batchId": batch, "limits": { "maxFiles": 2 } });
    server.post("/v1/tokens", &wrong.to_string()).problem(400, codes::INVALID_REQUEST);
    server.with_key(&token.token, |page| {
        assert_eq!(page.status(&batch).limits, both);
        page.upload(&batch, &[("a", noise(1, 100))]);
        for (path, size, code) in [("b", 101, codes::FILE_TOO_LARGE), ("b", 51, codes::BATCH_TOO_LARGE)] {
            let bytes = noise(2, size);
            assert_eq!(refusal(&page.bundle(&batch, &[document(path, &[&bytes])], &[]), 0).code, code);
        }
        page.upload(&batch, &[("b", noise(3, 50))]);
        assert_eq!(refusal(&page.bundle(&batch, &[document("c", &[])], &[]), 0).code, codes::TOO_MANY_FILES);
    });
    // The key's are the batch's.
    server.upload(&batch, &[("c", noise(4, 100))]);
    assert_eq!(server.get(&format!("/v1/batches/{batch}")).json::<Batch>().limits.total_batch_bytes, None);
}

#[test]
fn blocks_that_come_at_once_share_the_room() {
    let server = Server::with(&["--quota-bytes", "1000"]);
    let batch = server.batch().id;
    let begin = |seed: u64| {
        let blocks: Vec<Vec<u8>> = (0..4).map(|n| noise(seed + n, 500)).collect();
        let body = bundle(None, &blocks.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let mut socket = TcpStream::connect(server.address()).unwrap();
        let (kind, length) = (multipart(), body.len());
        write!(
            socket,
            "POST /v1/batches/{batch}/blocks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: {kind}\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        socket.write_all(&body[..length - 10]).unwrap();
        (socket, body[length - 10..].to_vec())
    };
    let mut under_way = [begin(0), begin(100)];
    // Three blocks of each are there, and nobody was told of the other's.
    until(|| figure(&server, "cloudindex_block_bytes_total") >= 6 * 500);
    let outcomes = under_way.each_mut().map(|(socket, rest)| {
        socket.write_all(rest).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let reply: BundleReply = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        reply.blocks.into_iter().map(|ack| ack.outcome).collect::<Vec<_>>()
    });
    assert_eq!(usage(&server).block_bytes, 2000);
    assert!(outcomes[0].iter().all(|outcome| matches!(outcome, BlockOutcome::Stored)), "{outcomes:?}");
    for outcome in &outcomes[1] {
        let BlockOutcome::Rejected { error } = outcome else { panic!("{outcome:?}") };
        assert_eq!(&*error.code, codes::QUOTA_EXCEEDED);
        assert!(error.detail.contains("have 2000 bytes"), "{}", error.detail);
    }
}

#[test]
fn totals_are_those_of_a_count_whatever_was_done() {
    let flags = ["--collect-after", "1", "--collect-every", "1", "--retry-wait", "1"];
    let mut server = Server::with(&flags);
    let random = noise(7, 4000);
    let mut batches = Vec::new();
    for (number, dice) in random.chunks(10).enumerate() {
        if number % 40 == 0 {
            batches.push(server.batch_with(r#"{"limits":{"maxFileSize":200}}"#).id);
        }
        if number == 200 {
            server = Server::on(server.keep(), &flags);
        }
        let batch = &batches[usize::from(dice[0]) % batches.len()];
        let path = format!("/v1/batches/{batch}");
        match dice[1] % 16 {
            0 => drop(server.post(&format!("{path}/complete"), "")),
            1 if dice[2] < 64 => drop(server.post(&format!("{path}/cancel"), "")),
            2 => drop(server.post(&format!("{path}/retry"), "")),
            3..6 => {
                let documents = server.documents(batch);
                if let Some(document) = documents.get(usize::from(dice[2]) % documents.len().max(1)) {
                    server.send("DELETE", &format!("/v1/documents/{}", document.id), &[], b"");
                }
            }
            _ => {
                // Of few contents and paths; some are too large, some have no text, some come without their blocks.
                let content = |dice: u8| {
                    noise(u64::from(dice % 16), usize::from(dice % 16) * 15).iter().map(|b| b % 26 + b'a').collect()
                };
                let contents: Vec<Vec<u8>> = dice[2..6].iter().map(|dice| content(*dice)).collect();
                let named: Vec<_> = dice[6..10]
                    .iter()
                    .zip(&contents)
                    .map(|(dice, bytes)| {
                        let path = format!("{}.{}", dice % 8, if dice % 8 == 0 { "pdf" } else { "txt" });
                        document(&path, &[bytes.as_slice()])
                    })
                    .collect();
                let blocks: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
                server.bundle_reply(batch, Some(&named), if dice[1] % 2 == 0 { &blocks } else { &[] });
            }
        }
    }
    let data = server.keep();
    let c = rusqlite::Connection::open(data.join("records.sqlite")).unwrap();
    let count = |sql: &str| c.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert!(count("SELECT count(*) FROM documents") > 10 && count("SELECT count(*) FROM batches WHERE phase <> 0") > 2);
    for (what, wrong) in [
        ("batches", "SELECT count(*) FROM batches b WHERE
            (documents, bytes, processed, broken) <> (SELECT count(*), coalesce(sum(size), 0), coalesce(sum(state = 1), 0),
                coalesce(sum(state = 2), 0) FROM documents WHERE batch = b.seq)
            OR failed <> (SELECT coalesce(sum(counted), 0) FROM errors WHERE batch = b.seq)"),
        ("tenants", "SELECT count(*) FROM tenants t WHERE
            (documents, bytes, batches) <> (SELECT coalesce(sum(documents), 0), coalesce(sum(bytes), 0), count(*) FROM batches WHERE tenant = t.id)
            OR block_bytes <> (SELECT coalesce(sum(length), 0) FROM blocks WHERE tenant = t.id)"),
        ("phases", "SELECT count(*) FROM phases p WHERE
            (batches, waiting) <> (SELECT count(*), coalesce(sum(documents - processed - broken), 0) FROM batches WHERE phase = p.phase)"),
        ("jobs", "SELECT (SELECT count(*) FROM documents d JOIN batches b ON b.seq = d.batch
            WHERE (d.state = 0 AND b.phase <> 3) <> (d.seq IN (SELECT document FROM jobs)))
            + (SELECT count(*) FROM jobs WHERE document NOT IN (SELECT seq FROM documents))"),
        ("ends", "SELECT count(*) FROM batches WHERE (phase = 1) <> (phase IN (1, 2) AND processed + broken < documents)"),
        ("chunks", "SELECT (SELECT count(*) FROM documents d WHERE chunks <> (SELECT count(*) FROM chunks WHERE document = d.seq))
            + (SELECT count(*) FROM chunks WHERE document NOT IN (SELECT seq FROM documents))"),
        ("errors", "SELECT count(*) FROM errors e WHERE stage = 1
            AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.batch = e.batch AND d.path = e.path AND d.state = 2)"),
    ] {
        assert_eq!(count(wrong), 0, "{what}");
    }
    std::fs::remove_dir_all(data).unwrap();
}
