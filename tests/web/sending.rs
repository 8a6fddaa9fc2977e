//! Requests by fetch, and a whole upload through `host` and `Intake` against a toy server that is a `fetch` of its own.

use crate::rig::{Inbox, Rig, eval, file, noise, number, resolve, sleep};
use cloudindex_engine::{AttemptId, BlockKey, Encoding, Input, Method, Reply, Request, Segment};
use cloudindex_uploader::http::Http;
use cloudindex_uploader::store::{Kept, Store};
use cloudindex_uploader::{host, js};
use futures::StreamExt;
use futures::channel::mpsc;
use js_sys::{Array, Function, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{MessageChannel, MessagePort};

fn get(url: &str) -> Request {
    Request {
        method: Method::Get,
        url: url.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        encoding: Encoding::Identity,
    }
}

async fn send(http: &Http, request: Request, store: &Store) -> Input {
    let (report, mut reported) = mpsc::unbounded();
    http.send(AttemptId(1), request, store, move |input, _| report.unbounded_send(input).expect("the test waits"));
    reported.next().await.expect("a report")
}

/// What an application's fetch was called with, and its answer.
fn spy(answer: &str) -> (Function, Array) {
    let calls = Array::new();
    let make: Function =
        eval(&format!("(calls) => (...call) => {{ calls.push(call); return ({answer})(...call); }}")).unchecked_into();
    (make.call1(&JsValue::NULL, &calls).expect("a function").unchecked_into(), calls)
}

#[wasm_bindgen_test]
async fn a_response_is_a_reply_whatever_its_status() {
    let (fetch, calls) = spy("async () => new Response('slow down', { status: 429, headers: { 'Retry-After': '7' } })");
    let http = Http::new(Some(fetch));
    let store = Store::default();
    let key = BlockKey { file: 3, index: 9 };
    store.keep(key, Kept::Bytes(Uint8Array::from(&b"a block"[..])));
    let request = Request {
        method: Method::Post,
        url: "https://example.test/x".to_owned(),
        headers: vec![("Authorization", "Bearer k".to_owned())],
        body: vec![Segment::Bytes(b"[".to_vec()), Segment::Block(key), Segment::Bytes(b"]".to_vec())],
        encoding: Encoding::Identity,
    };
    let Input::Reply { reply, .. } = send(&http, request, &store).await else { panic!() };
    assert_eq!(reply, Reply { status: 429, retry_after: Some("7".to_owned()), body: b"slow down".to_vec() });

    let call = Array::from(&calls.get(0));
    let options = call.get(1);
    assert_eq!(call.get(0).as_string().as_deref(), Some("https://example.test/x"));
    assert_eq!(js::text(&options, "method").as_deref(), Some("POST"));
    assert_eq!(js::text(&options, "cache").as_deref(), Some("no-store"));
    assert_eq!(js::text(&js::get(&options, "headers"), "Authorization").as_deref(), Some("Bearer k"));
    assert_eq!(Uint8Array::new(&js::get(&options, "body")).to_vec(), b"[a block]");
    assert_eq!(store.len(key), Some(7), "a sent block is kept until the engine forgets it");
}

#[wasm_bindgen_test]
async fn the_browsers_fetch_sends_and_fails() {
    let http = Http::new(None);
    let store = Store::default();
    let Input::Reply { reply, .. } = send(&http, get("data:text/plain,hello"), &store).await else { panic!() };
    assert_eq!(reply, Reply { status: 200, retry_after: None, body: b"hello".to_vec() });

    // The page's own server, by a path alone.
    let Input::Reply { reply, .. } = send(&http, get("/no/such/page"), &store).await else { panic!() };
    assert_eq!(reply.status, 404);

    for (url, name) in [("http://127.0.0.1:1/", "TypeError"), ("no-scheme://x", "TypeError"), ("http://[", "TypeError")]
    {
        let Input::NoReply { reason, .. } = send(&http, get(url), &store).await else { panic!("{url}") };
        assert!(reason.starts_with(name), "{url}: {reason}");
    }
}

#[wasm_bindgen_test]
async fn what_cannot_be_sent_says_so() {
    let store = Store::default();
    let missing = Request { body: vec![Segment::Block(BlockKey { file: 1, index: 2 })], ..get("data:,x") };
    let Input::NoReply { reason, .. } = send(&Http::new(None), missing, &store).await else { panic!() };
    assert!(reason.contains("is not kept"), "{reason}");
    let header = Request { headers: vec![("Authorization", "Bearer a\nb".to_owned())], ..get("data:,x") };
    let Input::NoReply { reason, .. } = send(&Http::new(None), header, &store).await else { panic!() };
    assert!(reason.starts_with("TypeError"), "{reason}");
}

#[wasm_bindgen_test]
async fn an_applications_fetch_may_do_anything() {
    for (answer, expected) in [
        ("() => { throw new RangeError('thrown'); }", "RangeError: thrown"),
        ("async () => { throw 'text'; }", "text"),
        ("async () => undefined", "TypeError: fetch gave no Response"),
        ("() => 7", "TypeError: fetch gave no Response"),
        (
            "async () => ({ status: 200, arrayBuffer: async () => { throw new TypeError('cut off'); } })",
            "TypeError: cut off",
        ),
        (
            "async () => new Response(new ReadableStream({ pull(c) { c.error('broken off') } }))",
            "TypeError: Failed to fetch",
        ),
    ] {
        let Input::NoReply { reason, .. } = send(&Http::new(Some(spy(answer).0)), get("x:"), &Store::default()).await
        else {
            panic!("{answer}")
        };
        assert_eq!(reason, expected, "{answer}");
    }
    let own = "() => ({ status: 204, headers: new Map(), arrayBuffer: () => new ArrayBuffer(0) })";
    let Input::Reply { reply, .. } = send(&Http::new(Some(spy(own).0)), get("x:"), &Store::default()).await else {
        panic!()
    };
    assert_eq!(reply, Reply { status: 204, ..Reply::default() });
}

#[wasm_bindgen_test]
async fn an_attempt_that_is_called_off_reports_nothing() {
    let answer = "(url, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))";
    let (fetch, calls) = spy(answer);
    let http = Http::new(Some(fetch));
    let (report, mut reported) = mpsc::unbounded::<Input>();
    http.send(AttemptId(1), get("x:"), &Store::default(), move |input, _| drop(report.unbounded_send(input)));
    sleep(20).await;
    http.abort(AttemptId(1));
    http.abort(AttemptId(2));
    sleep(20).await;
    let signal = js::get(&Array::from(&calls.get(0)).get(1), "signal");
    assert!(js::get(&signal, "aborted").is_truthy());
    assert!(reported.next().await.is_none(), "dropped, not called");
}

/// A server that commits every document whose blocks it holds; what it has is in `files`, path by path.
const TOY: &str = r#"(() => {
    const blocks = new Map(), files = new Map(), requests = [];
    const json = (value, status = 200) => new Response(JSON.stringify(value), { status });
    const parts = (body, boundary) => {
        let text = '';
        for (let at = 0; at < body.length; at += 8192) text += String.fromCharCode(...body.subarray(at, at + 8192));
        const found = [];
        let at = text.indexOf(`--${boundary}\r\n`);
        for (;;) {
            const head = text.indexOf('\r\n\r\n', at), end = text.indexOf(`\r\n--${boundary}`, head + 2);
            if (head < 0 || end < 0) return found;
            found.push([/name="([^"]*)"/.exec(text.slice(at, head))[1], body.slice(head + 4, end)]);
            at = end + 2;
        }
    };
    const ends = ['/complete', '/cancel', '/v1/batches/b'];
    const state = { files, requests, busy: 0, token: 'good' };
    state.fetch = (...call) => answer(...call).catch((error) => { console.error(`toy: ${error.stack}`); throw error; });
    const answer = async (url, { method, headers, body, signal }) => {
        const path = new URL(url, 'https://toy.test').pathname;
        requests.push(`${method} ${path}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (signal.aborted) throw signal.reason;
        if (headers.Authorization !== `Bearer ${state.token}`) return json({ code: 'unauthorized', status: 401, title: 'no' }, 401);
        if (state.busy-- > 0) return new Response('', { status: 503, headers: { 'Retry-After': '0' } });
        const status = { batchId: 'b', status: 'open', totalFiles: 0, processedFiles: 0, failedFiles: 0, progressPercentage: 0, bytes: 0, startedAt: null, estimatedCompletion: null };
        if (path === '/v1/batches' || ends.some((end) => path.endsWith(end))) return json({
            id: 'b', limits: {}, ...status,
            caps: { bundleBytes: 8 << 20, blockBytes: 4 << 20, bundleDocuments: 1000, encodings: [], digest: 'blake3-256' },
        }, method === 'POST' ? 201 : 200);
        const acks = [];
        let manifest;
        const sent = new Uint8Array(await new Response(body).arrayBuffer());
        for (const [name, bytes] of parts(sent, headers['Content-Type'].split('boundary=')[1])) {
            if (name === 'manifest') { manifest = JSON.parse(new TextDecoder().decode(bytes)); continue; }
            blocks.set(name, bytes);
            acks.push({ digest: name, status: 'stored' });
        }
        if (path.endsWith('/blocks')) {
            for (const [digest] of manifest?.blocks ?? []) acks.push({ digest, status: blocks.has(digest) ? 'duplicate' : 'missing' });
            return json({ blocks: acks });
        }
        const documents = manifest.documents.map((document) => {
            const missing = document.blocks.map(([digest]) => digest).filter((digest) => !blocks.has(digest));
            if (missing.length) return { path: document.path, status: 'incomplete', missing };
            files.set(document.path, document.blocks.map(([digest]) => blocks.get(digest)));
            return { path: document.path, status: 'committed', id: `d-${document.path}` };
        });
        return json({ documents, blocks: acks });
    };
    return state;
})()"#;

/// A host on this page, with its control port's other end.
struct Upload {
    rig: Rig,
    control: MessagePort,
    inbox: Inbox,
}

impl Upload {
    async fn start(options: &str, fetch: JsValue) -> Self {
        let channel = MessageChannel::new().expect("a channel");
        let rig = Rig::new();
        // The rig's end of the files port is the host's here.
        let mut inbox = Inbox::new(&channel.port1());
        let files = rig.port.clone();
        host(options, channel.port2(), Some(files), vec![], Some(fetch.unchecked_into())).expect("right options");
        assert_eq!(js::text(&inbox.next().await, "t").as_deref(), Some("ready"));
        Upload { rig, control: channel.port1(), inbox }
    }

    fn say(&self, message: &str) {
        self.control.post_message(&eval(message)).expect("posted");
    }

    /// The next message of this kind; others are passed to `other`.
    async fn until(&mut self, mut wanted: impl FnMut(&JsValue) -> bool) -> JsValue {
        loop {
            let message = self.inbox.next().await;
            assert_ne!(js::text(&message, "t").as_deref(), Some("fatal"), "{message:?}");
            if wanted(&message) {
                return message;
            }
        }
    }

    async fn phase(&mut self, phase: &str) -> JsValue {
        self.until(|message| js::text(&js::get(message, "update"), "phase").as_deref() == Some(phase)).await
    }
}

const OPTIONS: &str = r#"{"baseUrl":"https://toy.test","apiKey":"good","retryStrategy":{"backoff":{"initial":1}}}"#;

#[wasm_bindgen_test]
async fn files_go_through_host_and_intake_to_a_server() {
    let toy = eval(TOY);
    let mut upload = Upload::start(OPTIONS, js::get(&toy, "fetch")).await;
    js::set(&toy, "busy", &2.into());
    let contents: Vec<(String, Vec<u8>)> = [0, 1, 4096, 70_000, 1 << 20, (1 << 20) + 1, 9_000_000]
        .into_iter()
        .map(|length| (format!("{length} bytes"), noise(length, length as u32)))
        .chain((0..150).map(|n| (format!("many/{n}"), noise(1000 + n, n as u32))))
        .collect();
    let list: Array = contents.iter().map(|(name, bytes)| file(bytes, name)).collect();
    let added = upload.rig.intake.add(list.into());
    let last = upload.phase("complete").await;
    assert!(resolve(&added).await.is_ok());
    let progress = js::get(&js::get(&last, "update"), "progress");
    assert_eq!((number(&progress, "total"), number(&progress, "completed")), (157.0, 157.0));
    assert_eq!(number(&progress, "percent"), 100.0);
    let files: js_sys::Map = js::get(&toy, "files").unchecked_into();
    assert_eq!(files.size(), 157);
    for (name, bytes) in &contents {
        let kept: Vec<u8> =
            Array::from(&files.get(&name.into())).iter().flat_map(|block| Uint8Array::new(&block).to_vec()).collect();
        assert!(&kept == bytes, "{name}");
    }
}

#[wasm_bindgen_test]
async fn calls_are_answered_and_tokens_refreshed() {
    let toy = eval(TOY);
    let options = r#"{"baseUrl":"https://toy.test","apiKey":"old","refresh":true}"#;
    let mut upload = Upload::start(options, js::get(&toy, "fetch")).await;
    upload.say("{ t: 'call', id: 7, method: 'GET', path: '/v1/batches/b' }");
    upload.until(|message| js::text(message, "t").as_deref() == Some("refresh")).await;
    upload.say("{ t: 'token', token: 'good' }");
    let answer = upload.until(|message| js::text(message, "t").as_deref() == Some("answer")).await;
    assert_eq!(number(&answer, "id"), 7.0);
    assert!(js::text(&answer, "body").is_some_and(|body| body.contains("\"batchId\":\"b\"")), "{answer:?}");

    js::set(&toy, "token", &"changed".into());
    upload.say("{ t: 'call', id: 8, method: 'POST', path: '/v1/batches', body: '{}' }");
    upload.until(|message| js::text(message, "t").as_deref() == Some("refresh")).await;
    upload.say("{ t: 'token', error: 'signed out' }");
    let answer = upload.until(|message| js::text(message, "t").as_deref() == Some("answer")).await;
    assert_eq!(number(&answer, "id"), 8.0);
    assert!(js::text(&js::get(&answer, "error"), "code").is_some(), "{answer:?}");
}

#[wasm_bindgen_test]
async fn pause_remove_resume_and_cancel_reach_the_engine() {
    let toy = eval(TOY);
    let mut upload = Upload::start(OPTIONS, js::get(&toy, "fetch")).await;
    upload.say("{ t: 'pause' }");
    let added = upload.rig.intake.add(eval("['a', 'b', 'c'].map((name) => new File([name], name))"));
    upload.phase("paused").await;
    assert!(resolve(&added).await.is_ok());
    upload.say("{ t: 'remove', id: 1 }");
    upload.say("{ t: 'nonsense' }");
    upload.say("7");
    upload.say("{ t: 'resume' }");
    upload.phase("complete").await;
    let files: js_sys::Map = js::get(&toy, "files").unchecked_into();
    assert!(files.has(&"a".into()) && !files.has(&"b".into()) && files.has(&"c".into()));

    let mut upload = Upload::start(OPTIONS, js::get(&toy, "fetch")).await;
    upload.say("{ t: 'pause' }");
    let added = upload.rig.intake.add(eval("[new File(['x'], 'never')]"));
    assert!(resolve(&added).await.is_ok());
    upload.say("{ t: 'cancel' }");
    upload.phase("cancelled").await;
    assert!(!files.has(&"never".into()));
}

#[wasm_bindgen_test]
async fn a_file_that_cannot_be_read_fails_alone() {
    let toy = eval(TOY);
    let mut upload = Upload::start(OPTIONS, js::get(&toy, "fetch")).await;
    let bad = "{ name: 'bad', arrayBuffer() {}, stream() {} }"; // looks like a file, and can't be handed to a worker
    let added = upload.rig.intake.add(eval(&format!("[new File(['x'], 'good'), {bad}]")));
    let mut failure = JsValue::UNDEFINED;
    upload
        .until(|message| {
            let update = js::get(message, "update");
            for change in Array::from(&js::get(&update, "files")).iter() {
                if js::text(&change, "state").as_deref() == Some("failed") {
                    failure = js::get(&change, "error");
                }
            }
            js::text(&update, "phase").as_deref() == Some("complete")
        })
        .await;
    assert!(resolve(&added).await.is_ok());
    assert_eq!(js::text(&failure, "code").as_deref(), Some("file_unreadable"));
    assert!(js::text(&failure, "message").is_some_and(|message| message.contains("DataCloneError")));
}

#[wasm_bindgen_test]
async fn a_closed_host_does_nothing_more() {
    let toy = eval(TOY);
    let mut upload = Upload::start(OPTIONS, js::get(&toy, "fetch")).await;
    upload.say("{ t: 'close' }");
    sleep(50).await;
    upload.say("{ t: 'call', id: 1, method: 'GET', path: '/v1/batches/b' }");
    let added = upload.rig.intake.add(eval("[new File(['x'], 'late')]"));
    assert!(resolve(&added).await.is_ok());
    // There was no journal to let go, which is told for those who wait for it.
    assert_eq!(js::text(&upload.inbox.next().await, "t").as_deref(), Some("left"));
    assert!(upload.inbox.within(300).await.is_none());
    assert_eq!(Array::from(&js::get(&toy, "requests")).length(), 0);
}

#[wasm_bindgen_test]
fn wrong_options_are_thrown() {
    let port = MessageChannel::new().expect("a channel").port1();
    let thrown = host(r#"{"apiKy":"k"}"#, port, None, vec![], None).expect_err("a Failure");
    assert!(js::text(&thrown, "message").is_some_and(|message| message.contains("apiKy")));
}
