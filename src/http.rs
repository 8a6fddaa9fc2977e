//! Requests by `fetch`, in a page or a worker, or by the application's own `fetch`.

use crate::js;
use crate::store::{Source, Store};
use cloudindex_engine::{AttemptId, Encoding, FileId, Input, Reply, Request, Segment};
use js_sys::{Array, Function, Promise, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::AbortController;

#[wasm_bindgen(module = "/src/browser.js")]
extern "C" {
    fn join(pieces: &Array) -> JsValue;
    fn pack(options: &JsValue) -> Promise;
    fn exchange(own: &JsValue, url: &JsValue, options: &JsValue) -> Promise;
}

/// The attempts in flight. One that is called off is not here any more, and so reports nothing.
pub struct Http {
    /// Undefined: the browser's.
    fetch: JsValue,
    flights: Rc<Flights>,
}

/// As many as the engine lets fly: few.
type Flights = RefCell<Vec<(AttemptId, AbortController)>>;

fn flies(flights: &Flights, attempt: AttemptId) -> bool {
    flights.borrow().iter().any(|(id, _)| *id == attempt)
}

fn land(flights: &Flights, attempt: AttemptId) -> Option<AbortController> {
    let mut flights = flights.borrow_mut();
    let at = flights.iter().position(|(id, _)| *id == attempt)?;
    Some(flights.swap_remove(at).1)
}

impl Http {
    /// `fetch`: the application's own, `None`: the browser's.
    pub fn new(fetch: Option<Function>) -> Self {
        Http { fetch: fetch.into(), flights: Rc::default() }
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
        let (fetch, flights, url) = (self.fetch.clone(), Rc::clone(&self.flights), request.url.into());
        let encoding = request.encoding;
        let composed = AbortController::new().and_then(|controller| {
            let (body, files) = compose(&request.body, store)?;
            // An address and plain options, because that is what applications' functions look at; and a `Request` costs more.
            let headers: Vec<_> = request.headers.iter().map(|(name, value)| (*name, value.into())).collect();
            let options = js::object(&[
                ("method", request.method.as_str().into()),
                ("headers", js::object(&headers)),
                ("body", body),
                // A cached status is a lie, and bundles need no place in a cache.
                ("cache", "no-store".into()),
                ("signal", controller.signal().into()),
            ]);
            self.flights.borrow_mut().push((attempt, controller));
            Ok((options, files))
        });
        spawn_local(async move {
            let mut files = Vec::new();
            let outcome = match composed {
                Ok((options, sources)) => {
                    files = sources;
                    let packed = match encoding {
                        Encoding::Identity => None,
                        Encoding::Gzip => Some(JsFuture::from(pack(&options)).await),
                    };
                    let answer = match packed {
                        // It may be one of them that can't be read, and not packing that can't be done.
                        Some(Err(error)) if !files.is_empty() => Err(error),
                        packed => {
                            if let Some(packed) = packed {
                                // It may be called off, before or by what is said to this.
                                if flies(&flights, attempt) {
                                    let bytes = packed.ok().and_then(|bytes| js::count(&bytes));
                                    report(Input::Packed { attempt, bytes }, Vec::new());
                                }
                                if !flies(&flights, attempt) {
                                    return;
                                }
                            }
                            JsFuture::from(exchange(&fetch, &url, &options)).await
                        }
                    };
                    if land(&flights, attempt).is_none() {
                        return;
                    }
                    answer
                }
                Err(error) => Err(error),
            };
            match outcome {
                Ok(answer) => report(Input::Reply { attempt, reply: read(answer.unchecked_ref()) }, Vec::new()),
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
    let (parts, mut files) = (Array::new(), Vec::new());
    for segment in segments {
        match segment {
            Segment::Bytes(bytes) => drop(parts.push(&Uint8Array::from(&bytes[..]))),
            Segment::Block(key) => {
                let (part, source) = store.part(*key).ok_or_else(|| {
                    js::type_error(&format!("block {} of file {} is not kept", key.index, key.file))
                })??;
                parts.push(&part);
                if source == Source::File && files.last() != Some(&key.file) {
                    files.push(key.file);
                }
            }
        }
    }
    Ok((join(&parts), files))
}
