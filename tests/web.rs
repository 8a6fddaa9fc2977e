//! The shell in a real browser: `wasm-pack test --headless --chrome`, or `npm test`, which also starts the server that the
//! upload test needs.
#![cfg(target_arch = "wasm32")]

#[path = "web/conversion.rs"]
mod conversion;
#[path = "web/hooks.rs"]
mod hooks;
#[path = "web/journal.rs"]
mod journal;
#[path = "web/packing.rs"]
mod packing;
#[path = "web/reading.rs"]
mod reading;
#[path = "web/rig.rs"]
mod rig;
#[path = "web/sending.rs"]
mod sending;
#[path = "web/upload.rs"]
mod upload;
#[path = "web/walking.rs"]
mod walking;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
