//! Requests by `fetch`, in a page or a worker, or by the application's own `fetch`.

use crate::js;
use crate::store::{Body, Store};
use cloudindex_engine::{AttemptId, Encoding, FileId, Input, Reply, Request, Segment};
use js_sys::{Function, Promise, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, AbortSignal};

#[wasm_bindgen(module = "/src/gzip.js")]
extern "C" {
    fn gzip(bytes: &JsValue, signal: &AbortSignal) -> Promise;
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
                    let mut encoding = Encoding::Identity;
                    if request.encoding == Encoding::Gzip {
                        let packed = JsFuture::from(gzip(&body, &signal)).await.ok();
                        let bytes = packed.as_ref().and_then(|packed| js::count(&js::get(packed, "byteLength")));
                        // The engine's answer may be to call it off; without a body it is not kept waiting for one.
                        report(Input::Packed { attempt, bytes }, Vec::new());
                        if !flights.borrow().iter().any(|(id, _)| *id == attempt) {
                            return;
                        }
                        if let Some(packed) = packed {
                            (body, encoding) = (packed, Encoding::Gzip);
                        }
                    }
                    let outcome = match start(request, body, encoding, &signal, &fetch) {
                        Ok(sent) => answer(sent).await,
                        Err(error) => Err(error),
                    };
                    if land(&flights, attempt).is_none() {
                        return;
                    }
                    outcome
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

fn start(
    request: Request,
    body: JsValue,
    encoding: Encoding,
    signal: &AbortSignal,
    fetch: &Option<Function>,
) -> Result<JsFuture, JsValue> {
    let url = absolute(&request.url).into();
    // An address and plain options, because that is what applications' functions look at; and a `Request` costs more.
    let mut headers: Vec<_> = request.headers.iter().map(|(name, value)| (*name, JsValue::from_str(value))).collect();
    if encoding == Encoding::Gzip {
        headers.push(("Content-Encoding", "gzip".into()));
    }
    let options = js::object(&[
        ("method", request.method.as_str().into()),
        ("headers", js::object(&headers)),
        ("body", body),
        // A cached status is a lie, and bundles need no place in a cache.
        ("cache", "no-store".into()),
        ("signal", signal.into()),
    ]);
    Ok(js::future(&match fetch {
        None => js::invoke(&js_sys::global(), "fetch", &[&url, &options])?,
        Some(fetch) => fetch.call2(&JsValue::UNDEFINED, &url, &options)?,
    }))
}

async fn answer(sent: JsFuture) -> Result<Reply, JsValue> {
    let response = sent.await?;
    // By its looks, because an application's fetch may answer with a response of another frame or of its own making.
    let status = js::count(&js::get(&response, "status")).and_then(|status| status.try_into().ok());
    let status = status.ok_or_else(|| js::type_error("fetch gave no Response"))?;
    let retry_after = js::invoke(&js::get(&response, "headers"), "get", &[&"retry-after".into()]);
    let body = js::future(&js::invoke(&response, "arrayBuffer", &[])?).await?;
    if !body.is_object() {
        return Err(js::type_error("fetch gave a Response without bytes"));
    }
    Ok(Reply {
        status,
        retry_after: retry_after.ok().and_then(|value| value.as_string()),
        body: Uint8Array::new(&body).to_vec(),
    })
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

/// A path belongs to the page's origin; a worker made from a blob would resolve it against the blob.
fn absolute(url: &str) -> String {
    if !url.starts_with('/') {
        return url.to_owned();
    }
    let origin = js::text(&js::get(&js_sys::global(), "location"), "origin").unwrap_or_default();
    format!("{origin}{url}")
}
