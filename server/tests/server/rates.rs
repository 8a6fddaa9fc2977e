//! How often may be called. Buckets here fill so slowly that nothing depends on how long a test takes.

use crate::support::*;
use axum::Extension;
use axum::extract::ConnectInfo;
use cloudindex_server::app;
use cloudindex_server::auth::Keys;
use cloudindex_server::store::{Created, Records, files::Files, sqlite::Sqlite};
use cloudindex_server::throttle::Throttle;
use cloudindex_server::tokens::{Claim, Tokens};
use cloudindex_wire::{BatchLimits, NewBatch, Problem, UploadToken, codes};
use serde_json::json;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// 429, and when to come again.
#[track_caller]
fn too_early(reply: &Reply) -> Problem {
    let problem = reply.problem(429, codes::RATE_LIMIT_EXCEEDED);
    let seconds: u64 = reply.header("retry-after").parse().expect("whole seconds");
    assert!(problem.retryable && (1..=1000).contains(&seconds), "{seconds}");
    assert!(problem.detail.contains(&format!("in {seconds} s")), "{}", problem.detail);
    problem
}

#[test]
fn a_tenant_that_calls_too_often_is_told_when_to_come_again() {
    let mut server = Server::with(&["--rate-limit", "0.001/4", "--allow-origin", "https://app.example"]);
    let batch = server.batch().id;
    let token = server.post("/v1/tokens", &json!({ "batchId": batch }).to_string()).json::<UploadToken>().token;
    // A preflight has no key, and counts for nobody.
    let preflight =
        [("Origin", "https://app.example"), ("Access-Control-Request-Method", "POST"), ("Authorization", "")];
    for _ in 0..9 {
        assert_eq!(server.send("OPTIONS", "/v1/batches", &preflight, b"").status, 200);
    }
    server.with_key(&token, |page| assert_eq!(page.status(&batch).id, batch));
    assert_eq!(server.get("/v1/batches").status, 200);
    let problem = too_early(&server.get("/v1/batches"));
    assert!(problem.detail.contains("0.001 requests a second, 4 at once"), "{}", problem.detail);
    // A token is its tenant's; a body is read on, so that the answer arrives; a page elsewhere may read when.
    server.with_key(&token, |page| too_early(&page.bundle_reply(&batch, None, &[&noise(1, 9 << 20)])));
    let reply = server.send("GET", "/v1/batches", &[("Origin", "https://app.example")], b"");
    too_early(&reply);
    assert_eq!(reply.header("access-control-allow-origin"), "https://app.example");
    assert!(reply.header("access-control-expose-headers").contains("retry-after"));
    // Who has no key is nobody's tenant; others have their own; and who looks after the server is not held up.
    server.send("GET", "/v1/batches", &[("Authorization", "Bearer nope")], b"").problem(401, codes::UNAUTHORIZED);
    for _ in 0..4 {
        server.with_key("other-key", |other| assert_eq!(other.get("/v1/batches").status, 200));
        assert_eq!((server.get("/healthz").status, server.get("/metrics").status), (200, 200));
    }
    server.with_key("other-key", |other| too_early(&other.get("/v1/batches")));
}

#[test]
fn searches_have_a_limit_of_their_own() {
    let server = Server::with(&["--search-rate-limit", "0.001/2"]);
    for _ in 0..2 {
        assert_eq!(server.post("/v1/search", r#"{"query":"x"}"#).status, 200);
    }
    let problem = too_early(&server.post("/v1/search", r#"{"query":"x"}"#));
    assert!(problem.detail.contains("searches"), "{}", problem.detail);
    assert_eq!(server.get("/v1/batches").status, 200, "a search is not all there is");
}

#[test]
fn a_search_that_comes_too_early_takes_no_room_of_other_calls() {
    let server = Server::with(&["--rate-limit", "0.001/2", "--search-rate-limit", "0.001/1"]);
    assert_eq!(server.post("/v1/search", r#"{"query":"x"}"#).status, 200);
    for _ in 0..3 {
        too_early(&server.post("/v1/search", r#"{"query":"x"}"#));
    }
    assert_eq!(server.get("/v1/batches").status, 200);
    too_early(&server.get("/v1/batches"));
}

#[test]
fn a_proxy_on_this_machine_is_not_taken_for_a_guesser() {
    let server = Server::with(&["--unknown-key-limit", "0.001/1"]);
    for _ in 0..5 {
        server.send("GET", "/v1/batches", &[("Authorization", "Bearer nope")], b"").problem(401, codes::UNAUTHORIZED);
    }
    assert_eq!(server.get("/v1/batches").status, 200);
}

#[test]
fn who_guesses_keys_waits_before_one_is_looked_at() {
    let data = directory();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let blocks = Arc::new(Files::open(&data.join("packs")).unwrap());
    let records = Arc::new(Sqlite::open(&data.join("records.sqlite")).unwrap());
    let (url, token) = runtime.block_on(async {
        let tenant = records.tenant("t").await.unwrap();
        let mut keys = Keys::default();
        keys.allow(KEY, tenant, "t");
        let Created::New(batch) = records.create_batch(tenant, NewBatch::default(), None).await.unwrap() else {
            panic!("not made")
        };
        let mut state = state::of(records, blocks, keys);
        state.throttle = Arc::new(Throttle::new(HashMap::new(), "0.001/3".parse().ok()));
        let claim =
            Claim { tenant: tenant.0, batch: batch.id.clone(), limits: BatchLimits::default(), expires_at: i64::MAX };
        let token = (Tokens::new("").seal(&claim), batch.id);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // From an address of the net.
        let from: SocketAddr = "192.0.2.7:1".parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, app(state).layer(Extension(ConnectInfo(from)))).await });
        (url, token)
    });
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let ask = |path: &str, key: &str| {
        let reply = agent.get(format!("{url}{path}")).header("Authorization", format!("Bearer {key}")).call().unwrap();
        let (head, mut body) = reply.into_parts();
        Reply { status: head.status.as_u16(), headers: head.headers, body: body.read_to_vec().unwrap() }
    };
    // A right one, and tokens of before, are no guesses.
    for _ in 0..5 {
        assert_eq!(ask("/v1/batches", KEY).status, 200);
        ask("/v1/batches", "ut_AAAA").problem(401, codes::UNAUTHORIZED);
    }
    for guess in ["a", "b", "c"] {
        ask("/v1/batches", guess).problem(401, codes::UNAUTHORIZED);
    }
    let wrong = too_early(&ask("/v1/batches", "d"));
    assert!(wrong.detail.contains("address"), "{}", wrong.detail);
    assert_eq!(too_early(&ask("/v1/batches", KEY)).title, wrong.title, "the right one does not stand out");
    assert_eq!(ask(&format!("/v1/batches/{}", token.1), &token.0).status, 200, "nobody can guess a token");
    drop(runtime);
    std::fs::remove_dir_all(data).unwrap();
}
