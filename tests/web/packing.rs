//! Bodies that go as gzip.

use crate::rig::{eval, noise, number, overwrite, run, sleep, stored};
use cloudindex_engine::{AttemptId, BlockKey, Encoding, Input, Method, Request, Segment};
use cloudindex_uploader::http::Http;
use cloudindex_uploader::js;
use cloudindex_uploader::store::{Kept, Store};
use futures::StreamExt;
use futures::channel::mpsc::{self, UnboundedReceiver};
use js_sys::{Function, Uint8Array};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

const ATTEMPT: AttemptId = AttemptId(4);

/// A fetch that remembers what it was called with in `window.called`.
fn fetch() -> Option<Function> {
    let fetch = "(globalThis.called = [], (url, options) => { called.push(options); return Promise.resolve(new Response('')); })";
    Some(eval(fetch).unchecked_into())
}

fn request(body: &[u8]) -> Request {
    Request {
        method: Method::Post,
        url: "https://example.test/x".to_owned(),
        headers: vec![("Authorization", "Bearer k".to_owned())],
        body: vec![Segment::Bytes(body.to_vec())],
        encoding: Encoding::Gzip,
    }
}

fn send(http: &Http, body: &[u8]) -> UnboundedReceiver<Input> {
    let (report, reported) = mpsc::unbounded();
    http.send(ATTEMPT, request(body), &Store::default(), move |input, _| drop(report.unbounded_send(input)));
    reported
}

#[wasm_bindgen_test]
async fn a_body_is_packed_and_told_before_it_leaves() {
    let text = "a line of text, and another one\n".repeat(10_000).into_bytes();
    let mut reported = send(&Http::new(fetch()), &text);
    let Some(Input::Packed { attempt: ATTEMPT, bytes: Some(bytes) }) = reported.next().await else { panic!() };
    assert!((20..text.len() as u64 / 50).contains(&bytes), "{bytes} bytes");
    assert!(matches!(reported.next().await, Some(Input::Reply { .. })));
    assert_eq!(eval("called[0].headers['Content-Encoding']"), "gzip");
    assert_eq!(eval("called[0].headers.Authorization"), "Bearer k");
    assert_eq!(eval("called[0].body.byteLength"), bytes as f64);
    let unpack =
        "new Response(new Response(called[0].body).body.pipeThrough(new DecompressionStream('gzip'))).arrayBuffer()";
    assert!(Uint8Array::new(&run(unpack).await).to_vec() == text);
}

#[wasm_bindgen_test]
async fn where_there_is_no_compression_it_goes_as_it_is() {
    eval("globalThis.kept = CompressionStream, delete globalThis.CompressionStream");
    let http = Http::new(fetch());
    let mut reported = send(&http, b"[some bytes]");
    let first = reported.next().await;
    eval("globalThis.CompressionStream = kept");
    assert!(matches!(first, Some(Input::Packed { attempt: ATTEMPT, bytes: None })));
    assert!(matches!(reported.next().await, Some(Input::Reply { .. })));
    assert_eq!(Uint8Array::new(&js::get(&eval("called[0]"), "body")).to_vec(), b"[some bytes]");
    assert!(eval("called[0].headers['Content-Encoding']").is_undefined());
}

#[wasm_bindgen_test]
async fn an_attempt_that_is_called_off_while_it_is_packed_is_never_sent() {
    let http = Http::new(fetch());
    let mut reported = send(&http, &noise(4_000_000, 7));
    sleep(1).await;
    http.abort(ATTEMPT);
    assert!(reported.next().await.is_none(), "nothing is told of it");
    assert_eq!(eval("called.length"), 0);
}

#[wasm_bindgen_test]
async fn a_file_that_is_not_what_it_was_is_suspected_before_packing_is() {
    let file = stored("packed", 200_000).await;
    let (store, key) = (Store::default(), BlockKey { file: 3, index: 0 });
    store.keep(key, Kept::InFile { file: file.unchecked_into(), from: 0, len: 200_000 });
    overwrite("packed").await;
    let (report, mut reported) = mpsc::unbounded();
    let request = Request { body: vec![Segment::Block(key)], ..request(b"") };
    Http::new(fetch()).send(ATTEMPT, request, &store, move |input, files| {
        drop(report.unbounded_send((input, files)));
    });
    let (input, files) = reported.next().await.expect("it is told");
    assert!(matches!(input, Input::NoReply { attempt: ATTEMPT, .. }), "{input:?}");
    assert_eq!(files, [3]);
    assert!(reported.next().await.is_none());
    assert_eq!(eval("called.length"), 0);
}

#[wasm_bindgen_test]
async fn packing_holds_up_nothing() {
    eval("globalThis.turns = { longest: 0, last: performance.now() }");
    eval(
        "turns.id = setInterval(() => { const now = performance.now(); turns.longest = Math.max(turns.longest, now - turns.last); turns.last = now; })",
    );
    let mut reported = send(&Http::new(fetch()), &noise(8_000_000, 7));
    assert!(matches!(reported.next().await, Some(Input::Packed { .. })));
    eval("clearInterval(turns.id)");
    let longest = number(&eval("turns"), "longest");
    assert!(longest < 100.0, "nothing else ran for {longest} ms");
}

#[wasm_bindgen_test]
async fn the_answer_to_packed_may_be_to_call_it_off() {
    let http = Rc::new(Http::new(fetch()));
    let (report, mut reported) = mpsc::unbounded();
    let again = Rc::clone(&http);
    http.send(ATTEMPT, request(b"abc"), &Store::default(), move |input, _| {
        again.abort(ATTEMPT);
        drop(report.unbounded_send(input));
    });
    assert!(matches!(reported.next().await, Some(Input::Packed { .. })));
    assert!(reported.next().await.is_none());
    assert_eq!(eval("called.length"), 0);
}
