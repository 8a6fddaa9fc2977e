//! Bundles: what is committed, what is refused, and how each is said.

use crate::support::*;
use cloudindex_wire::{BlockOutcome, Document, DocumentEntry, DocumentOutcome, DocumentPage, ErrorPage, Phase, codes};

#[track_caller]
fn committed(outcome: &DocumentOutcome) -> String {
    match outcome {
        DocumentOutcome::Committed { id } => id.clone(),
        other => panic!("not committed: {other:?}"),
    }
}

#[track_caller]
fn duplicate(outcome: &DocumentOutcome) -> String {
    match outcome {
        DocumentOutcome::Duplicate { id } => id.clone(),
        other => panic!("no duplicate: {other:?}"),
    }
}

#[track_caller]
fn rejected(outcome: &DocumentOutcome) -> (String, String) {
    match outcome {
        DocumentOutcome::Rejected { error } => (error.code.to_string(), error.detail.clone()),
        other => panic!("not rejected: {other:?}"),
    }
}

#[test]
fn a_bundle_arrives_whole() {
    let server = Server::start();
    let batch = server.batch();
    let large = noise(1, 3 << 20);
    let documents =
        [document("a/one.txt", &[b"one"]), document("empty", &[]), document("a/two.bin", &[&large, b"one", &large])];
    let reply = server.bundle(&batch.id, &documents, &[b"one", &large]);
    assert!(reply.blocks.iter().all(|ack| matches!(ack.outcome, BlockOutcome::Stored)));
    let ids: Vec<String> = reply.documents.iter().map(|ack| committed(&ack.outcome)).collect();
    assert_eq!(server.content(&ids[0]), b"one");
    assert_eq!(server.content(&ids[1]), b"");
    assert!(server.content(&ids[2]) == [large.as_slice(), b"one", &large].concat());
    let record: Document = server.get(&format!("/v1/documents/{}", ids[0])).json();
    assert_eq!((record.path.as_str(), record.size, record.media_type.as_str()), ("a/one.txt", 3, "text/plain"));
    assert_eq!((record.last_modified, record.batch_id), (Some(1_700_000_000_000), batch.id.clone()));
    // Noise is no text.
    let status = server.settled(&batch.id);
    assert_eq!((status.total_files, status.processed_files, status.failed_files), (3, 2, 1));
    assert_eq!((status.bytes, status.status), (3 + 2 * large.len() as u64 + 3, Phase::Open));
    assert!(status.started_at.is_some());
    // One request, one pack.
    assert_eq!(std::fs::read_dir(server.data.join("packs")).unwrap().count(), 1);
}

#[test]
fn the_probe_names_what_is_missing_once() {
    let server = Server::start();
    let batch = server.batch();
    let wanted = document("x", &[b"p", b"q", b"p"]);
    let reply = server.bundle(&batch.id, std::slice::from_ref(&wanted), &[b"q"]);
    let DocumentOutcome::Incomplete { missing } = &reply.documents[0].outcome else { panic!("{reply:?}") };
    assert_eq!(missing, &[name(b"p")]);
    assert_eq!(server.status(&batch.id).status.total_files, 0);
    let reply = server.bundle_reply(&batch.id, None, &[b"p", b"q", b"p"]);
    assert_eq!(reply.status, 200);
    let reply: cloudindex_wire::BundleReply = reply.json();
    let acks: Vec<_> = reply.blocks.iter().map(|ack| matches!(ack.outcome, BlockOutcome::Stored)).collect();
    assert_eq!(acks, [true, false, false]);
    let reply = server.bundle(&batch.id, &[wanted], &[]);
    assert_eq!(server.content(&committed(&reply.documents[0].outcome)), b"pqp");
}

#[test]
fn again_is_a_duplicate_and_other_content_replaces() {
    let server = Server::start();
    let batch = server.batch();
    let reply = server.bundle(&batch.id, &[document("x", &[b"old"])], &[b"old"]);
    let id = committed(&reply.documents[0].outcome);
    let again = server.bundle(&batch.id, &[document("x", &[b"old"])], &[b"old"]);
    assert_eq!(duplicate(&again.documents[0].outcome), id);
    assert!(matches!(again.blocks[0].outcome, BlockOutcome::Duplicate));
    let etag = server.get(&format!("/v1/documents/{id}/content")).header("etag").to_owned();
    let reply = server.bundle(&batch.id, &[document("x", &[b"newer"])], &[b"newer"]);
    assert_eq!(committed(&reply.documents[0].outcome), id);
    let now = server.get(&format!("/v1/documents/{id}/content"));
    assert_eq!(now.body, b"newer");
    assert_ne!(now.header("etag"), etag);
    let status = server.status(&batch.id).status;
    assert_eq!((status.total_files, status.bytes), (1, 5));
    // The duplicate brought no pack.
    assert_eq!(std::fs::read_dir(server.data.join("packs")).unwrap().count(), 2);
}

#[test]
fn a_block_that_does_not_match_its_name_spoils_only_itself() {
    let server = Server::start();
    let batch = server.batch();
    let documents = [document("good", &[b"good"]), document("bad", &[b"bad"])];
    let mut body = Vec::new();
    part(&mut body, "manifest", serde_json::json!({ "documents": documents }).to_string().as_bytes());
    part(&mut body, &name(b"bad").to_string(), b"damaged");
    part(&mut body, &name(b"good").to_string(), b"good");
    body.extend_from_slice(format!("--{BOUNDARY}--").as_bytes());
    let path = format!("/v1/batches/{}/documents", batch.id);
    let reply = server.send("POST", &path, &[("Content-Type", &multipart())], &body);
    assert_eq!(reply.status, 200);
    let reply: cloudindex_wire::BundleReply = reply.json();
    let BlockOutcome::Rejected { error } = &reply.blocks[0].outcome else { panic!("{reply:?}") };
    assert_eq!(error.code, codes::DIGEST_MISMATCH);
    assert!(matches!(reply.blocks[1].outcome, BlockOutcome::Stored));
    assert_eq!(server.content(&committed(&reply.documents[0].outcome)), b"good");
    assert!(
        matches!(&reply.documents[1].outcome, DocumentOutcome::Incomplete { missing } if missing == &[name(b"bad")])
    );
}

#[test]
fn each_document_is_checked_alone_and_its_error_is_kept_until_it_arrives() {
    let server = Server::start();
    let batch = server.batch();
    let mut wrong_size = document("size", &[b"x"]);
    wrong_size.size = 2;
    let mut wrong_length = document("length", &[b"x"]);
    wrong_length.blocks[0].1 = 2;
    wrong_length.size = 2;
    let documents = [
        document("../up", &[b"x"]),
        wrong_size,
        document("fine", &[b"x"]),
        wrong_length,
        document("a//b", &[]),
        document("", &[]),
    ];
    let reply = server.bundle(&batch.id, &documents, &[b"x"]);
    let got: Vec<_> = reply.documents.iter().map(|ack| (ack.path.as_str(), &ack.outcome)).collect();
    assert_eq!(rejected(got[0].1).0, codes::INVALID_PATH);
    assert_eq!(rejected(got[1].1).0, codes::INVALID_FILE);
    committed(got[2].1);
    assert_eq!(rejected(got[3].1).0, codes::INVALID_FILE);
    assert_eq!(rejected(got[4].1).0, codes::INVALID_PATH);
    assert_eq!(rejected(got[5].1).0, codes::INVALID_PATH);
    let path = format!("/v1/batches/{}/errors", batch.id);
    let page: ErrorPage = server.get(&path).json();
    let paths: Vec<_> = page.errors.iter().map(|error| error.path.as_deref().unwrap()).collect();
    assert_eq!((paths, page.next), (vec!["../up", "size", "length", "a//b", ""], None));
    assert!(
        page.errors.iter().all(|error| error.error_type == cloudindex_wire::ErrorType::Validation && !error.retryable)
    );
    let status = server.settled(&batch.id);
    assert_eq!((status.total_files, status.processed_files, status.failed_files), (6, 1, 5));
    // Once more changes nothing; the right thing takes the error away.
    server.bundle(&batch.id, &documents, &[]);
    assert_eq!(server.status(&batch.id).status.failed_files, 5);
    committed(&server.bundle(&batch.id, &[document("size", &[b"x"])], &[]).documents[0].outcome);
    let status = server.status(&batch.id).status;
    assert_eq!((status.total_files, status.failed_files), (6, 4));
    let page: ErrorPage = server.get(&format!("{path}?limit=3")).json();
    assert_eq!(page.errors.len(), 3);
    let rest: ErrorPage = server.get(&format!("{path}?limit=3&cursor={}", page.next.unwrap())).json();
    assert_eq!((rest.errors.len(), rest.next), (1, None));
}

#[test]
fn the_limits_of_a_batch_hold() {
    let server = Server::start();
    let batch = server.batch_with(r#"{"limits":{"maxFileSize":4,"maxBatchSize":2,"totalBatchBytes":6}}"#);
    let reply = server.bundle(
        &batch.id,
        &[
            document("five", &[b"12345"]),
            document("four", &[b"1234"]),
            document("three", &[b"123"]),
            document("two", &[b"12"]),
            document("none", &[]),
        ],
        &[b"12345", b"1234", b"123", b"12"],
    );
    let (code, detail) = rejected(&reply.documents[0].outcome);
    assert_eq!(code, codes::FILE_TOO_LARGE);
    assert!(detail.contains("five") && detail.contains("maxFileSize") && detail.contains('4'), "{detail}");
    committed(&reply.documents[1].outcome);
    assert_eq!(rejected(&reply.documents[2].outcome).0, codes::BATCH_TOO_LARGE);
    committed(&reply.documents[3].outcome);
    assert_eq!(rejected(&reply.documents[4].outcome).0, codes::TOO_MANY_FILES);
    // A document that is there is no news, and one may be replaced in a full batch.
    let reply = server.bundle(&batch.id, &[document("four", &[b"1234"]), document("two", &[b"1"])], &[b"1"]);
    duplicate(&reply.documents[0].outcome);
    committed(&reply.documents[1].outcome);
}

#[test]
fn names_survive() {
    let server = Server::start();
    let batch = server.batch();
    let long = "ü".repeat(127) + "x";
    let names = [
        "a \"quoted\" 'name'",
        "line\nbreak\r\n.txt",
        "😀/\u{202e}rtl/é",
        "c:\\x",
        "%2e%2e",
        "..a/...",
        " ",
        long.as_str(),
        "日本/ファイル.html",
    ];
    let documents: Vec<_> = names.iter().map(|name| document(name, &[name.as_bytes()])).collect();
    let blocks: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
    let reply = server.bundle(&batch.id, &documents, &blocks);
    for (ack, name) in reply.documents.iter().zip(names) {
        assert_eq!(ack.path, name);
        let id = committed(&ack.outcome);
        let record: Document = server.get(&format!("/v1/documents/{id}")).json();
        assert_eq!(record.path, name);
        let content = server.get(&format!("/v1/documents/{id}/content"));
        assert_eq!(content.body, name.as_bytes());
        assert!(content.header("content-disposition").starts_with("attachment; filename*=UTF-8''"));
    }
    // The list is by path and complete, page by page.
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let page: DocumentPage = server.get(&format!("/v1/batches/{}/documents?limit=2{cursor}", batch.id)).json();
        assert!(page.documents.len() <= 2);
        listed.extend(page.documents.into_iter().map(|document| document.path));
        let Some(next) = page.next else { break };
        cursor = format!("&cursor={next}");
    }
    let mut sorted = names.map(String::from);
    sorted.sort();
    assert_eq!(listed, sorted);
}

#[test]
fn metadata_comes_back_as_it_was() {
    let server = Server::start();
    let batch = server.batch_with(r#"{"name":"n","metadata":{"big":12345678901234567890}}"#);
    assert_eq!(batch.metadata.unwrap().get(), r#"{"big":12345678901234567890}"#);
    let mut entry = document("x", &[]);
    entry.metadata = Some(serde_json::value::RawValue::from_string(r#"{"a": [1, 2.50]}"#.into()).unwrap());
    let id = committed(&server.bundle(&batch.id, &[entry.clone()], &[]).documents[0].outcome);
    let record: Document = server.get(&format!("/v1/documents/{id}")).json();
    assert_eq!(record.metadata.unwrap().get(), r#"{"a": [1, 2.50]}"#);
    // The same bytes with another description: still a duplicate, the description is the new one.
    entry.metadata = None;
    duplicate(&server.bundle(&batch.id, &[entry.clone()], &[]).documents[0].outcome);
    let record: Document = server.get(&format!("/v1/documents/{id}")).json();
    assert!(record.metadata.is_none());
    entry.metadata = Some(serde_json::value::RawValue::from_string("[1]".into()).unwrap());
    assert_eq!(rejected(&server.bundle(&batch.id, &[entry], &[]).documents[0].outcome).0, codes::INVALID_FILE);
}

#[test]
fn a_closed_batch_takes_no_more_but_a_lost_ack_is_no_error() {
    let server = Server::start();
    for (call, phase) in [("complete", Phase::Completed), ("cancel", Phase::Cancelled)] {
        let batch = server.batch();
        let held = document("x", &[b"x"]);
        let id = committed(&server.bundle(&batch.id, std::slice::from_ref(&held), &[b"x"]).documents[0].outcome);
        for _ in 0..2 {
            let reply = server.post(&format!("/v1/batches/{}/{call}", batch.id), "");
            assert_eq!(reply.status, 200);
            let told = reply.json::<cloudindex_wire::Batch>().status.status;
            assert!(told == phase || (told, phase) == (Phase::Processing, Phase::Completed), "{told:?}");
        }
        server.until(&batch.id, |status| status.status == phase);
        let other = if call == "cancel" { "complete" } else { "cancel" };
        server.post(&format!("/v1/batches/{}/{other}", batch.id), "").problem(409, codes::BATCH_CLOSED);
        let again = server.bundle(&batch.id, std::slice::from_ref(&held), &[b"x"]);
        assert_eq!(duplicate(&again.documents[0].outcome), id);
        let both = [held, document("y", &[b"y"])];
        server.bundle_reply(&batch.id, Some(&both), &[b"y"]).problem(409, codes::BATCH_CLOSED);
        server.bundle_reply(&batch.id, None, &[b"y"]).problem(409, codes::BATCH_CLOSED);
        assert_eq!(server.status(&batch.id).status.total_files, 1);
        assert_eq!(server.content(&id), b"x");
    }
    assert!(server.bundle_reply(&server.batch().id, None, &[b"z"]).status == 200);
}

#[test]
fn what_is_deleted_is_gone() {
    let server = Server::start();
    let batch = server.batch();
    let reply = server.bundle(&batch.id, &[document("x", &[b"x"]), document("y", &[b"yy"])], &[b"x", b"yy"]);
    let id = committed(&reply.documents[0].outcome);
    assert_eq!(server.send("DELETE", &format!("/v1/documents/{id}"), &[], b"").status, 204);
    server.send("DELETE", &format!("/v1/documents/{id}"), &[], b"").problem(404, codes::NOT_FOUND);
    server.get(&format!("/v1/documents/{id}")).problem(404, codes::NOT_FOUND);
    server.get(&format!("/v1/documents/{id}/content")).problem(404, codes::NOT_FOUND);
    let status = server.status(&batch.id).status;
    assert_eq!((status.total_files, status.bytes), (1, 2));
}

#[test]
fn tenants_do_not_see_each_other() {
    let mut server = Server::start();
    let batch = server.batch();
    let id = committed(&server.bundle(&batch.id, &[document("x", &[b"secret"])], &[b"secret"]).documents[0].outcome);
    server.with_key("other-key", |other| {
        other.get(&format!("/v1/batches/{}", batch.id)).problem(404, codes::BATCH_NOT_FOUND);
        other.get(&format!("/v1/batches/{}/documents", batch.id)).problem(404, codes::BATCH_NOT_FOUND);
        other.get(&format!("/v1/documents/{id}/content")).problem(404, codes::NOT_FOUND);
        other.send("DELETE", &format!("/v1/documents/{id}"), &[], b"").problem(404, codes::NOT_FOUND);
        other.post(&format!("/v1/batches/{}/cancel", batch.id), "").problem(404, codes::BATCH_NOT_FOUND);
        // Knowing a digest is not having the bytes.
        let theirs = other.batch();
        let reply = other.bundle(&theirs.id, &[document("x", &[b"secret"])], &[]);
        assert!(matches!(reply.documents[0].outcome, DocumentOutcome::Incomplete { .. }));
    });
    assert_eq!(server.content(&id), b"secret");
}

#[test]
fn a_page_of_large_records_ends_early_and_loses_none() {
    let server = Server::start();
    let batch = server.batch();
    // 80,000 blocks in a list, all of them the same.
    let mut documents: Vec<_> = (0..4).map(|i| document(&format!("{i}"), &[b"x"])).collect();
    for entry in &mut documents {
        entry.blocks = vec![entry.blocks[0]; 80_000];
        entry.size = 80_000;
    }
    let mut listed = 0;
    for entry in &documents {
        committed(&server.bundle(&batch.id, std::slice::from_ref(entry), &[b"x"]).documents[0].outcome);
    }
    let (mut pages, mut cursor) = (0, String::new());
    loop {
        let page: DocumentPage = server.get(&format!("/v1/batches/{}/documents?limit=5000{cursor}", batch.id)).json();
        (pages, listed) = (pages + 1, listed + page.documents.len());
        let Some(next) = page.next else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!((listed, pages), (4, 2));
}

#[test]
fn a_page_of_large_batches_ends_early_and_loses_none() {
    let server = Server::start();
    let metadata = format!(r#"{{"metadata":{{"a":"{}"}}}}"#, "x".repeat((1 << 20) - 100));
    let made: Vec<String> = (0..12).map(|_| server.batch_with(&metadata).id).collect();
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let reply = server.get(&format!("/v1/batches?limit=1000&cursor={cursor}"));
        assert!(reply.body.len() < 10 << 20, "{}", reply.body.len());
        let page: cloudindex_wire::BatchPage = reply.json();
        listed.extend(page.batches.into_iter().map(|batch| batch.id));
        let Some(next) = page.next else { break };
        cursor = next;
    }
    listed.reverse();
    assert_eq!(listed, made);
}

#[test]
fn a_media_type_is_short() {
    let server = Server::start();
    let batch = server.batch().id;
    let of = |path: &str, length: usize| DocumentEntry { media_type: "x".repeat(length), ..document(path, &[]) };
    let reply = server.bundle(&batch, &[of("a", 255), of("b", 256)], &[]);
    committed(&reply.documents[0].outcome);
    let (code, detail) = rejected(&reply.documents[1].outcome);
    assert_eq!(code, codes::INVALID_FILE);
    assert!(detail.contains("256 bytes") && detail.contains("255"), "{detail}");
}

#[test]
fn what_was_said_against_a_document_goes_with_it() {
    let server = Server::start();
    let batch = server.batch_with(r#"{"limits":{"maxFileSize":3}}"#).id;
    server.upload(&batch, &[("a", b"abc".to_vec())]);
    rejected(&server.bundle(&batch, &[document("a", &[b"abcd"])], &[b"abcd"]).documents[0].outcome);
    assert_eq!(server.errors(&batch).len(), 1);
    let id = server.documents(&batch).remove(0).id;
    assert_eq!(server.send("DELETE", &format!("/v1/documents/{id}"), &[], b"").status, 204);
    let status = server.status(&batch).status;
    assert_eq!((status.total_files, status.failed_files, server.errors(&batch).len()), (0, 0, 0));
}
