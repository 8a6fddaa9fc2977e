//! Requests by `fetch`, in a page or a worker, or by the application's own `fetch`.

use crate::js;
use crate::store::Store;
use cloudindex_engine::{AttemptId, Encoding, Input, Reply, Request, Segment};
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
        packed: bool,
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

    /// Starts the attempt; its body is composed before this returns. `report` hears how it went, unless it is called off.
    pub fn send(&self, attempt: AttemptId, request: Request, store: &Store, report: impl Fn(Input) + 'static) {
        let composed = AbortController::new().and_then(|controller| {
            let body = compose(&request.body, store)?;
            let signal = controller.signal();
            self.flights.borrow_mut().push((attempt, controller));
            Ok((body, signal))
        });
        let (fetch, flights) = (Rc::clone(&self.fetch), Rc::clone(&self.flights));
        spawn_local(async move {
            let outcome = match composed {
                Ok((mut body, signal)) => {
                    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (*name, value.into())).collect();
                    let mut is_packed = false;
                    if request.encoding == Encoding::Gzip {
                        let packed = JsFuture::from(pack(&body, &signal)).await.ok();
                        let bytes = packed.as_ref().and_then(|packed| js::count(&js::get(packed, "byteLength")));
                        // It may be called off, before or by what is said to this.
                        if !signal.aborted() {
                            report(Input::Packed { attempt, bytes });
                        }
                        if signal.aborted() {
                            return;
                        }
                        if let Some(packed) = packed {
                            (body, is_packed) = (packed, true);
                        }
                    }
                    let (method, headers) = (request.method.as_str(), js::object(&headers));
                    let sent = exchange(&fetch, method, &request.url, &headers, &body, is_packed, &signal);
                    let answer = JsFuture::from(sent).await;
                    if land(&flights, attempt).is_none() {
                        return;
                    }
                    answer.map(|answer| read(answer.unchecked_ref()))
                }
                Err(error) => Err(error),
            };
            report(match outcome {
                Ok(reply) => Input::Reply { attempt, reply },
                Err(error) => Input::NoReply { attempt, reason: js::describe(&error) },
            });
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

/// One array of all segments; undefined if there are none.
fn compose(segments: &[Segment], store: &Store) -> Result<JsValue, JsValue> {
    if segments.is_empty() {
        return Ok(JsValue::UNDEFINED);
    }
    let mut length = 0;
    for segment in segments {
        length += match segment {
            Segment::Bytes(bytes) => bytes.len() as u32,
            Segment::Block(key) => store
                .len(*key)
                .ok_or_else(|| js::type_error(&format!("block {} of file {} is not kept", key.index, key.file)))?,
        };
    }
    let body = Uint8Array::new_with_length(length);
    let mut offset = 0;
    for segment in segments {
        offset = match segment {
            Segment::Bytes(bytes) => {
                let end = offset + bytes.len() as u32;
                body.subarray(offset, end).copy_from(bytes);
                end
            }
            Segment::Block(key) => store.copy(*key, &body, offset),
        };
    }
    Ok(body.into())
}
