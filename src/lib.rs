//! The browser's face of [`cloudindex_engine`]: what JavaScript tells the engine, and what the engine has JavaScript do.
//!
//! All that speaks to the browser (files, workers, fetch, IndexedDB, ports) is JavaScript, because in Rust it was three times
//! the bytes on the wire; it decides nothing (`docs/architecture.md` has the picture). What crosses between the two is here:
//!
//! * [`options`]: an application's options, word by word, and what can be asked of them alone;
//! * [`core`](mod@core): the engine: an input a method;
//! * [`hands`]: what it wants done: an action a method of a JavaScript object;
//! * [`plain`]: updates and failures as JSON;
//! * [`cutting`]: bytes into named blocks, for workers that read.
//!
//! The page's side, which finds files (`intake.js`, `walk.js`, `sources.js`), and the journal (`journal.js`) lie beside
//! it; the side around the engine is `js/host`. The crate is empty natively, so that `cargo test --workspace` works.
#![cfg(target_arch = "wasm32")]

pub mod core;
pub mod cutting;
pub mod hands;
pub mod options;
pub mod plain;

/// A third of the bytes of std's allocator, and measured faster, with no more memory.
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// Whole and not negative, as JavaScript's numbers of bytes and milliseconds are; NaN is what is not known.
fn known(number: f64) -> Option<u64> {
    (!number.is_nan()).then_some(number as u64)
}
