//! Upload tokens: one batch, uploads alone, for a time.

use crate::support::*;
use cloudindex_wire::{Phase, UploadToken, codes};

fn token(server: &Server, body: &str) -> UploadToken {
    let reply = server.post("/v1/tokens", body);
    assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
    assert_eq!(reply.header("cache-control"), "no-store");
    reply.json()
}

#[test]
fn a_token_uploads_into_its_batch_and_does_no_more() {
    let mut server = Server::start();
    let (batch, other) = (server.batch().id, server.batch().id);
    server.upload(&other, &[("x", b"x".to_vec())]);
    let foreign = server.documents(&other).remove(0).id;
    let made = token(&server, &format!(r#"{{"batchId":"{batch}"}}"#));
    assert_eq!(made.batch_id, batch);
    server.with_key(&made.token, |page| {
        page.upload(&batch, &[("a", b"a".to_vec()), ("b", b"b".to_vec())]);
        assert_eq!(page.status(&batch).status.total_files, 2);
        assert!(page.errors(&batch).is_empty());
        assert_eq!(page.send("HEAD", &format!("/v1/batches/{batch}"), &[], b"").status, 200);
        for (method, path) in [
            ("GET", format!("/v1/batches/{other}")),
            ("POST", format!("/v1/batches/{other}/documents")),
            ("POST", format!("/v1/batches/{other}/cancel")),
            ("GET", format!("/v1/batches/{batch}/documents")),
            ("GET", format!("/v1/batches/{batch}/deliveries")),
            ("POST", format!("/v1/batches/{batch}/retry")),
            ("DELETE", format!("/v1/documents/{foreign}")),
            ("GET", format!("/v1/documents/{foreign}/content")),
            ("DELETE", "/v1/documents/nope".into()),
            ("GET", "/v1/batches".into()),
            ("POST", "/v1/batches".into()),
            ("POST", "/v1/search".into()),
            ("POST", "/v1/tokens".into()),
            ("GET", "/v1/webhooks/secret".into()),
            ("GET", "/v1/nothing".into()),
        ] {
            let problem = page.send(method, &path, &[], b"").problem(403, codes::FORBIDDEN);
            assert!(problem.detail.contains(&batch) && !problem.retryable, "{method} {path}");
        }
    });
    // What it brought it may take back; the rest is the key's.
    let document = server.documents(&batch).remove(0).id;
    // A token outlives the server that made it.
    let mut server = server.kill_and_restart();
    server.with_key(&made.token, |page| {
        assert_eq!(page.send("DELETE", &format!("/v1/documents/{document}"), &[], b"").status, 204);
        assert_eq!(page.post(&format!("/v1/batches/{batch}/complete"), "").status, 200);
    });
    let status = server.until(&batch, |status| status.status == Phase::Completed);
    assert_eq!(status.total_files, 1);
}

#[test]
fn tokens_are_asked_for_rightly_and_end() {
    let mut server = Server::start();
    let batch = server.batch().id;
    let ask = |server: &Server, body: &str| server.post("/v1/tokens", body);
    ask(&server, "").problem(400, codes::INVALID_REQUEST);
    ask(&server, r#"{"batchId":"nope"}"#).problem(404, codes::BATCH_NOT_FOUND);
    for seconds in ["0", "86401", "-1", "1e9", "\"1\""] {
        ask(&server, &format!(r#"{{"batchId":"{batch}","expiresIn":{seconds}}}"#)).problem(400, codes::INVALID_REQUEST);
    }
    server.with_key("other-key", |other| {
        ask(other, &format!(r#"{{"batchId":"{batch}"}}"#)).problem(404, codes::BATCH_NOT_FOUND);
    });
    // Good for a second: what it is asked for until then is answered, and after it is not.
    let short = token(&server, &format!(r#"{{"batchId":"{batch}","expiresIn":1}}"#));
    server.with_key(&short.token, |page| {
        let path = format!("/v1/batches/{batch}");
        let reply = loop {
            let reply = page.get(&path);
            if reply.status != 200 {
                break reply;
            }
        };
        let problem = reply.problem(401, codes::UNAUTHORIZED);
        assert!(problem.detail.contains("expired"), "{}", problem.detail);
        assert!(reply.header("www-authenticate").contains("invalid_token"));
    });
    let changed = format!("{}A", &short.token[..short.token.len() - 1]);
    for wrong in ["ut_", "ut_AAAA", &changed] {
        server.with_key(wrong, |page| page.get("/v1/batches").problem(401, codes::UNAUTHORIZED));
    }
}
