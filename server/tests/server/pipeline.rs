//! From files to what is found: every kind of file, search and its filters, errors and retries.

use crate::support::files::{docx, pdf};
use crate::support::*;
use cloudindex_wire::{DocumentEntry, DocumentState, ErrorType, Phase, Retried, codes};
use serde_json::json;

#[test]
fn every_kind_of_file_is_found_by_its_words() {
    let server = Server::start();
    let batch = server.batch().id;
    let utf16: Vec<u8> = "\u{feff}Wort kumquat".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let files: &[(&str, Vec<u8>)] = &[
        ("a.txt", b"Plain words about aardvarks.".to_vec()),
        ("b.md", b"# Badgers\n\nThey *dig* tunnels.".to_vec()),
        (
            "c.html",
            b"<!doctype html><title>Camels</title><script>dromedary()</script><p>They walk in deserts.".to_vec(),
        ),
        ("d.csv", b"animal,legs\ndingo,4\n".to_vec()),
        ("e.json", br#"{"animal":{"name":"elephant"}}"#.to_vec()),
        ("f.pdf", pdf(&["Ferrets are long.", "They sleep in hammocks."])),
        ("g.docx", docx(&["Gazelles jump &amp; run.", "Fast."])),
        ("h.rs", b"/// Hedgehogs roll.\nfn hedgehog() {}".to_vec()),
        ("i.weird", utf16),
        ("empty", Vec::new()),
    ];
    server.upload(&batch, files);
    let status = server.settled(&batch);
    let all = files.len() as u64;
    assert_eq!(
        (status.total_files, status.processed_files, status.failed_files),
        (all, all, 0),
        "{:?}",
        server.errors(&batch)
    );
    assert!((status.progress_percentage - 100.0).abs() < 1e-9);
    for (word, path, kind) in [
        ("aardvarks", "a.txt", "text/plain"),
        ("dig tunnel", "b.md", "text/markdown"),
        ("camels", "c.html", "text/html"),
        ("dingo", "d.csv", "text/csv"),
        ("elephant", "e.json", "application/json"),
        ("hammocks", "f.pdf", "application/pdf"),
        ("gazelles", "g.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("hedgehogs", "h.rs", "text/x-source"),
        ("kumquat", "i.weird", "text/plain"),
    ] {
        let reply = server.search(json!({ "query": word }));
        let first = &reply.results[0];
        assert_eq!((first.path.as_str(), first.media_type.as_str()), (path, kind), "{word}: {reply:?}");
        assert!(first.score > 0.0 && first.score <= 1.0);
        assert_eq!(reply.notice, None);
    }
    let scripts = server.search(json!({ "query": "dromedary" }));
    assert!(scripts.results.iter().all(|hit| !hit.snippet.contains("dromedary")), "scripts are not text");
    assert!(server.search(json!({ "query": "gazelles" })).results[0].snippet.starts_with("Gazelles jump & run."));
    let documents = server.documents(&batch);
    assert!(documents.iter().all(|document| document.state == DocumentState::Processed));
    assert_eq!(documents.iter().find(|document| document.path == "empty").unwrap().chunks, 0);
    let complete = server.post(&format!("/v1/batches/{batch}/complete"), "");
    assert_eq!(complete.json::<cloudindex_wire::Batch>().status.status, Phase::Completed, "nothing waits any more");
}

#[test]
fn what_means_the_same_is_found() {
    let server = Server::start();
    let batch = server.batch().id;
    let text = |words: &str| words.as_bytes().to_vec();
    server
        .upload(&batch, &[("1", text("a fast car")), ("2", text("a big ship")), ("3", text("the dog and the house"))]);
    server.settled(&batch);
    assert_eq!(server.found(json!({ "query": "automobile" }))[0], "1");
    assert_eq!(server.found(json!({ "query": "vessel" }))[0], "2");
    assert_eq!(server.found(json!({ "query": "hound", "limit": 1 })), ["3"]);
}

#[test]
fn filters_hold_together() {
    let mut server = Server::start();
    let (one, two) = (server.batch().id, server.batch().id);
    let entry = |path: &str, metadata: Option<&str>, bytes: &[u8]| DocumentEntry {
        metadata: metadata.map(|json| serde_json::value::RawValue::from_string(json.into()).unwrap()),
        media_type: "text/special".into(),
        ..document(path, &[bytes])
    };
    let (word, other) = (b"the word here".as_slice(), b"the word there".as_slice());
    server.bundle(
        &one,
        &[
            entry("guides/a.txt", Some(r#"{"team":"x","year":2024,"tags":["p"]}"#), word),
            entry("guides_b.md", Some(r#"{"team":"x","year":"2024"}"#), word),
            entry("guides/%/c.txt", None, other),
        ],
        &[word, other],
    );
    server.upload(&two, &[("guides/d.txt", other.to_vec())]);
    server.settled(&one);
    server.settled(&two);
    let found = |filter: serde_json::Value| {
        let mut query = json!({ "query": "word" });
        query.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
        let mut paths = server.found(query);
        paths.sort();
        paths
    };
    assert_eq!(found(json!({})), ["guides/%/c.txt", "guides/a.txt", "guides/d.txt", "guides_b.md"]);
    assert_eq!(found(json!({ "batchId": two })), ["guides/d.txt"]);
    assert_eq!(found(json!({ "pathPrefix": "guides/" })), ["guides/%/c.txt", "guides/a.txt", "guides/d.txt"]);
    assert_eq!(found(json!({ "pathPrefix": "guides/%" })), ["guides/%/c.txt"]);
    assert_eq!(found(json!({ "type": "text/markdown" })), ["guides_b.md"]);
    assert_eq!(found(json!({ "type": "text/special", "batchId": one })).len(), 3);
    assert_eq!(found(json!({ "metadata": { "team": "x" } })), ["guides/a.txt", "guides_b.md"]);
    assert_eq!(found(json!({ "metadata": { "year": 2024 } })), ["guides/a.txt"]);
    assert_eq!(found(json!({ "metadata": { "team": "x", "tags": ["p"] } })), ["guides/a.txt"]);
    assert_eq!(found(json!({ "metadata": { "team": "x" }, "pathPrefix": "guides_", "batchId": one })), ["guides_b.md"]);
    assert!(found(json!({ "metadata": { "team": null } })).is_empty());
    for odd in ["\"", "NOT", "a AND", "*", "col:x", "(", "' OR 1=1 --", "\u{0}x", "🦀"] {
        server.found(json!({ "query": odd }));
    }
    server.post("/v1/search", r#"{"query":" "}"#).problem(400, codes::INVALID_REQUEST);
    server.post("/v1/search", r#"{"query":"x","metadata":[]}"#).problem(400, codes::INVALID_REQUEST);
    server.post("/v1/search", r#"{"query":"x","batch":"y"}"#).problem(400, codes::INVALID_REQUEST);
    server.post("/v1/search", r#"{"query":"x","batchId":"nope"}"#).problem(404, codes::BATCH_NOT_FOUND);
    server.with_key("other-key", |other| {
        assert!(other.found(json!({ "query": "word" })).is_empty(), "tenants do not see each other");
        other
            .post("/v1/search", &json!({ "query": "x", "batchId": one }).to_string())
            .problem(404, codes::BATCH_NOT_FOUND);
    });
}

#[test]
fn what_is_replaced_or_deleted_is_found_no_more() {
    let server = Server::start();
    let batch = server.batch().id;
    server.upload(&batch, &[("x", b"walrus".to_vec()), ("y", b"otter".to_vec())]);
    server.settled(&batch);
    server.upload(&batch, &[("x", b"penguin".to_vec())]);
    assert_eq!(server.settled(&batch).processed_files, 2);
    let found = |word: &str| server.found(json!({ "query": word, "limit": 1 }));
    let by_words =
        |word: &str| server.search(json!({ "query": word })).results.iter().any(|hit| hit.snippet.contains(word));
    assert!(by_words("penguin") && !by_words("walrus"));
    assert_eq!(found("penguin"), ["x"]);
    let id = server.documents(&batch)[1].id.clone();
    assert_eq!(server.send("DELETE", &format!("/v1/documents/{id}"), &[], b"").status, 204);
    assert!(!by_words("otter"));
    let status = server.status(&batch).status;
    assert_eq!((status.total_files, status.processed_files), (1, 1));
    // A document that failed, replaced by one that does not.
    server.upload(&batch, &[("z", vec![0; 9])]);
    assert_eq!(server.settled(&batch).failed_files, 1);
    server.upload(&batch, &[("z", b"seal".to_vec())]);
    let status = server.settled(&batch);
    assert_eq!((status.total_files, status.processed_files, status.failed_files), (2, 2, 0));
    assert!(server.errors(&batch).is_empty());
}

#[test]
fn failures_are_typed_and_can_be_tried_again() {
    let server = Server::start();
    let batch = server.batch().id;
    server.upload(&batch, &[("good", b"good".to_vec()), ("bad.pdf", b"%PDF-1.4 no".to_vec())]);
    server.post(&format!("/v1/batches/{batch}/complete"), "");
    let status = server.until(&batch, |status| status.status == Phase::Completed);
    assert_eq!((status.processed_files, status.failed_files), (1, 1));
    let errors = server.errors(&batch);
    assert_eq!(
        (errors.len(), errors[0].error_type, errors[0].code.as_str()),
        (1, ErrorType::Validation, codes::INVALID_FILE)
    );
    assert_eq!((errors[0].path.as_deref(), errors[0].retryable), (Some("bad.pdf"), false));
    let bad = errors[0].document_id.clone().unwrap();
    // In bulk only what is worth it; one by one whatever is asked for.
    let bulk: Retried = server.post(&format!("/v1/batches/{batch}/retry"), "").json();
    assert_eq!(bulk.retried, 0);
    let before = server.events(&batch, None).next().unwrap().id;
    assert_eq!(server.post(&format!("/v1/documents/{bad}/retry"), "").status, 200);
    let again = server.events(&batch, Some(before)).find(|event| event.report.batch.status.status == Phase::Completed);
    let again = again.unwrap().report.batch.status;
    assert_eq!((again.processed_files, again.failed_files), (1, 1));
    assert_eq!(server.errors(&batch).len(), 1);
    let good = server.documents(&batch).into_iter().find(|document| document.path == "good").unwrap();
    assert_eq!(
        server.post(&format!("/v1/documents/{}/retry", good.id), "").json::<cloudindex_wire::Document>().state,
        DocumentState::Processed
    );
    server.post("/v1/documents/nope/retry", "").problem(404, codes::NOT_FOUND);
    server.post("/v1/batches/nope/retry", "").problem(404, codes::BATCH_NOT_FOUND);
}

#[test]
fn without_a_model_it_says_what_is_missing_and_takes_up_what_waited() {
    let data = directory();
    let server = Server::bare(data.clone(), &[]);
    let batch = server.batch().id;
    server.upload(&batch, &[("a", b"a car".to_vec())]);
    server.post(&format!("/v1/batches/{batch}/complete"), "");
    let status = server.until(&batch, |status| status.status == Phase::Completed);
    assert_eq!((status.processed_files, status.failed_files), (0, 1));
    let error = server.errors(&batch).remove(0);
    assert_eq!(
        (error.error_type, error.code.as_str(), error.retryable),
        (ErrorType::System, codes::MODEL_MISSING, true)
    );
    assert!(error.message.contains("node scripts/model.mjs"), "{}", error.message);
    let report: cloudindex_wire::BatchReport = server.get(&format!("/v1/batches/{batch}")).json();
    assert!(report.notice.unwrap().contains("node scripts/model.mjs"));
    assert!(server.search(json!({ "query": "car" })).notice.unwrap().contains("model"));
    let server = server.kill_and_restart();
    let status = server.until(&batch, |status| status.status == Phase::Completed);
    assert_eq!((status.processed_files, status.failed_files), (1, 0));
    assert_eq!(server.found(json!({ "query": "automobile" })), ["a"]);
    assert!(server.errors(&batch).is_empty());
    // Another model: all is embedded again.
    let data = server.keep();
    let server = Server::bare(data, &["--model", model::other().to_str().unwrap()]);
    let status = server.until(&batch, |status| status.status == Phase::Completed);
    assert_eq!((status.processed_files, status.failed_files), (1, 0));
    assert_eq!(server.found(json!({ "query": "automobile" })), ["a"]);
}

#[test]
fn a_cancelled_batch_is_left_alone() {
    let server = Server::start();
    let batch = server.batch().id;
    let files: Vec<(String, Vec<u8>)> = (0..300).map(|i| (format!("{i}"), format!("text {i}").into_bytes())).collect();
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
    server.upload(&batch, &files);
    assert_eq!(server.post(&format!("/v1/batches/{batch}/cancel"), "").status, 200);
    let status = server.until(&batch, |status| status.status == Phase::Cancelled);
    assert!(status.processed_files + status.failed_files <= 300);
    server.post(&format!("/v1/batches/{batch}/retry"), "").problem(409, codes::BATCH_CLOSED);
    // What comes after it is not kept waiting.
    let other = server.batch().id;
    server.upload(&other, &[("after", b"after".to_vec())]);
    server.settled(&other);
    let now = server.status(&batch).status;
    assert_eq!(now.processed_files, status.processed_files);
}

#[test]
fn metadata_that_is_nested_without_end_spoils_no_search() {
    let server = Server::start();
    let batch = server.batch().id;
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(2000), "]".repeat(2000));
    let raw = |json: &str| Some(serde_json::value::RawValue::from_string(json.into()).unwrap());
    let odd = DocumentEntry { metadata: raw(&deep), ..document("odd", &[b"word"]) };
    let even = DocumentEntry { metadata: raw(r#"{"a":1}"#), ..document("even", &[b"word"]) };
    let reply = server.bundle(&batch, &[odd, even], &[b"word"]);
    let cloudindex_wire::DocumentOutcome::Rejected { error } = &reply.documents[0].outcome else { panic!("{reply:?}") };
    assert_eq!(error.code, codes::INVALID_FILE);
    assert!(error.detail.contains("100 deep"), "{}", error.detail);
    server.settled(&batch);
    // As an older server took it.
    let c = rusqlite::Connection::open(server.data.join("records.sqlite")).unwrap();
    c.execute("UPDATE batches SET metadata = ?1", [&deep]).unwrap();
    let copy = "INSERT INTO documents (id, batch, path, size, type, metadata, blocks, created_at, updated_at)
         SELECT 'old', batch, 'old', size, type, ?1, blocks, 0, 0 FROM documents";
    c.execute(copy, [&deep]).unwrap();
    c.execute_batch("UPDATE chunks SET document = (SELECT seq FROM documents WHERE id = 'old')").unwrap();
    assert!(server.found(json!({ "query": "word", "metadata": { "a": 1 } })).is_empty());
    let query = format!(r#"{{"query":"word","metadata":{deep}}}"#);
    server.post("/v1/search", &query).problem(400, codes::INVALID_REQUEST);
    server.post("/v1/batches", &format!(r#"{{"metadata":{deep}}}"#)).problem(400, codes::INVALID_REQUEST);
}

#[test]
fn accents_are_no_ends_of_words_however_they_are_written() {
    let server = Server::start();
    let batch = server.batch().id;
    server.upload(&batch, &[("x", "Das schöne Café".into()), ("y", "Das scho\u{308}ne Cafe\u{301}".into())]);
    server.settled(&batch);
    for query in ["schöne", "scho\u{308}ne", "schone", "SCHO\u{308}NE"] {
        let mut found = server.search(json!({ "query": query })).results;
        found.sort_by(|a, b| a.path.cmp(&b.path));
        let paths: Vec<&str> = found.iter().map(|hit| hit.path.as_str()).collect();
        assert_eq!(paths, ["x", "y"], "{query}");
        // By words too: those that are near in meaning alone, which of unknown words are all, have less.
        assert!(found.iter().all(|hit| hit.score > 0.9), "{query}: {found:?}");
    }
}

#[test]
fn a_search_answers_within_bounds_of_memory() {
    let server = Server::start();
    let batch = server.batch().id;
    let large = serde_json::value::RawValue::from_string(format!("{{\"a\":\"{}\"}}", "x".repeat(3 << 20))).unwrap();
    for path in ["1", "2", "3", "4", "5"] {
        let entry = DocumentEntry { metadata: Some(large.clone()), ..document(path, &[b"word"]) };
        server.bundle(&batch, &[entry], &[b"word"]);
    }
    server.settled(&batch);
    let reply = server.post("/v1/search", r#"{"query":"word","limit":100}"#);
    assert_eq!(reply.status, 200);
    assert!(reply.body.len() < 12 << 20, "{}", reply.body.len());
    assert_eq!(reply.json::<cloudindex_wire::SearchReply>().results.len(), 3);
}

#[test]
fn nested_metadata_is_compared_by_value_however_it_is_written() {
    let server = Server::start();
    let batch = server.batch().id;
    let written = r#"{ "tags": ["é", "a/b"], "n": { "x": 1, "y": [2, {"z": null}] } }"#;
    let metadata = Some(serde_json::value::RawValue::from_string(written.into()).unwrap());
    server.bundle(&batch, &[DocumentEntry { metadata, ..document("x", &[b"word"]) }], &[b"word"]);
    server.settled(&batch);
    let found = |metadata: &str| {
        let reply = server.post("/v1/search", &format!(r#"{{"query":"word","metadata":{metadata}}}"#));
        reply.json::<cloudindex_wire::SearchReply>().results.len()
    };
    for same in [
        r#"{"tags":["é","a/b"]}"#,
        r#"{"tags":["\u00e9","a\/b"]}"#,
        r#"{"n":{"x":1,"y":[2,{"z":null}]}}"#,
        r#"{"n":{"y":[2,{"z":null}],"x":1}}"#,
    ] {
        assert_eq!(found(same), 1, "{same}");
    }
    for other in
        [r#"{"tags":["a/b","é"]}"#, r#"{"tags":["é"]}"#, r#"{"n":{"x":1}}"#, r#"{"n":{"x":"1","y":[2,{"z":null}]}}"#]
    {
        assert_eq!(found(other), 0, "{other}");
    }
}

#[test]
fn old_content_is_found_no_more_when_the_new_will_never_be_processed() {
    let server = Server::start();
    let batch = server.batch().id;
    server.upload(&batch, &[("x", b"walrus".to_vec()), ("y", b"otter".to_vec())]);
    server.settled(&batch);
    let server = Server::on(server.keep(), &["--workers", "0"]);
    server.upload(&batch, &[("x", b"penguin".to_vec())]);
    assert_eq!(server.found(json!({ "query": "walrus" }))[0], "x", "until the new content is");
    assert_eq!(server.post(&format!("/v1/batches/{batch}/cancel"), "").status, 200);
    assert_eq!(server.found(json!({ "query": "walrus" })), ["y"], "near in meaning, as all unknown words are");
    let chunks: Vec<u64> = server.documents(&batch).iter().map(|document| document.chunks).collect();
    assert_eq!(chunks, [0, 1]);
}
