//! Requests by `fetch`, in a page or a worker, or by the application's own `fetch`.

use crate::js;
use crate::store::{Body, Store};
use cloudindex_engine::{AttemptId, Encoding, FileId, Input, Reply, Request, Segment};
use js_sys::{Array, Function, Promise, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, AbortSignal};

#[wasm_bindgen(module = "/src/http.js")]
extern "C" {
    fn pack(bytes: &JsValue, signal: &AbortSignal) -> Promise;
    fn exchange(
        own: &Option<Function>,
        method: &str,
        url: &str,
        headers: &JsValue,
        body: &JsValue,
        signal: &AbortSignal,
    ) -> Promise;
}

/// The attempts in flight. One that is called off is not here any more, and so reports nothing.
pub struct Http {
    fetch: Rc<Option<Function>>,
    flights: Rc<Flights>,
}

/// As many as the engine lets fly: few.
type Flights = RefCell<Vec<(AttemptId, AbortController)>>;

fn land(flights: &Flights, attempt: AttemptId) -> Option<AbortController> {
    let mut flights = flights.borrow_mut();
    let at = flights.iter().position(|(id, _)| *id == attempt)?;
    Some(flights.swap_remove(at).1)
}

impl Http {
    /// `fetch`: the application's own, `None`: the browser's.
    pub fn new(fetch: Option<Function>) -> Self {
        Http { fetch: Rc::new(fetch), flights: Rc::default() }
    }

    /// Starts the attempt; its body is composed before this returns. `report` hears how it went, unless it is called off;
    /// and, if no answer came, of which files the browser took bytes, for one of them may be the cause.
    pub fn send(
        &self,
        attempt: AttemptId,
        request: Request,
        store: &Store,
        report: impl Fn(Input, Vec<FileId>) + 'static,
    ) {
        let composed = AbortController::new().and_then(|controller| {
            let body = compose(&request.body, store)?;
            let signal = controller.signal();
            self.flights.borrow_mut().push((attempt, controller));
            Ok((body, signal))
        });
        let (fetch, flights) = (Rc::clone(&self.fetch), Rc::clone(&self.flights));
        spawn_local(async move {
            let mut files = Vec::new();
            let outcome = match composed {
                Ok(((mut body, sources), signal)) => {
                    files = sources;
                    let mut headers: Vec<_> =
                        request.headers.iter().map(|(name, value)| (*name, value.into())).collect();
                    if request.encoding == Encoding::Gzip {
                        let packed = JsFuture::from(pack(&body, &signal)).await.ok();
                        let bytes = packed.as_ref().and_then(|packed| js::count(&js::get(packed, "byteLength")));
                        // It may be called off, before or by what is said to this.
                        if !signal.aborted() {
                            report(Input::Packed { attempt, bytes }, Vec::new());
                        }
                        if signal.aborted() {
                            return;
                        }
                        if let Some(packed) = packed {
                            body = packed;
                            headers.push(("Content-Encoding", "gzip".into()));
                        }
                    }
                    let (method, headers) = (request.method.as_str(), js::object(&headers));
                    let sent = exchange(&fetch, method, &request.url, &headers, &body, &signal);
                    let answer = JsFuture::from(sent).await;
                    if land(&flights, attempt).is_none() {
                        return;
                    }
                    answer.map(|answer| read(answer.unchecked_ref()))
                }
                Err(error) => Err(error),
            };
            match outcome {
                Ok(reply) => report(Input::Reply { attempt, reply }, Vec::new()),
                Err(error) => report(Input::NoReply { attempt, reason: js::describe(&error) }, files),
            }
        });
    }

    /// Calls an attempt off.
    pub fn abort(&self, attempt: AttemptId) {
        if let Some(controller) = land(&self.flights, attempt) {
            controller.abort();
        }
    }

    pub fn abort_all(&self) {
        self.flights.take().iter().for_each(|(_, controller)| controller.abort());
    }
}

/// What [`exchange`] gives.
fn read(answer: &Array) -> Reply {
    Reply {
        status: answer.get(0).as_f64().unwrap_or_default() as u16,
        retry_after: answer.get(1).as_string(),
        body: Uint8Array::new(&answer.get(2)).to_vec(),
    }
}

/// The body of all segments, undefined if there are none, and the files that the browser takes bytes from as it is sent.
fn compose(segments: &[Segment], store: &Store) -> Result<(JsValue, Vec<FileId>), JsValue> {
    if segments.is_empty() {
        return Ok((JsValue::UNDEFINED, Vec::new()));
    }
    let mut body = Body::default();
    for segment in segments {
        match segment {
            Segment::Bytes(bytes) => body.bytes(bytes),
            Segment::Block(key) => {
                if !store.add(*key, &mut body)? {
                    return Err(js::type_error(&format!("block {} of file {} is not kept", key.index, key.file)));
                }
            }
        }
    }
    body.done()
}
