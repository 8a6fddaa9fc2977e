//! What a server logs, and how requests are named.

use crate::support::*;
use cloudindex_wire::{DocumentState, Problem, UploadToken, codes};
use serde_json::{Value, json};
use std::path::Path;

/// The log as JSON, an object a line.
#[track_caller]
fn lines(log: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(log).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The line of the request of this id.
#[track_caller]
fn line_of(log: &Path, id: &str) -> Value {
    let mut found: Vec<Value> = lines(log).into_iter().filter(|line| line["id"] == id).collect();
    assert_eq!(found.len(), 1, "{id}: {found:?}");
    found.remove(0)
}

const JSON: [&str; 4] = ["--log-format", "json", "--log-level", "debug"];

#[test]
fn each_request_has_an_id_and_a_line() {
    let (mut server, log) = Server::logged(&JSON);
    let named = |id: &str| server.send("GET", "/v1/batches?limit=1", &[("X-Request-Id", id)], b"");
    let reply = named("a-caller.s:own_1");
    assert_eq!(reply.header("x-request-id"), "a-caller.s:own_1");
    let line = line_of(&log, "a-caller.s:own_1");
    assert_eq!(
        (&line["level"], &line["method"], &line["route"], &line["status"], &line["tenant"], &line["bytes"]),
        (&json!("DEBUG"), &json!("GET"), &json!("/v1/batches"), &json!(200), &json!("default"), &json!(0))
    );
    assert!(line["ms"].as_f64().unwrap() > 0.0 && line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    // What is not sane is no name: it would be in headers and logs.
    let mut ids = Vec::new();
    for odd in ["", " ", "a b", "<script>", "a\"b", &"x".repeat(101)] {
        let id = named(odd).header("x-request-id").to_owned();
        assert!(id.starts_with("req_") && !ids.contains(&id), "{odd}: {id}");
        line_of(&log, &id);
        ids.push(id);
    }
    let batch = server.batch().id;
    let body = bundle(Some(&[document("x", &[b"x"])]), &[b"x"]);
    let path = format!("/v1/batches/{batch}/documents");
    let reply =
        server.with_key("other-key", |other| other.send("POST", &path, &[("Content-Type", &multipart())], &body));
    reply.problem(404, codes::BATCH_NOT_FOUND);
    let line = line_of(&log, reply.header("x-request-id"));
    assert_eq!((&line["status"], &line["tenant"], &line["bytes"]), (&json!(404), &json!("other"), &json!(body.len())));
    assert_eq!(line["route"], "/v1/batches/{id}/documents");
    // Nobody's, and nothing's.
    let reply = server.send("GET", "/v1/batches", &[("Authorization", "Bearer nope")], b"");
    assert_eq!(line_of(&log, reply.header("x-request-id"))["tenant"], "");
    let reply = server.get("/some/where?else");
    assert_eq!(line_of(&log, reply.header("x-request-id"))["route"], "none");
    drop(server);
    let pages = Server::with(&["--allow-origin", "*"]);
    let reply = pages.send("GET", "/v1/batches", &[("Origin", "https://app.example")], b"");
    assert!(reply.header("access-control-expose-headers").contains("x-request-id"));
    assert!(!reply.header("x-request-id").is_empty());
}

#[test]
fn what_is_secret_or_a_users_is_not_logged() {
    let (mut server, log) = Server::logged(&[&JSON[..], &["--embeddings-key", "provider-key"]].concat());
    let batch = server.batch_with(r#"{"name":"unmistakable-name"}"#).id;
    let token = server.post("/v1/tokens", &json!({ "batchId": batch }).to_string()).json::<UploadToken>().token;
    server.with_key(&token, |page| {
        page.upload(
            &batch,
            &[("unmistakable-path.txt", b"unmistakable words".to_vec()), ("b.pdf", b"%PDF- no".to_vec())],
        );
        page.get("/v1/batches").problem(403, codes::FORBIDDEN);
    });
    server.settled(&batch);
    assert_eq!(server.found(json!({ "query": "unmistakable words" }))[0], "unmistakable-path.txt");
    server.send("GET", "/unmistakable/path?key=unmistakable", &[("Authorization", "Bearer unmistakable")], b"");
    let secret = server.get("/v1/webhooks/secret").json::<Value>()["secret"].as_str().unwrap().to_owned();
    let broken = server.documents(&batch).into_iter().find(|one| one.state == DocumentState::Failed).unwrap();
    let log_lines = lines(&log);
    let failed = log_lines.iter().find(|line| line["message"] == "a document failed").unwrap();
    assert_eq!(
        (&failed["document"], &failed["batch"], &failed["code"]),
        (&json!(broken.id), &json!(batch), &json!(codes::INVALID_FILE))
    );
    let text = std::fs::read_to_string(&log).unwrap();
    for hidden in ["unmistakable", KEY, "other-key", "provider-key", &token[..20], &secret] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    assert!(text.contains("\"started\""));
    let pid = server.pid();
    assert!(server.terminate().success());
    assert_eq!(lines(&log).last().unwrap()["message"], "stopped", "{pid}");
}

#[test]
fn what_the_server_failed_of_is_told_to_the_log_alone() {
    let (server, log) = Server::logged(&["--log-format", "json"]);
    let batch = server.batch().id;
    server.upload(&batch, &[("a", b"a".to_vec())]);
    assert!(lines(&log).iter().all(|line| line["method"] == Value::Null), "requests that went well are of no interest");
    std::fs::remove_dir_all(server.data.join("packs")).unwrap();
    let reply = server.bundle_reply(&batch, Some(&[document("b", &[b"b"])]), &[b"b"]);
    let problem = reply.problem(503, codes::TEMPORARY_ERROR);
    let id = reply.header("x-request-id");
    let line = line_of(&log, id);
    assert_eq!((&line["level"], &line["status"], &line["code"]), (&json!("ERROR"), &json!(503), &json!(problem.code)));
    let reason = line["reason"].as_str().unwrap();
    assert!(reason.starts_with("storage: ") && !problem.detail.contains(reason), "{reason}");
    // Whoever shows the answer to the operator shows which request it was.
    let body: Value = reply.json();
    assert_eq!(body["instance"], format!("urn:cloudindex:request:{id}"));
    let _: Problem = reply.json();
    let fine = server.get("/v1/batches/nope");
    assert_eq!(fine.json::<Value>().get("instance"), None, "its own mistakes are the caller's to see");
}

#[test]
fn a_document_that_is_tried_again_is_told_with_its_ids() {
    // Nobody listens there.
    let flags = ["--embeddings-url", "http://127.0.0.1:1/e", "--embeddings-model", "m", "--embeddings-width", "8"];
    let (server, log) = Server::logged(&[&["--log-format", "json", "--retry-wait", "1"][..], &flags].concat());
    let batch = server.batch().id;
    server.upload(&batch, &[("a", b"some words".to_vec())]);
    assert_eq!(server.settled(&batch).failed_files, 1);
    let id = server.documents(&batch).remove(0).id;
    let about: Vec<Value> = lines(&log).into_iter().filter(|line| line["document"] == id.as_str()).collect();
    let (last, before) = about.split_last().unwrap();
    let attempts: Vec<&Value> = before.iter().map(|line| &line["attempt"]).collect();
    assert_eq!(attempts, [&json!(1), &json!(2), &json!(3), &json!(4)]);
    assert!(about.iter().all(|line| line["batch"] == batch.as_str() && line["level"] == "WARN"), "{about:?}");
    assert_eq!((&last["message"], &last["code"]), (&json!("a document failed"), &json!(codes::TEMPORARY_ERROR)));
}

#[test]
fn text_is_for_people() {
    let (server, log) = Server::logged(&["--log-level", "debug"]);
    server.get("/healthz");
    let text = std::fs::read_to_string(&log).unwrap();
    let line = text.lines().find(|line| line.contains("/healthz")).unwrap();
    assert!(line.contains("DEBUG request method=\"GET\" route=\"/healthz\" status=200"), "{line}");
    assert!(!text.contains('\u{1b}'), "no colours in a file");
}
