//! The figures of the pipeline, of searches and batches, at `/metrics`.

use crate::support::*;
use serde_json::json;

/// A figure, asked for without a key.
fn figure(server: &Server, name: &str) -> f64 {
    let text = String::from_utf8(server.send("GET", "/metrics", &[("Authorization", "none")], b"").body).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

#[track_caller]
fn figures_are(server: &Server, all: &[(&str, f64)]) {
    for (name, value) in all {
        assert_eq!(figure(server, &format!("cloudindex_{name}")), *value, "{name}");
    }
}

#[test]
fn what_is_processed_is_counted() {
    let server = Server::start();
    let batch = server.batch_with(r#"{"processing":{"chunkSize":20}}"#).id;
    let files = [("a", b"A sentence of words. Another one.".to_vec()), ("b", b"One.".to_vec()), ("c", vec![0; 9])];
    server.upload(&batch, &files);
    let status = server.settled(&batch);
    assert_eq!((status.processed_files, status.failed_files), (2, 1));
    let chunks = server.documents(&batch).iter().map(|document| document.chunks).sum::<u64>() as f64;
    assert!(chunks >= 3.0);
    // Counted once it is written, which is told a moment before.
    while figure(&server, "cloudindex_documents_processed_total") < 2.0
        || figure(&server, "cloudindex_documents_failed_total{code=\"unsupported_type\"}") < 1.0
    {}
    figures_are(
        &server,
        &[
            ("documents_processed_total", 2.0),
            ("documents_failed_total{code=\"unsupported_type\"}", 1.0),
            ("documents_later_total", 0.0),
            ("chunks_total", chunks),
            ("extraction_seconds_count", 3.0),
            ("embedding_seconds_count", 2.0),
            ("extraction_seconds_bucket{le=\"+Inf\"}", 3.0),
            ("documents_waiting", 0.0),
            ("search_seconds_count", 0.0),
        ],
    );
    assert!(figure(&server, "cloudindex_extraction_seconds_sum") > 0.0);
    assert!(figure(&server, "cloudindex_readers_started_total") >= 1.0);
    server.found(json!({ "query": "words" }));
    server.found(json!({ "query": "words", "batchId": batch }));
    assert_eq!(server.post("/v1/search", "{}").status, 400);
    figures_are(&server, &[("search_seconds_count", 2.0)]);
    assert!(figure(&server, "cloudindex_search_seconds_sum") > 0.0);
}

#[test]
fn what_waits_and_batches_are_told_as_they_stand() {
    let server = Server::with(&["--workers", "0"]);
    let batches: Vec<String> = (0..4).map(|_| server.batch().id).collect();
    server.upload(&batches[0], &[("a", b"a".to_vec()), ("b", b"b".to_vec())]);
    server.upload(&batches[1], &[("a", b"a".to_vec())]);
    figures_are(&server, &[("documents_waiting", 3.0), ("batches{phase=\"open\"}", 4.0)]);
    for (batch, end) in [(&batches[0], "complete"), (&batches[1], "cancel"), (&batches[2], "complete")] {
        assert_eq!(server.post(&format!("/v1/batches/{batch}/{end}"), "").status, 200);
    }
    let phases = ["open", "processing", "completed", "cancelled"].map(|phase| format!("batches{{phase=\"{phase}\"}}"));
    let one_each: Vec<(&str, f64)> = phases.iter().map(|phase| (phase.as_str(), 1.0)).collect();
    figures_are(&server, &one_each);
    // One whose batch was cancelled waits for nothing, nor does one that was deleted.
    figures_are(&server, &[("documents_waiting", 2.0)]);
    let id = server.documents(&batches[0])[0].id.clone();
    assert_eq!(server.send("DELETE", &format!("/v1/documents/{id}"), &[], b"").status, 204);
    figures_are(&server, &[("documents_waiting", 1.0)]);
    // A gauge outlives the server; and workers bring it down.
    let server = Server::on(server.keep(), &[]);
    server.until(&batches[0], |status| status.status == cloudindex_wire::Phase::Completed);
    figures_are(&server, &[("documents_waiting", 0.0), ("batches{phase=\"completed\"}", 2.0)]);
}
