//! The browser's shell around [`cloudindex_engine`]: it performs what the engine asks for, reports what happened, and
//! decides nothing. One module serves both sides (`docs/architecture.md` has the picture):
//!
//! * the engine's side, in a worker or on the page: [`host`](mod@host) wires the ports, [`driver`] is the loop, [`readers`],
//!   [`hand`] and [`reading`] turn files into blocks, [`store`] keeps their bytes, [`reports`] tells the engine, [`http`] sends them, [`timer`] wakes the engine;
//! * the page's side is JavaScript: `intake.js` gives rows to the files that `walk.js` finds in whatever was dropped (taken by
//!   `sources.js`), and hands them on in slices;
//! * what outlives both: [`journal`](mod@journal);
//! * between them: [`ports`] has the private messages, [`plain`] what the facade is told, [`js`] the conversions.
//!
//! This file is the surface that JavaScript sees. It is empty natively, so that `cargo test --workspace` works.
#![cfg(target_arch = "wasm32")]

pub mod driver;
pub mod hand;
pub mod host;
pub mod http;
pub mod journal;
pub mod js;
pub mod plain;
pub mod ports;
pub mod readers;
pub mod reading;
pub mod reports;
pub mod store;
pub mod timer;

use cloudindex_engine::{Config, Found, limits, options, plan};
use js_sys::{Array, Function, Promise, Uint32Array};
use plain::Plain;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::MessagePort;

/// A third of the bytes of std's allocator, and measured faster, with no more memory.
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Why something failed: `code` is for programs, `message` for people. */
export interface Failure {
  type: 'validation' | 'processing' | 'system';
  code: string;
  message: string;
  retryable: boolean;
  status?: number;
  attempt?: number;
}

/** What an earlier page left. */
export interface Left {
  batchId: string;
  /** ms since 1970. */
  since: number;
  files: number;
  total: number;
  bytes: number;
  /** The journal is in use now. */
  elsewhere: boolean;
  roots: FileSystemHandle[];
}
"#;

/// An application's options, resolved; a Failure as JavaScript gets it.
fn config(options: &str) -> Result<Config, JsValue> {
    js::words(options).and_then(options::read).map_err(|failure| failure.plain())
}

/// Runs an engine in this thread. `options`: JSON text of what the application set. `readers`: ports to workers that [`read()`]
/// for it; without them it reads itself. Wrong options: throws a Failure.
#[wasm_bindgen]
pub fn host(
    options: &str,
    control: MessagePort,
    files: Option<MessagePort>,
    readers: Vec<MessagePort>,
    #[wasm_bindgen(unchecked_param_type = "typeof globalThis.fetch | undefined")] fetch: Option<Function>,
) -> Result<(), JsValue> {
    let mut config = config(options)?;
    config.epoch = (js_sys::Date::now() - js::millis()) as u64;
    host::start(config, control, files, readers, fetch);
    Ok(())
}

/// Reads files in this worker for the host at the other end of the port. `options`: as for the host.
#[wasm_bindgen]
pub fn read(options: &str, port: MessagePort) -> Result<(), JsValue> {
    hand::serve(config(options)?.cut, port);
    Ok(())
}

/// How many workers should read for an upload on a machine of so many cores.
#[wasm_bindgen]
pub fn readers(options: &str, cores: u32) -> Result<u32, JsValue> {
    Ok(config(options)?.readers(cores))
}

/// undefined, or the Failure that names the wrong option.
#[wasm_bindgen(js_name = checkOptions, unchecked_return_type = "Failure | undefined")]
pub fn check_options(options: &str) -> JsValue {
    config(options).map_or_else(|failure| failure, |_| JsValue::UNDEFINED)
}

/// What an earlier page left in the journal that `options` names.
#[wasm_bindgen(unchecked_return_type = "Promise<Left | undefined>")]
pub fn left(options: &str) -> Result<Promise, JsValue> {
    let config = config(options)?;
    Ok(future_to_promise(async move { Ok(journal::left(config).await) }))
}

/// The body of `POST /v1/batches` from what `batches.create` was given; wrong options: throws a Failure.
#[wasm_bindgen(js_name = newBatch)]
pub fn new_batch(options: &str) -> Result<String, JsValue> {
    js::words(options).and_then(options::new_batch).map_err(|failure| failure.plain())
}

/// The seed's optimizeBatchSize without its faults: indexes by batch; files over the limit in `rejected`.
#[wasm_bindgen(js_name = planBatches, unchecked_return_type = "{ batches: Uint32Array[]; rejected: Uint32Array }")]
pub fn plan_batches(sizes: Vec<f64>, options: &str) -> Result<JsValue, JsValue> {
    let config = config(options)?;
    let sizes: Vec<u64> = sizes.into_iter().map(|size| size as u64).collect();
    let plan = plan::plan_batches(&sizes, config.max_batch_bytes, config.batch_size);
    let batches: Array = plan.batches.iter().map(|batch| Uint32Array::from(&batch[..])).collect();
    let rejected = Uint32Array::from(&plan.rejected[..]);
    Ok(js::object(&[("batches", batches.into()), ("rejected", rejected.into())]))
}

/// Best practice 1: the Failure of each file that would be refused.
#[wasm_bindgen(unchecked_return_type = "{ index: number; error: Failure }[]")]
pub fn validate(paths: Vec<String>, sizes: Vec<f64>, options: &str) -> Result<JsValue, JsValue> {
    let config = config(options)?;
    let mut sizes = sizes.into_iter().map(|size| size as u64);
    let found: Vec<Found> =
        paths.into_iter().map(|path| Found { path, size: sizes.next(), ..Found::default() }).collect();
    let refused = limits::validate(&found, &config);
    let refused: Array = refused
        .iter()
        .map(|(index, failure)| js::object(&[("index", (*index as u32).into()), ("error", failure.plain())]))
        .collect();
    Ok(refused.into())
}
